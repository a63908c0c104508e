// The store as a few lines of dictionary, which is what the tests hold the real one to.

@testable import KVStore

/// What a store with tables holds, and what each verb does to it.
struct ModelStore: Equatable, Sendable {
  struct Row: Equatable, Sendable {
    var value: [UInt8]
    var counter: Int64
    var expiration: Int64

    func hasExpired(_ now: Timestamp?) -> Bool {
      guard let now else { return false }
      return expiration > 0 && now.secondsSince1970 > expiration
    }

    var expiresAt: Timestamp? { expiration > 0 ? Timestamp(secondsSince1970: expiration) : nil }
  }

  /// By table, then by the bytes of the key: equal strings may differ in bytes. The tables are those that there are.
  private var rows: [Table: [[UInt8]: Row]]

  init(tables: [Table]) { rows = Dictionary(uniqueKeysWithValues: tables.map { ($0, [:]) }) }

  /// The tables that are not empty.
  var contents: [Table: [[UInt8]: Row]] { rows.filter { !$0.value.isEmpty } }

  private subscript(table: Table, key: String) -> Row? {
    get { rows[table]?[Array(key.utf8)] }
    set { rows[table]?[Array(key.utf8)] = newValue }
  }

  private func check(_ table: Table) throws(StoreError) {
    if rows[table] == nil { throw .unknownTable(table) }
  }

  private func check(_ key: String, _ value: [UInt8]) throws(StoreError) {
    if key.isEmpty { throw .invalidKey(key, .empty) }
    if key.utf8.count > 1024 { throw .invalidKey(key, .tooLong(limit: 1024)) }
    if key.utf8.contains(0) { throw .invalidKey(key, .containsNUL) }
    if value.count > 4_194_304 { throw .valueTooLarge(limit: 4_194_304) }
  }

  // MARK: Reading

  func row(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Row? {
    try check(table)
    guard let row = self[table, key], !row.hasExpired(now) else { return nil }
    return row
  }

  func get(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Entry? {
    try row(table, key, now: now).map { Entry(value: $0.value, counter: $0.counter) }
  }

  func listKeys(_ table: Table) throws(StoreError) -> [String] {
    try rows(table, in: .all).map(\.key)
  }

  /// The rows of a range behind a cursor, in order, or backwards.
  func rows(
    _ table: Table, in range: KeyRange, after cursor: String? = nil, backwards: Bool = false,
    now: Timestamp? = nil
  ) throws(StoreError) -> [KVStore.Row] {
    try check(table)
    let cursor = cursor.map { Array($0.utf8) }
    let found = (rows[table] ?? [:])
      .filter { key, row in
        !key.lexicographicallyPrecedes(range.lower)
          && range.upper.map { key.lexicographicallyPrecedes($0) } ?? true
          && cursor.map {
            backwards ? key.lexicographicallyPrecedes($0) : $0.lexicographicallyPrecedes(key)
          } ?? true
          && !row.hasExpired(now)
      }
      .sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { key, row in
        KVStore.Row(
          key: String(decoding: key, as: UTF8.self),
          entry: Entry(value: row.value, counter: row.counter), expiresAt: row.expiresAt)
      }
    return backwards ? found.reversed() : found
  }

  // MARK: Writing

  mutating func add(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?, now: Timestamp?
  ) throws(StoreError) {
    try check(key, value)
    if let now, let expiresAt, expiresAt > 0, now > expiresAt {
      throw .alreadyExpired(expiresAt: expiresAt, now: now)
    }
    if try get(table, key, now: now) != nil { throw .entryExists(table: table, key: key) }
    self[table, key] = Row(
      value: value, counter: 0, expiration: expiresAt?.secondsSince1970 ?? 0)
  }

  mutating func tryUpdate(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64,
    expiresAt: Timestamp?
  ) throws(StoreError) -> Bool {
    try check(key, value)
    guard try row(table, key, now: nil)?.counter == counter else { return false }
    try overwrite(table, key, value, expiresAt: expiresAt)
    return true
  }

  @discardableResult
  mutating func overwrite(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?
  ) throws(StoreError) -> Int64 {
    try check(key, value)
    let before = try row(table, key, now: nil)?.counter
    if before == .max { throw .counterExhausted(table: table, key: key) }
    let counter = before.map { $0 + 1 } ?? 0
    self[table, key] = Row(
      value: value, counter: counter, expiration: expiresAt?.secondsSince1970 ?? 0)
    return counter
  }

  mutating func delete(_ table: Table, _ key: String) throws(StoreError) -> Bool {
    try check(table)
    defer { self[table, key] = nil }
    return self[table, key] != nil
  }

  mutating func delete(_ table: Table, in range: KeyRange) throws(StoreError) -> Int {
    let found = try rows(table, in: range)
    for row in found { self[table, row.key] = nil }
    return found.count
  }

  mutating func clear(_ table: Table) throws(StoreError) {
    try check(table)
    rows[table] = [:]
  }

  mutating func sweep(_ table: Table, now: Timestamp) throws(StoreError) -> Int {
    try check(table)
    let before = rows[table] ?? [:]
    let after = before.filter { !$0.value.hasExpired(now) }
    rows[table] = after
    return before.count - after.count
  }

  mutating func restore(_ table: Table, _ row: KVStore.Row) throws(StoreError) {
    try check(row.key, row.value)
    try check(table)
    self[table, row.key] = Row(
      value: row.value, counter: row.counter, expiration: row.expiresAt?.secondsSince1970 ?? 0)
  }

  // MARK: Reading and writing

  mutating func modify(
    _ table: Table, _ key: String, now: Timestamp?, _ change: (inout [UInt8]?) throws -> Void
  ) throws -> [UInt8]? {
    let before = try row(table, key, now: now)
    var value = before?.value
    try change(&value)
    if let value {
      if let before {
        try overwrite(table, key, value, expiresAt: before.expiresAt)
      } else {
        try add(table, key, value, expiresAt: nil, now: now)
      }
    } else if before != nil {
      self[table, key] = nil
    }
    return before?.value
  }

  mutating func changeNumber(
    _ table: Table, _ key: String, expiresAt: Timestamp? = nil, now: Timestamp?,
    _ change: (Int64?) throws(StoreError) -> Int64
  ) throws(StoreError) -> Int64 {
    guard let before = try row(table, key, now: now) else {
      let number = try change(nil)
      try add(table, key, Array("\(number)".utf8), expiresAt: expiresAt, now: now)
      return number
    }
    guard
      let number = String(validating: before.value, as: UTF8.self).flatMap({ Int64($0) })
    else { throw .notANumber(table: table, key: key) }
    let after = try change(number)
    if after != number {
      try overwrite(table, key, Array("\(after)".utf8), expiresAt: before.expiresAt)
    }
    return after
  }
}
