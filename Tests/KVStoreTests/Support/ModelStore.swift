// The store as a few lines of dictionary, which is what the tests hold the real one to.

@testable import KVStore

/// What a store with tables holds, and what each verb does to it.
struct ModelStore: Equatable {
  struct Row: Equatable {
    var value: [UInt8]
    var counter: Int64
    var expiration: Int64
  }

  /// By table, then by the bytes of the key: equal strings may differ in bytes.
  private var rows: [Table: [[UInt8]: Row]] = [:]

  /// The tables that are not empty.
  var contents: [Table: [[UInt8]: Row]] { rows.filter { !$0.value.isEmpty } }

  private subscript(table: Table, key: String) -> Row? {
    get { rows[table]?[Array(key.utf8)] }
    set { rows[table, default: [:]][Array(key.utf8)] = newValue }
  }

  func get(_ table: Table, _ key: String, now: Int64?) -> Entry? {
    guard let row = self[table, key] else { return nil }
    if let now, row.expiration > 0, now > row.expiration { return nil }
    return Entry(value: row.value, counter: row.counter)
  }

  mutating func add(
    _ table: Table, _ key: String, _ value: [UInt8], expiration: Int64, now: Int64?
  ) -> StoreError? {
    if let now, expiration > 0, now > expiration {
      return .alreadyExpired(
        expiresAt: Timestamp(secondsSince1970: expiration), now: Timestamp(secondsSince1970: now))
    }
    if get(table, key, now: now) != nil { return .entryExists(table: table, key: key) }
    self[table, key] = Row(value: value, counter: 0, expiration: expiration)
    return nil
  }

  mutating func update(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64, expiration: Int64
  ) -> Bool {
    guard self[table, key]?.counter == counter else { return false }
    self[table, key] = Row(value: value, counter: counter + 1, expiration: expiration)
    return true
  }

  mutating func overwrite(_ table: Table, _ key: String, _ value: [UInt8], expiration: Int64) {
    let counter = self[table, key].map { $0.counter + 1 } ?? 0
    self[table, key] = Row(value: value, counter: counter, expiration: expiration)
  }

  mutating func delete(_ table: Table, _ key: String) -> Bool {
    defer { self[table, key] = nil }
    return self[table, key] != nil
  }

  func listKeys(_ table: Table) -> [String] {
    (rows[table] ?? [:]).keys
      .sorted { $0.lexicographicallyPrecedes($1) }
      .map { String(decoding: $0, as: UTF8.self) }
  }

  mutating func clear(_ table: Table) { rows[table] = nil }
}
