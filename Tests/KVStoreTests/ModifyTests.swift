import Testing

@testable import KVStore

private struct Refusal: Error, Equatable {}

@Suite("Verbs that read, change and write")
struct ModifyTests {
  let store: Store

  init() throws { store = try .inMemory(tables: [.accounts]) }

  private func row(_ key: String) throws -> Row? {
    try store.read { try $0.scan(.accounts, in: .from(key), limit: 1) }.rows.first
  }

  @Test("modify adds, changes and takes away; the expiry stays")
  func modify() throws {
    try store.execute { storage in
      let before = try storage.modify(.accounts, "a") { value in
        defer { value = Array("1".utf8) }
        return value
      }
      #expect(before == nil)
      try storage.overwrite(.accounts, "a", "2", expiresAt: 50)
      try storage.modify(.accounts, "a") { $0?.append(UInt8(ascii: "!")) }
    }
    #expect(
      try row("a")
        == Row(key: "a", entry: Entry(value: Array("2!".utf8), counter: 2), expiresAt: 50))
    try store.execute { try $0.modify(.accounts, "a") { $0 = nil } }
    #expect(try row("a") == nil)
    try store.execute { try $0.modify(.accounts, "a") { #expect($0 == nil) } }
    #expect(try row("a") == nil)
  }

  @Test("An entry that has expired is none, and what takes its place never expires")
  func modifyExpired() throws {
    try store.execute { storage in
      try storage.add(.accounts, "a", "7", expiresAt: 50)
      try storage.modify(.accounts, "a", now: 51) { value in
        #expect(value == nil)
        value = [UInt8(ascii: "1")]
      }
      try storage.add(.accounts, "b", "7", expiresAt: 50)
      try storage.increment(.accounts, "b", now: 51)
    }
    #expect(try row("b")?.text == "1")
    #expect(try row("a")?.counter == 0)
    #expect(try row("b")?.counter == 0)
    try store.execute { try $0.increment(.accounts, "c", expiresAt: 60) }
    #expect(try row("c")?.expiresAt == 60)
    #expect(try row("a")?.expiresAt == nil)
    #expect(try row("b")?.expiresAt == nil)
  }

  @Test("What change throws leaves everything as it was")
  func modifyThrows() throws {
    try store.execute { storage in
      try storage.add(.accounts, "a", "1")
      #expect(throws: Refusal()) {
        try storage.modify(.accounts, "a") { value in
          value = []
          throw Refusal()
        }
      }
    }
    #expect(try row("a")?.text == "1")
    #expect(try row("a")?.counter == 0)
  }

  @Test("Numbers: added to, raised, lowered")
  func numbers() throws {
    let numbers = try store.execute { storage in
      [
        try storage.increment(.accounts, "n"),
        try storage.increment(.accounts, "n", by: -5),
        try storage.raise(.accounts, "n", to: 3),
        try storage.raise(.accounts, "n", to: 2),
        try storage.lower(.accounts, "n", to: 9),
        try storage.lower(.accounts, "n", to: -9),
        try storage.raise(.accounts, "r", to: -2),
        try storage.lower(.accounts, "l", to: 2),
      ]
    }
    #expect(numbers == [1, -4, 3, 3, 3, -9, -2, 2])
    #expect(try row("n")?.text == "-9")
    #expect(try row("n")?.counter == 3)  // what changes nothing leaves it
  }

  @Test("What is no number, or would be none, is refused and stays")
  func noNumbers() throws {
    try store.execute { storage in
      try storage.add(.accounts, "text", "12a")
      try storage.add(.accounts, "bytes", [0xFF])
      try storage.add(.accounts, "large", "\(Int64.max)")
      for key in ["text", "bytes"] {
        #expect(throws: StoreError.notANumber(table: .accounts, key: key)) {
          try storage.increment(.accounts, key)
        }
      }
      #expect(throws: StoreError.numberOverflow(table: .accounts, key: "large")) {
        try storage.increment(.accounts, "large")
      }
      try storage.increment(.accounts, "large", by: -1)
    }
    #expect(try row("large")?.text == "\(Int64.max - 1)")
    #expect(try row("text")?.counter == 0)
  }

  @Test("overwrite tells the counter: 0 for a new entry")
  func overwriteTells() throws {
    let counters = try store.execute { storage in
      [
        try storage.overwrite(.accounts, "a", "1"), try storage.overwrite(.accounts, "a", "1"),
        try storage.overwrite(.accounts, "a", "2"),
      ]
    }
    #expect(counters == [0, 1, 2])
  }
}
