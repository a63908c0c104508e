// The SQL behind each verb, prepared once per table.

/// The prepared statements of one table.
///
/// What they throw is a failure of SQLite; a refusal is a result.
///
/// Parameters are the same everywhere: ?1 key, ?2 value, ?3 expiration, ?4 what the row is compared
/// to. A conflict is never left to SQLite's constraints, since their errors could end the
/// transaction.
final class TableStatements {
  private let select: SQLiteStatement
  private let insert: SQLiteStatement
  private let update: SQLiteStatement
  private let upsert: SQLiteStatement
  private let delete: SQLiteStatement
  private let selectKeys: SQLiteStatement
  private let deleteAll: SQLiteStatement

  /// Prepares them for a table with a good name, which becomes part of the SQL.
  init(_ table: Table, on connection: SQLiteConnection) throws(StoreError) {
    assert(table.hasGoodName)
    let name = "\"\(table.name)\""
    select = try SQLiteStatement(
      "SELECT expiration, counter, value FROM \(name) WHERE key = ?1", on: connection)
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
        SET value = excluded.value, counter = counter + 1, expiration = excluded.expiration
        WHERE counter < \(Int64.max)
      """, on: connection)
    delete = try SQLiteStatement("DELETE FROM \(name) WHERE key = ?1", on: connection)
    selectKeys = try SQLiteStatement("SELECT key FROM \(name) ORDER BY key", on: connection)
    deleteAll = try SQLiteStatement("DELETE FROM \(name)", on: connection)
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

  /// Adds or changes an entry; returns whether it did, which it does unless the counter cannot
  /// rise.
  func upsert(
    _ key: String, _ value: [UInt8], expiresAt: Timestamp?
  ) throws(StoreError) -> Bool {
    try write(upsert, key, value, expiresAt: expiresAt, comparedTo: nil)
  }

  /// Returns whether there was an entry to delete.
  func delete(_ key: String) throws(StoreError) -> Bool {
    try delete.lend(key, at: 1) { () throws(StoreError) in try delete.run() == 1 }
  }

  /// Every key, in the order of its bytes.
  func keys() throws(StoreError) -> [String] {
    var keys: [String] = []
    try selectKeys.forEachRow { keys.append($0.text(at: 0)) }
    return keys
  }

  /// Deletes every entry.
  func clear() throws(StoreError) { try deleteAll.run() }

  private func write(
    _ statement: borrowing SQLiteStatement, _ key: String, _ value: [UInt8],
    expiresAt: Timestamp?, comparedTo number: Int64?
  ) throws(StoreError) -> Bool {
    try statement.lend(key, at: 1) { () throws(StoreError) in
      try statement.lend(value, at: 2) { () throws(StoreError) in
        try statement.bind(expiresAt?.secondsSince1970 ?? 0, at: 3)
        if let number { try statement.bind(number, at: 4) }
        return try statement.run() == 1
      }
    }
  }
}
