// The SQL behind the verbs that read, prepared once per table and connection.

/// The prepared statements that read one table.
///
/// Parameters are the same everywhere: ?1 and ?2 the bounds, ?3 the time before which entries have expired, ?4 how many
/// rows.
final class TableReads {
  private let name: String
  private let connection: SQLiteConnection
  private let select: SQLiteStatement
  // Many programs never need these.
  private lazy var selectKeys = prepared("SELECT key FROM \(name) ORDER BY key")
  private lazy var countRows = prepared("SELECT count(*) FROM \(name) WHERE key >= ?1 AND \(rest)")
  private lazy var pageFrom = prepared(page("key >= ?1", order: "ASC"))
  private lazy var pageAfter = prepared(page("key > ?1", order: "ASC"))
  private lazy var pageBackwards = prepared(page("key >= ?1", order: "DESC"))

  /// Prepares them for a table with a good name, which becomes part of the SQL.
  init(_ table: Table, on connection: SQLiteConnection) throws(StoreError) {
    assert(table.hasGoodName)
    self.connection = connection
    name = "\"\(table.name)\""
    select = try SQLiteStatement(
      "SELECT expiration, counter, value FROM \(name) WHERE key = ?1", on: connection)
  }

  /// What holds for all statements with bounds: before the upper one, and not expired.
  private var rest: String { "key < ?2 AND (expiration <= 0 OR expiration >= ?3)" }

  private func page(_ lower: String, order: String) -> String {
    """
    SELECT key, expiration, counter, value FROM \(name)
    WHERE \(lower) AND \(rest) ORDER BY key \(order) LIMIT ?4
    """
  }

  private func prepared(_ sql: String) -> Result<PreparedStatement, StoreError> {
    Result { () throws(StoreError) in PreparedStatement(try SQLiteStatement(sql, on: connection)) }
  }

  /// The entry, unless it expired before `now`; without `now` nothing is expired.
  func entry(_ key: String, now: Timestamp?) throws(StoreError) -> Entry? {
    let found = try select.lend(key, at: 1) { () throws(StoreError) in
      try select.firstRow { row -> Entry? in
        let expiration = row.number(at: 0)
        if let now, expiration > 0, now.secondsSince1970 > expiration { return nil }
        return Entry(value: row.bytes(at: 2), counter: row.number(at: 1))
      }
    }
    return found ?? nil
  }

  /// When the entry expires; `nil` for never, and without an entry.
  func expiry(of key: String) throws(StoreError) -> Timestamp? {
    let expiration = try select.lend(key, at: 1) { () throws(StoreError) in
      try select.firstRow { $0.number(at: 0) } ?? 0
    }
    return expiration > 0 ? Timestamp(secondsSince1970: expiration) : nil
  }

  /// Every key, in the order of its bytes.
  func keys() throws(StoreError) -> [String] {
    var keys: [String] = []
    try selectKeys.get().statement.forEachRow { keys.append($0.text(at: 0)) }
    return keys
  }

  /// How many entries are in the range, expired ones left out if there is a time.
  func count(_ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int {
    let statement = try countRows.get()
    return try range.lend(to: statement.statement, now: now) { () throws(StoreError) in
      try statement.statement.firstRow { Int($0.number(at: 0)) } ?? 0
    }
  }

  /// Some rows, as ``StorageReader/scan(_:in:after:backwards:limit:now:)`` has it.
  func page(
    _ range: KeyRange, after cursor: String?, backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> Page {
    precondition(limit > 0, "a page has at least one row")
    let rest = cursor.map { range.rest(behind: $0, backwards: backwards) } ?? range
    let (rows, hasMore) = try page(rest, backwards: backwards, limit: limit, now: now)
    return Page(rows: rows, cursor: hasMore ? rows.last?.key : nil)
  }

  /// The first entries of the range, or the last ones, last first: as many as `limit` says, or as come to
  /// ``Store/Limits/pageLengthInBytes``.
  ///
  /// - Returns: The rows, and whether there may be more.
  private func page(
    _ range: KeyRange, backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> ([Row], hasMore: Bool) {
    let prepared =
      try (backwards ? pageBackwards : range.isAfterLower ? pageAfter : pageFrom).get()
    var rows: [Row] = []
    var size = 0
    try range.lend(to: prepared.statement, now: now) { () throws(StoreError) in
      try prepared.statement.bind(Int64(limit), at: 4)
      try prepared.statement.readRows { row in
        let expiration = row.number(at: 1)
        rows.append(
          Row(
            key: row.text(at: 0),
            entry: Entry(value: row.bytes(at: 3), counter: row.number(at: 2)),
            expiresAt: expiration > 0 ? Timestamp(secondsSince1970: expiration) : nil))
        size += rows[rows.count - 1].value.count
        return size < Store.Limits.pageLengthInBytes
      }
    }
    return (rows, rows.count == limit || size >= Store.Limits.pageLengthInBytes)
  }
}

/// A statement that is made when it is first needed.
// An object, as a property that is made late cannot hold what cannot be copied.
private final class PreparedStatement {
  let statement: SQLiteStatement

  init(_ statement: consuming SQLiteStatement) { self.statement = statement }
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
