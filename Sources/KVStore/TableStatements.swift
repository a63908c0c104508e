// The SQL behind the verbs that write, prepared once per table.

/// The prepared statements that write one table, and those that read it.
///
/// What they throw is a failure of SQLite; a refusal is a result.
///
/// Parameters are the same everywhere: ?1 key, ?2 value, ?3 expiration, ?4 what the row is compared
/// to. A conflict is never left to SQLite's constraints, since their errors could end the
/// transaction.
final class TableStatements {
  let reads: TableReads
  private let insert: SQLiteStatement
  private let update: SQLiteStatement
  private let upsert: SQLiteStatement
  private let restore: SQLiteStatement
  private let delete: SQLiteStatement
  private let deleteAll: SQLiteStatement
  private let deleteRange: SQLiteStatement
  private let deleteExpired: SQLiteStatement
  // For those who want to know what is deleted.
  private var tellDeleted: PreparedStatement?
  private var tellDeletedExpired: PreparedStatement?
  private let name: String
  private let connection: SQLiteConnection

  /// Prepares them for a table with a good name, which becomes part of the SQL.
  init(_ table: Table, on connection: SQLiteConnection) throws(StoreError) {
    assert(table.hasGoodName)
    let name = "\"\(table.name)\""
    self.name = name
    self.connection = connection
    reads = try TableReads(table, on: connection)
    insert = try SQLiteStatement(
      """
      INSERT INTO \(name) (key, value, counter, expiration) VALUES (?1, ?2, 0, ?3)
      ON CONFLICT (key) DO UPDATE
        SET value = excluded.value, counter = 0, expiration = excluded.expiration
        WHERE expiration > 0 AND ?4 > expiration
      """, on: connection)
    update = try SQLiteStatement(
      """
      UPDATE \(name) SET value = ?2, counter = counter + 1, expiration = ?3
      WHERE key = ?1 AND counter = ?4 AND counter < \(Int64.max)
      """, on: connection)
    upsert = try SQLiteStatement(
      """
      INSERT INTO \(name) (key, value, counter, expiration) VALUES (?1, ?2, 0, ?3)
      ON CONFLICT (key) DO UPDATE
        SET value = excluded.value, counter = noted(counter + 1), expiration = excluded.expiration
        WHERE counter < \(Int64.max)
      """, on: connection)
    restore = try SQLiteStatement(
      """
      INSERT INTO \(name) (key, value, counter, expiration) VALUES (?1, ?2, ?4, ?3)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, counter = excluded.counter,
        expiration = excluded.expiration
      """, on: connection)
    delete = try SQLiteStatement("DELETE FROM \(name) WHERE key = ?1", on: connection)
    deleteAll = try SQLiteStatement("DELETE FROM \(name)", on: connection)
    deleteRange = try SQLiteStatement(Self.deleteRangeSQL(name), on: connection)
    deleteExpired = try SQLiteStatement(Self.deleteExpiredSQL(name), on: connection)
  }

  private static func deleteRangeSQL(_ name: String) -> String {
    "DELETE FROM \(name) WHERE key >= ?1 AND key < ?2 AND expiration >= ?3"
  }

  private static func deleteExpiredSQL(_ name: String) -> String {
    """
    DELETE FROM \(name) WHERE rowid IN (
      SELECT rowid FROM \(name)
      WHERE expiration > 0 AND expiration >= ?1 AND expiration < ?2 LIMIT ?3
    )
    """
  }

  /// Adds an entry where there is none, or one that expired before `now`; returns whether it did.
  func insert(
    _ key: String, _ value: [UInt8], expiresAt: Timestamp?, now: Timestamp?
  ) throws(StoreError) -> Bool {
    // Nothing expires before the earliest time there is.
    let now = now?.secondsSince1970 ?? .min
    return try write(insert, key, value, expiresAt: expiresAt, comparedTo: now)
  }

  /// Changes an entry that has this counter; returns whether there was one.
  func update(
    _ key: String, _ value: [UInt8], ifCounter counter: Int64, expiresAt: Timestamp?
  ) throws(StoreError) -> Bool {
    try write(update, key, value, expiresAt: expiresAt, comparedTo: counter)
  }

  /// Adds or changes an entry; returns its counter, or `nil`, and nothing is changed, if that cannot rise.
  func upsert(
    _ key: String, _ value: [UInt8], expiresAt: Timestamp?
  ) throws(StoreError) -> Int64? {
    try lend(upsert, key, value, expiresAt: expiresAt) { () throws(StoreError) in
      connection.notedNumber = 0  // that of an entry that is new
      return try upsert.run() == 1 ? connection.notedNumber : nil
    }
  }

  /// Makes the entry under the row's key what the row is.
  func restore(_ row: Row) throws(StoreError) {
    _ = try write(
      restore, row.key, row.value, expiresAt: row.expiresAt, comparedTo: row.counter)
  }

  /// Returns whether there was an entry to delete.
  func delete(_ key: String) throws(StoreError) -> Bool {
    try delete.lend(key, at: 1) { () throws(StoreError) in try delete.run() == 1 }
  }

  /// Deletes every entry of the range, expired or not; returns how many.
  func delete(_ range: KeyRange) throws(StoreError) -> Int {
    // All of a table goes quickly, together with what is in no range: keys that are NULL.
    if range == .all { return try deleteAll.run() }
    return try range.lend(to: deleteRange, now: nil) { () throws(StoreError) in
      try deleteRange.run()
    }
  }

  /// The same, and tells each key.
  func delete(_ range: KeyRange, _ tell: (String) -> Void) throws(StoreError) -> Int {
    let prepared = try connection.prepared(
      &tellDeleted, Self.deleteRangeSQL(name) + " RETURNING key")
    let count = try range.lend(to: prepared.statement, now: nil) { () throws(StoreError) in
      try prepared.statement.count(tell)
    }
    return range == .all ? count + (try deleteAll.run()) : count
  }

  /// Deletes some of the entries that expired in this time; returns how many.
  func deleteExpired(in time: Range<Timestamp>, limit: Int) throws(StoreError) -> Int {
    try bind(time, limit, to: deleteExpired)
    return try deleteExpired.run()
  }

  /// The same, and tells each key.
  func deleteExpired(
    in time: Range<Timestamp>, limit: Int, _ tell: (String) -> Void
  ) throws(StoreError) -> Int {
    let prepared = try connection.prepared(
      &tellDeletedExpired, Self.deleteExpiredSQL(name) + " RETURNING key")
    try bind(time, limit, to: prepared.statement)
    return try prepared.statement.count(tell)
  }

  private func bind(
    _ time: Range<Timestamp>, _ limit: Int, to statement: borrowing SQLiteStatement
  ) throws(StoreError) {
    try statement.bind(time.lowerBound.secondsSince1970, at: 1)
    try statement.bind(time.upperBound.secondsSince1970, at: 2)
    try statement.bind(Int64(limit), at: 3)
  }

  private func write(
    _ statement: borrowing SQLiteStatement, _ key: String, _ value: [UInt8],
    expiresAt: Timestamp?, comparedTo number: Int64
  ) throws(StoreError) -> Bool {
    try lend(statement, key, value, expiresAt: expiresAt) { () throws(StoreError) in
      try statement.bind(number, at: 4)
      return try statement.run() == 1
    }
  }

  private func lend<R>(
    _ statement: borrowing SQLiteStatement, _ key: String, _ value: [UInt8],
    expiresAt: Timestamp?, while body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try statement.lend(key, at: 1) { () throws(StoreError) in
      try statement.lend(value, at: 2) { () throws(StoreError) in
        try statement.bind(expiresAt?.secondsSince1970 ?? 0, at: 3)
        return try body()
      }
    }
  }
}

extension SQLiteStatement {
  /// Tells the text in the first column of each row; returns how many there were.
  fileprivate func count(_ tell: (String) -> Void) throws(StoreError) -> Int {
    var count = 0
    try forEachRow { row in
      tell(row.text(at: 0))
      count += 1
    }
    return count
  }
}
