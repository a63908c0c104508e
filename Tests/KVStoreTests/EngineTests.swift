import Testing

@testable import KVStore

/// An engine that keeps everything in a dictionary: what verbs ask of one, and no more.
private final class DictionaryTransaction: WriteTransaction {
  private var tables: [Table: [String: Row]] = [.accounts: [:]]

  private func rows(_ table: Table) throws(StoreError) -> [String: Row] {
    guard let rows = tables[table] else { throw .unknownTable(table) }
    return rows
  }

  private func isAlive(_ row: Row, _ now: Timestamp?) -> Bool {
    guard let now, let expiresAt = row.expiresAt else { return true }
    return now <= expiresAt
  }

  private func sorted(
    _ table: Table, _ range: KeyRange, _ now: Timestamp?
  ) throws(StoreError) -> [Row] {
    try rows(table).values.filter { range.contains($0.key) && isAlive($0, now) }
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }

  private func put(_ table: Table, _ row: Row) { tables[table]![row.key] = row }

  func row(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Row? {
    let row = try rows(table)[key]
    return row.flatMap { isAlive($0, now) ? $0 : nil }
  }

  func count(_ table: Table, _ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int {
    try sorted(table, range, now).count
  }

  func fill(
    _ rows: inout [Row], from table: Table, _ range: KeyRange, after cursor: String?,
    backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> String? {
    let rest = cursor.map { range.rest(behind: $0, backwards: backwards) } ?? range
    let found = try sorted(table, rest, now)
    rows = Array((backwards ? found.reversed() : found).prefix(max(limit, 1)))
    return rows.count >= max(limit, 1) ? rows.last?.key : nil
  }

  func keys(_ table: Table) throws(StoreError) -> [String] {
    try sorted(table, .all, nil).map(\.key)
  }

  func insert(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?, now: Timestamp?
  ) throws(StoreError) -> Bool {
    guard try row(table, key, now: now) == nil else { return false }
    put(table, Row(key: key, entry: Entry(value: value, counter: 0), expiresAt: expiresAt))
    return true
  }

  func update(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64,
    expiresAt: Timestamp?
  ) throws(StoreError) -> Bool {
    guard let old = try rows(table)[key], old.counter == counter else { return false }
    let entry = Entry(value: value, counter: counter + 1)
    put(table, Row(key: key, entry: entry, expiresAt: expiresAt))
    return true
  }

  func upsert(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?
  ) throws(StoreError) -> Int64? {
    let counter = try rows(table)[key].map { $0.counter + 1 } ?? 0
    let entry = Entry(value: value, counter: counter)
    put(table, Row(key: key, entry: entry, expiresAt: expiresAt))
    return counter
  }

  func restore(_ table: Table, _ row: Row) throws(StoreError) {
    _ = try rows(table)
    put(table, row)
  }

  func delete(_ table: Table, _ key: String) throws(StoreError) -> Bool {
    guard try rows(table)[key] != nil else { return false }
    tables[table]![key] = nil
    return true
  }

  func delete(_ table: Table, _ range: KeyRange) throws(StoreError) -> Int {
    let found = try sorted(table, range, nil)
    for row in found { tables[table]![row.key] = nil }
    return found.count
  }

  func deleteExpired(
    _ table: Table, before now: Timestamp, limit: Int
  ) throws(StoreError) -> Int {
    let found = try sorted(table, .all, nil).filter { !isAlive($0, now) }.prefix(limit)
    for row in found { tables[table]![row.key] = nil }
    return found.count
  }
}

@Suite("Routines on another engine")
struct EngineTests {
  /// Uses every verb, and tells what each came to.
  private static let routine: @Sendable (borrowing Storage) throws -> [String] = { storage in
    var answers: [String] = []
    func tell(_ answer: Any?) { answers.append(answer.map { "\($0)" } ?? "nothing") }
    func refused(_ body: () throws -> Void) {
      do { try body() } catch { answers.append("\(error)") }
    }
    try storage.add(.accounts, "ada", "100")
    refused { try storage.add(.accounts, "ada", "taken") }
    try storage.add(.accounts, "old", "1", expiresAt: 10, now: 5)
    try storage.add(.accounts, "old", "2", expiresAt: 20, now: 11)
    refused { try storage.update(.accounts, "ada", "", ifCounter: 7) }
    try storage.update(.accounts, "ada", "101", ifCounter: 0)
    tell(try storage.get(.accounts, "ada"))
    tell(try storage.get(.accounts, "old", now: 21))
    tell(try storage.overwrite(.accounts, "bob", "5"))
    tell(try storage.increment(.accounts, "bob", by: 37))
    tell(try storage.raise(.accounts, "bob", to: 1))
    tell(try storage.modify(.accounts, "bob") { $0?.count })
    tell(try storage.count(.accounts, in: .prefix("a")))
    tell(try storage.scan(.accounts, after: "ada", limit: 1))
    tell(try storage.scan(.accounts, backwards: true, limit: 10, now: 15))
    tell(try storage.getMany(.accounts, ["bob", "nobody"]))
    try storage.restore(.accounts, Row(key: "é", entry: Entry(value: [1], counter: 9)))
    tell(try storage.listKeys(.accounts))
    tell(try storage.sweep(.accounts, now: 21))
    tell(try storage.delete(.accounts, in: .from("bob")))
    tell(try storage.delete(.accounts, "ada"))
    refused { try storage.clear("elsewhere") }
    tell(try storage.listKeys(.accounts))
    return answers
  }

  @Test("The same routine gives the same answers on SQLite and on a dictionary")
  func sameAnswers() throws {
    let store = try Store.inMemory(tables: [.accounts])
    let expected = try store.execute(Self.routine)
    #expect(expected.count == 18)
    #expect(try Self.routine(Storage(DictionaryTransaction())) == expected)
  }
}
