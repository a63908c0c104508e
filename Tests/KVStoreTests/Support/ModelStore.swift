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

  /// The rows of a range behind a cursor, in order, or backwards.
  func rows(
    _ table: Table, in range: KeyRange, after cursor: String?, backwards: Bool, now: Int64?
  ) -> [KVStore.Row] {
    let cursor = cursor.map { Array($0.utf8) }
    let found = (rows[table] ?? [:])
      .filter { key, row in
        !key.lexicographicallyPrecedes(range.lower)
          && range.upper.map { key.lexicographicallyPrecedes($0) } ?? true
          && cursor.map {
            backwards ? key.lexicographicallyPrecedes($0) : $0.lexicographicallyPrecedes(key)
          } ?? true
          && !(now.map { row.expiration > 0 && $0 > row.expiration } ?? false)
      }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { key, row in
        KVStore.Row(
          key: String(decoding: key, as: UTF8.self),
          entry: Entry(value: row.value, counter: row.counter),
          expiresAt: row.expiration > 0 ? Timestamp(secondsSince1970: row.expiration) : nil)
      }
    return backwards ? found.reversed() : found
  }

  /// `nil` if the value is no number.
  mutating func increment(
    _ table: Table, _ key: String, by amount: Int64, now: Int64?
  ) -> Int64? {
    let before = get(table, key, now: now)
    guard let before else {
      _ = add(table, key, Array("\(amount)".utf8), expiration: 0, now: now)
      return amount
    }
    guard let number = before.text.flatMap({ Int64($0) }) else { return nil }
    if amount == 0 { return number }
    let expiration = self[table, key]!.expiration
    overwrite(
      table, key, Array("\(number + amount)".utf8), expiration: max(expiration, 0))
    return number + amount
  }

  mutating func clear(_ table: Table) { rows[table] = nil }
}
