// The SQL behind the verbs that read, prepared once per table and connection.

/// The prepared statements that read one table.
///
/// Parameters of those with a range: ?1 and ?2 its bounds, ?3 the time before which entries have expired.
final class TableReads {
  private let name: String
  private let connection: SQLiteConnection
  private let select: SQLiteStatement
  // Many programs never need these.
  private var selectKeys: PreparedStatement?
  private var countRows: PreparedStatement?
  private var pageFrom: PreparedStatement?
  private var pageAfter: PreparedStatement?
  private var pageBackwards: PreparedStatement?
  private var findExpired: PreparedStatement?

  /// Prepares them for a table with a good name, which becomes part of the SQL.
  init(_ table: Table, on connection: SQLiteConnection) throws(StoreError) {
    assert(table.hasGoodName)
    self.connection = connection
    name = "\"\(table.name)\""
    select = try SQLiteStatement(
      "SELECT expiration, counter, value FROM \(name) WHERE key = ?1", on: connection)
  }

  private func pageSQL(_ lower: String, order: String) -> String {
    """
    SELECT key, expiration, counter, value FROM \(name)
    WHERE \(lower) AND \(Self.rest) ORDER BY key \(order)
    """
  }

  /// What holds for all statements with a range: before its upper bound, and not expired.
  private static var rest: String { "key < ?2 AND (expiration <= 0 OR expiration >= ?3)" }

  /// The entry, unless it expired before `now`; without `now` nothing is expired.
  func row(_ key: String, now: Timestamp?) throws(StoreError) -> Row? {
    let found = try select.lend(key, at: 1) { () throws(StoreError) in
      try select.firstRow { row -> Row? in
        let expiration = row.number(at: 0)
        if let now, expiration > 0, now.secondsSince1970 > expiration { return nil }
        return Row(
          key: key, entry: Entry(value: row.bytes(at: 2), counter: row.number(at: 1)),
          expiration: expiration)
      }
    }
    return found ?? nil
  }

  /// Every key, in the order of its bytes.
  func keys() throws(StoreError) -> [String] {
    var keys: [String] = []
    let all = try connection.prepared(&selectKeys, "SELECT key FROM \(name) ORDER BY key")
    try all.statement.forEachRow { keys.append($0.text(at: 0)) }
    return keys
  }

  /// How many entries are in the range, expired ones left out if there is a time.
  func count(_ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int {
    let statement = try connection.prepared(
      &countRows, "SELECT count(*) FROM \(name) WHERE key >= ?1 AND \(Self.rest)")
    return try range.lend(to: statement.statement, now: now) { () throws(StoreError) in
      try statement.statement.firstRow { Int($0.number(at: 0)) } ?? 0
    }
  }

  /// Whether an entry expired in this time.
  func hasExpired(in time: Range<Timestamp>) throws(StoreError) -> Bool {
    let prepared = try connection.prepared(
      &findExpired,
      "SELECT 1 FROM \(name) WHERE expiration > 0 AND expiration >= ?1 AND expiration < ?2")
    try prepared.statement.bind(time.lowerBound.secondsSince1970, at: 1)
    try prepared.statement.bind(time.upperBound.secondsSince1970, at: 2)
    return try prepared.statement.firstRow { _ in true } ?? false
  }

  /// Some rows, as ``StorageReader/scan(_:in:after:backwards:limit:now:)`` has it.
  ///
  /// Entries whose keys are not UTF-8 are passed over: nobody could say where to go on behind one.
  func page(
    _ range: KeyRange, after cursor: String?, backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> Page {
    let range = cursor.map { range.rest(behind: $0, backwards: backwards) } ?? range
    let prepared = try pageStatement(range, backwards: backwards)
    var rows: [Row] = []
    rows.reserveCapacity(min(limit, 64))
    var room = Store.Limits.pageLengthInBytes
    try range.lend(to: prepared.statement, now: now) { () throws(StoreError) in
      try prepared.statement.readRows { found in
        guard let row = Row(found) else { return true }
        rows.append(row)
        room -= row.key.utf8.count + row.value.count
        return rows.count < limit && room > 0
      }
    }
    let mayHaveMore = rows.count >= max(limit, 1) || room <= 0
    return Page(rows: rows, cursor: mayHaveMore ? rows.last?.key : nil)
  }

  private func pageStatement(
    _ range: KeyRange, backwards: Bool
  ) throws(StoreError) -> PreparedStatement {
    if backwards {
      return try connection.prepared(&pageBackwards, pageSQL("key >= ?1", order: "DESC"))
    }
    if range.isAfterLower {
      return try connection.prepared(&pageAfter, pageSQL("key > ?1", order: "ASC"))
    }
    return try connection.prepared(&pageFrom, pageSQL("key >= ?1", order: "ASC"))
  }
}

extension Row {
  /// The row that is being read; `nil` if its key is not UTF-8.
  fileprivate init?(_ row: borrowing SQLiteStatement) {
    guard let key = row.validText(at: 0) else { return nil }
    self.init(
      key: key, entry: Entry(value: row.bytes(at: 3), counter: row.number(at: 2)),
      expiration: row.number(at: 1))
  }

  /// From what the table holds, where 0 or less is no expiry.
  fileprivate init(key: String, entry: Entry, expiration: Int64) {
    self.init(
      key: key, entry: entry,
      expiresAt: expiration > 0 ? Timestamp(secondsSince1970: expiration) : nil)
  }
}

extension KeyRange {
  /// Lends a statement the bounds and the time, while `body` runs.
  func lend<R>(
    to statement: borrowing SQLiteStatement, now: Timestamp?, while body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try statement.lend(text: lower, at: 1) { () throws(StoreError) in
      // Without a time nothing has expired: no time is before the earliest.
      try statement.bind(now?.secondsSince1970 ?? .min, at: 3)
      guard let upper else {
        // Every text sorts before every blob, whatever its bytes.
        return try statement.lend([], at: 2, while: body)
      }
      return try statement.lend(text: upper, at: 2, while: body)
    }
  }
}
