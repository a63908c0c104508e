import Testing

@testable import KVStore

/// Files are shared with freetser for Python: its SQL, run by Python's own sqlite3 module.
@Suite("Files of freetser for Python")
struct PythonTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("test.sqlite") }

  static let open = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    for pragma in ["journal_mode = WAL", "synchronous = NORMAL", "cache_size = -64000"]:
        connection.execute("PRAGMA " + pragma)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute('''
                    CREATE TABLE IF NOT EXISTS users (
                        key TEXT PRIMARY KEY,
                        counter INTEGER NOT NULL,
                        expiration INTEGER NOT NULL,
                        value BLOB NOT NULL
                    ) STRICT;
                ''')
    connection.commit()

    """

  private func runPython(_ script: String) throws -> String {
    let (status, output) = try #require(Tool.python).run(["-c", Self.open + script, path])
    try #require(status == 0, "\(output)")
    return output
  }

  @Test(
    "A file made by Python opens here, whatever keys it holds",
    .enabled(if: Tool.python != nil, "python3 is not installed"))
  func fromPython() throws {
    _ = try runPython(
      """
      insert = "INSERT INTO users (key, value, counter, expiration) VALUES (?, ?, ?, ?)"
      for row in [("ada", b"1", 3, 0), ("expiring", b"2", 0, 100), ("negative", b"3", 0, -5),
                  ("nul\\0key", b"4", 1, 0), ("l" * 2000, b"5", 2, 0), ("", b"", 0, 0),
                  ("żółw", bytes(range(256)), 0, 0)]:
          connection.execute(insert, row)
      """)
    let store = try Store(path: path, tables: ["users"])
    let long = String(repeating: "l", count: 2000)
    try store.execute { storage in
      #expect(
        try storage.listKeys("users")
          == ["", "ada", "expiring", long, "negative", "nul\0key", "żółw"])
      #expect(try storage.get("users", "ada") == Entry(value: Array("1".utf8), counter: 3))
      #expect(try storage.get("users", "expiring", now: 100)?.text == "2")
      #expect(try storage.get("users", "expiring", now: 101) == nil)
      #expect(try storage.get("users", "negative", now: 101)?.text == "3")
      #expect(try storage.get("users", "nul\0key")?.counter == 1)
      #expect(try storage.get("users", "nul") == nil)
      #expect(try storage.get("users", long)?.text == "5")
      #expect(try storage.get("users", "") == Entry(value: [], counter: 0))
      #expect(try storage.get("users", "żółw")?.value == Array(0...255))
      try storage.update("users", "ada", "changed", ifCounter: 3)
      for key in ["nul\0key", long, ""] { #expect(try storage.delete("users", key)) }
    }
    try store.close()
    #expect(try SQLiteConnection.looking(into: path).format() == .current)
    #expect(
      try runPython("print(connection.execute('SELECT * FROM users ORDER BY key').fetchone())")
        == "('ada', 4, 0, b'changed')\n")
  }

  @Test(
    "A file made here opens in Python, also while the store is open",
    .enabled(if: Tool.python != nil, "python3 is not installed"))
  func toPython() throws {
    let store = try Store(path: path, tables: ["users"])
    try store.execute { storage in
      try storage.add("users", "ada", "1", expiresAt: 100)
      try storage.overwrite("users", "ada", [0, 255], expiresAt: 200)
      try storage.add("users", "żółw", "2")
      try storage.add("users", "empty", [])
    }
    let printed = try runPython(
      """
      for row in connection.execute("SELECT * FROM users ORDER BY key"): print(row)
      changed = connection.execute('''
                  UPDATE users
                  SET value = ?, counter = counter + 1, expiration = ?
                  WHERE key = ? AND counter = ?
                  ''', (b"from Python", 0, "ada", 1))
      print(changed.rowcount, connection.execute("PRAGMA integrity_check").fetchone())
      """)
    #expect(
      printed == """
        ('ada', 1, 200, b'\\x00\\xff')
        ('empty', 0, 0, b'')
        ('żółw', 0, 0, b'2')
        1 ('ok',)

        """)
    let entry = try store.execute { try $0.get("users", "ada", now: 1_000) }
    #expect(entry == Entry(value: Array("from Python".utf8), counter: 2))
  }
}
