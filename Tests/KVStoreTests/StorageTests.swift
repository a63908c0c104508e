import Testing

@testable import KVStore

extension Table {
  static let accounts: Table = "accounts"
}

@Suite("The verbs of a routine")
struct StorageTests {
  let store: Store

  init() throws { store = try Store.inMemory(tables: [.accounts, "other"]) }

  @Test("A missing key has no entry; an added one has its value and counter 0")
  func addThenGet() throws {
    try store.execute { storage in
      #expect(try storage.get(.accounts, "ada") == nil)
      try storage.add(.accounts, "ada", [1, 2, 3])
      #expect(try storage.get(.accounts, "ada") == Entry(value: [1, 2, 3], counter: 0))
      #expect(try storage.get("other", "ada") == nil)
    }
  }

  @Test("A routine that is a function of its own can be passed by name")
  func namedFunction() throws {
    #expect(try store.execute(getOrCreate) == "created")
    #expect(try store.execute(getOrCreate) == "found, counter 0")
  }

  @Test("Text goes in and comes out as UTF-8; bytes that are none have no text")
  func text() throws {
    try store.execute { storage in
      try storage.add(.accounts, "text", "żółw 🐢")
      #expect(try storage.get(.accounts, "text")?.value == Array("żółw 🐢".utf8))
      #expect(try storage.get(.accounts, "text")?.text == "żółw 🐢")
      try storage.update(.accounts, "text", "one", ifCounter: 0)
      #expect(try storage.tryUpdate(.accounts, "text", "two", ifCounter: 1))
      #expect(try storage.get(.accounts, "text")?.text == "two")
      try storage.overwrite(.accounts, "text", "three")
      #expect(try storage.get(.accounts, "text")?.text == "three")
      try storage.overwrite(.accounts, "text", [0xff, 0xfe])
      #expect(try storage.get(.accounts, "text")?.text == nil)
    }
  }

  @Test("An empty value is a value", arguments: ["add", "update", "overwrite"])
  func emptyValue(verb: String) throws {
    try store.execute { storage in
      if verb != "add" { try storage.add(.accounts, "ada", "full") }
      switch verb {
      case "add": try storage.add(.accounts, "ada", [])
      case "update": try storage.update(.accounts, "ada", [], ifCounter: 0)
      default: try storage.overwrite(.accounts, "ada", "")
      }
      #expect(try storage.get(.accounts, "ada")?.value == [])
    }
  }

  @Test("add refuses a key that is taken and leaves its entry alone")
  func addTaken() throws {
    try store.execute { try $0.add(.accounts, "ada", "1") }
    do {
      try store.execute { try $0.add(.accounts, "ada", "2") }
      Issue.record("the key was taken")
    } catch StoreError.entryExists(_, let key) {
      #expect(key == "ada")
    }
    #expect(try store.execute { try $0.get(.accounts, "ada")?.text } == "1")
  }

  @Test("update and tryUpdate change an entry with the right counter, and add 1 to it")
  func update() throws {
    try store.execute { storage in
      try storage.add(.accounts, "ada", "0")
      try storage.update(.accounts, "ada", "1", ifCounter: 0)
      #expect(try storage.get(.accounts, "ada") == Entry(value: Array("1".utf8), counter: 1))
      #expect(try storage.tryUpdate(.accounts, "ada", "2", ifCounter: 1))
      #expect(try storage.get(.accounts, "ada") == Entry(value: Array("2".utf8), counter: 2))
    }
  }

  @Test(
    "update and tryUpdate refuse another counter, and a key that is missing",
    arguments: [
      "ada", "missing",
    ])
  func staleUpdate(key: String) throws {
    try store.execute { storage in
      try storage.add(.accounts, "ada", "0")
      #expect(throws: StoreError.staleCounter(table: .accounts, key: key, expected: 7)) {
        try storage.update(.accounts, key, "1", ifCounter: 7)
      }
      #expect(try storage.tryUpdate(.accounts, key, "1", ifCounter: 7) == false)
      #expect(try storage.get(.accounts, "ada") == Entry(value: Array("0".utf8), counter: 0))
      #expect(try storage.listKeys(.accounts) == ["ada"])
    }
  }

  @Test("overwrite adds with counter 0, then adds 1 each time")
  func overwrite() throws {
    try store.execute { storage in
      for counter in 0..<3 as Range<Int64> {
        try storage.overwrite(.accounts, "ada", "\(counter)")
        #expect(try storage.get(.accounts, "ada")?.counter == counter)
      }
      #expect(try storage.get(.accounts, "ada")?.text == "2")
    }
  }

  @Test("delete tells whether there was an entry; added again, its counter is 0")
  func delete() throws {
    try store.execute { storage in
      #expect(try storage.delete(.accounts, "ada") == false)
      try storage.overwrite(.accounts, "ada", "1")
      try storage.overwrite(.accounts, "ada", "2")
      #expect(try storage.delete(.accounts, "ada"))
      #expect(try storage.get(.accounts, "ada") == nil)
      try storage.add(.accounts, "ada", "3")
      #expect(try storage.get(.accounts, "ada")?.counter == 0)
    }
  }

  @Test("listKeys is in the order of bytes; strings that look equal are two keys")
  func listKeys() throws {
    let keys = ["\u{1F642}", "e\u{301}", "\u{e9}", "b", "a", "B", "\u{ffff}"]
    let listed = try store.execute { storage in
      for key in keys { try storage.add(.accounts, key, "") }
      return try storage.listKeys(.accounts)
    }
    #expect(
      listed.map { Array($0.utf8) }
        == keys.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
  }

  @Test("clear empties one table")
  func clear() throws {
    try store.execute { storage in
      for key in ["a", "b"] {
        try storage.add(.accounts, key, "")
        try storage.add("other", key, "")
      }
      try storage.clear(.accounts)
      #expect(try storage.listKeys(.accounts) == [])
      #expect(try storage.listKeys("other") == ["a", "b"])
    }
  }

  @Test("A counter that cannot rise is an error, and the transaction goes on")
  func counterAtItsEnd() throws {
    try store.execute { try $0.add(.accounts, "ada", "1") }
    try store.executor.run { database in
      try database.connection.execute("UPDATE accounts SET counter = \(Int64.max)")
    }
    try store.execute { storage in
      let exhausted = StoreError.counterExhausted(table: .accounts, key: "ada")
      #expect(throws: exhausted) { try storage.overwrite(.accounts, "ada", "2") }
      #expect(throws: exhausted) {
        try storage.update(.accounts, "ada", "2", ifCounter: .max)
      }
      #expect(try storage.tryUpdate(.accounts, "nobody", "2", ifCounter: .max) == false)
      #expect(try storage.get(.accounts, "ada") == Entry(value: Array("1".utf8), counter: .max))
      try storage.add(.accounts, "bob", "")
    }
    #expect(try store.execute { try $0.listKeys(.accounts) } == ["ada", "bob"])
  }

  struct BadKey: CustomTestStringConvertible {
    var key: String
    var problem: KeyProblem
    var testDescription: String { "\(problem)" }
  }

  @Test(
    "Keys that cannot be written are refused by every verb that writes",
    arguments: [
      BadKey(key: "", problem: .empty),
      BadKey(key: "a\0b", problem: .containsNUL),
      BadKey(key: String(repeating: "é", count: 513), problem: .tooLong(limit: 1024)),
    ])
  func badKeys(row: BadKey) throws {
    let key = row.key
    let error = StoreError.invalidKey(key, row.problem)
    try store.execute { storage in
      #expect(throws: error) { try storage.add(.accounts, key, "") }
      #expect(throws: error) { try storage.update(.accounts, key, "", ifCounter: 0) }
      #expect(throws: error) { try storage.tryUpdate(.accounts, key, "", ifCounter: 0) }
      #expect(throws: error) { try storage.overwrite(.accounts, key, "") }
      #expect(try storage.get(.accounts, key) == nil)
      #expect(try storage.delete(.accounts, key) == false)
      try storage.add(.accounts, "good", "")
      #expect(try storage.listKeys(.accounts) == ["good"])
    }
  }

  @Test("The longest key and the largest value fit; one byte more does not")
  func limits() throws {
    let key = String(repeating: "k", count: Store.Limits.keyLengthInBytes)
    let value = [UInt8](repeating: 7, count: Store.Limits.valueLengthInBytes)
    try store.execute { storage in
      try storage.add(.accounts, key, value)
      #expect(try storage.get(.accounts, key) == Entry(value: value, counter: 0))
      let tooLarge = StoreError.valueTooLarge(limit: Store.Limits.valueLengthInBytes)
      #expect(throws: tooLarge) { try storage.add(.accounts, "a", value + [7]) }
      #expect(throws: tooLarge) { try storage.update(.accounts, key, value + [7], ifCounter: 0) }
      #expect(throws: tooLarge) { try storage.overwrite(.accounts, "a", value + [7]) }
    }
  }

  @Test("Every verb refuses a table that the store was not opened with")
  func unknownTable() throws {
    let unknown = StoreError.unknownTable("users")
    try store.execute { storage in
      #expect(throws: unknown) { try storage.get("users", "a") }
      #expect(throws: unknown) { try storage.add("users", "a", "") }
      #expect(throws: unknown) { try storage.update("users", "a", "", ifCounter: 0) }
      #expect(throws: unknown) { try storage.tryUpdate("users", "a", "", ifCounter: 0) }
      #expect(throws: unknown) { try storage.overwrite("users", "a", "") }
      #expect(throws: unknown) { try storage.delete("users", "a") }
      #expect(throws: unknown) { try storage.listKeys("users") }
      #expect(throws: unknown) { try storage.clear("users") }
      try storage.add(.accounts, "ada", "")
    }
    #expect(try store.execute { try $0.listKeys(.accounts) } == ["ada"])
  }
}

func getOrCreate(_ storage: borrowing Storage) throws -> String {
  if let entry = try storage.get(.accounts, "ada") { return "found, counter \(entry.counter)" }
  try storage.add(.accounts, "ada", "100")
  return "created"
}
