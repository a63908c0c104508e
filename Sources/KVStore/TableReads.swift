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
  private var pages: [PageShape: PreparedStatement] = [:]
  private var findExpired: PreparedStatement?

  /// Prepares them for a table with a good name, which becomes part of the SQL.
  init(_ table: Table, on connection: SQLiteConnection) throws(StoreError) {
    assert(table.hasGoodName)
    self.connection = connection
    name = "\"\(table.name)\""
    select = try SQLiteStatement(
      "SELECT expiration, counter, value FROM \(name) WHERE key = ?1", on: connection)
  }

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
      &countRows,
      """
      SELECT count(*) FROM \(name)
      WHERE key >= ?1 AND key < ?2 AND (expiration <= 0 OR expiration >= ?3)
      """)
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

  /// Makes `rows` some rows of the range, as ``ReadTransaction`` has it.
  ///
  /// Entries whose keys are not UTF-8 are passed over: nobody could say where to go on behind one.
  func fill(
    _ rows: inout [Row], _ range: KeyRange, after cursor: String?, backwards: Bool, limit: Int,
    now: Timestamp?
  ) throws(StoreError) -> String? {
    let range = cursor.map { range.rest(behind: $0, backwards: backwards) } ?? range
    let prepared = try pageStatement(PageShape(range, backwards: backwards, now: now))
    var count = 0
    var room = Store.Limits.pageLengthInBytes
    try range.lend(to: prepared.statement, now: now) { () throws(StoreError) in
      try prepared.statement.readRows { found in
        guard rows.setRow(at: count, to: found) else { return true }
        room -= rows[count].key.utf8.count + rows[count].value.count
        count += 1
        return count < limit && room > 0
      }
    }
    rows.removeLast(rows.count - count)
    let mayHaveMore = count >= max(limit, 1) || room <= 0
    return mayHaveMore ? rows.last?.key : nil
  }

  private func pageStatement(_ shape: PageShape) throws(StoreError) -> PreparedStatement {
    var statement = pages[shape]
    let prepared = try connection.prepared(&statement, shape.sql(for: name))
    if pages[shape] == nil { pages[shape] = prepared }
    return prepared
  }
}

/// What a statement that reads a page asks for, and no more: each term costs something for every row.
private struct PageShape: Hashable {
  private let isAfterLower: Bool
  private let hasUpper: Bool
  private let hasTime: Bool
  private let backwards: Bool

  init(_ range: KeyRange, backwards: Bool, now: Timestamp?) {
    isAfterLower = range.isAfterLower
    hasUpper = range.upper != nil
    hasTime = now != nil
    self.backwards = backwards
  }

  /// The statement for the table of this name.
  func sql(for name: String) -> String {
    var sql = "SELECT key, expiration, counter, value FROM \(name) WHERE key "
    sql += isAfterLower ? "> ?1" : ">= ?1"
    if hasUpper { sql += " AND key < ?2" }
    if hasTime { sql += " AND (expiration <= 0 OR expiration >= ?3)" }
    return sql + (backwards ? " ORDER BY key DESC" : " ORDER BY key")
  }
}

extension [Row] {
  /// Makes the row at this place, which may be the next, the one that is being read.
  ///
  /// - Returns: `false` if its key is not UTF-8.
  fileprivate mutating func setRow(at index: Int, to found: borrowing SQLiteStatement) -> Bool {
    guard index < count else {
      guard let row = Row(found) else { return false }
      append(row)
      return true
    }
    guard let key = found.validText(at: 0) else { return false }
    self[index].key = key
    self[index].expiresAt = Row.expiry(found.number(at: 1))
    self[index].entry.counter = found.number(at: 2)
    // Large ones are let go: a page of them has few, but each may be at another place.
    if self[index].entry.value.capacity > 4_096 { self[index].entry.value = [] }
    found.read(3, into: &self[index].entry.value)
    return true
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
      expiresAt: Self.expiry(expiration))
  }

  fileprivate static func expiry(_ expiration: Int64) -> Timestamp? {
    expiration > 0 ? Timestamp(secondsSince1970: expiration) : nil
  }
}

extension KeyRange {
  /// Lends a statement the bounds and the time, as far as it has parameters for them, while `body` runs.
  func lend<R>(
    to statement: borrowing SQLiteStatement, now: Timestamp?, while body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    let parameters = statement.parameterCount
    return try statement.lend(text: lower, at: 1) { () throws(StoreError) in
      // Without a time nothing has expired: no time is before the earliest.
      if parameters >= 3 { try statement.bind(now?.secondsSince1970 ?? .min, at: 3) }
      if parameters < 2 { return try body() }
      guard let upper else {
        // Every text sorts before every blob, whatever its bytes.
        return try statement.lend([], at: 2, while: body)
      }
      return try statement.lend(text: upper, at: 2, while: body)
    }
  }
}
