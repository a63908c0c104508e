import Testing

@testable import KVStore

@Suite("Tables and their layout")
struct SchemaTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("test.sqlite") }

  @Test(
    "Good names are used as they are, SQL words too",
    arguments: [
      "a", "_", "users", "Users2", "select", "order_by", String(repeating: "x", count: 64),
    ])
  func goodNames(name: String) throws {
    let store = try Store.inMemory(tables: [Table(name)])
    try store.execute { storage in
      try storage.add(Table(name), "ada", "1")
      #expect(try storage.listKeys(Table(name)) == ["ada"])
    }
  }

  @Test(
    "Bad names are refused",
    arguments: [
      "", "1users", "us ers", "users;", "\"users\"", "us-ers", "użytkownicy", "\u{212A}", "a\0",
      "sqlite_users", "SQLite_users", String(repeating: "x", count: 65),
    ])
  func badNames(name: String) {
    #expect(throws: StoreError.invalidTableName(name)) {
      try Store(path: path, tables: [Table(name)])
    }
    #expect(directory.names == [], "no file was made")
  }

  @Test("A table named twice is refused, in whatever case", arguments: ["users", "Users"])
  func duplicate(name: String) {
    #expect(throws: StoreError.duplicateTable(Table(name))) {
      try Store.inMemory(tables: ["users", Table(name)])
    }
  }

  @Test(
    "A table of our layout is used, however it was spaced and spelled",
    arguments: [
      "CREATE TABLE users(key TEXT PRIMARY KEY,counter INTEGER NOT NULL,"
        + "expiration INTEGER NOT NULL,value BLOB NOT NULL)STRICT",
      "create table \"Users\" (\n\tkey text primary key, counter integer not null,\n"
        + "\texpiration integer not null, value blob not null\n) strict",
    ])
  func ourLayout(sql: String) throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute(sql)
    try connection.execute("INSERT INTO users VALUES ('ada', 3, 0, x'31')")
    try connection.close()
    let store = try Store(path: path, tables: ["users"])
    let entry = try store.execute { try $0.get("users", "ada") }
    #expect(entry == Entry(value: [0x31], counter: 3))
  }

  @Test(
    "A table, view or index of another layout is refused, and the file left as it is",
    arguments: [
      "CREATE TABLE users (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT",
      "CREATE TABLE users (key TEXT PRIMARY KEY, counter INTEGER NOT NULL, "
        + "expiration INTEGER NOT NULL, value BLOB NOT NULL)",
      "CREATE TABLE users (key TEXT PRIMARY KEY COLLATE NOCASE, counter INTEGER NOT NULL, "
        + "expiration INTEGER NOT NULL, value BLOB NOT NULL) STRICT",
      "CREATE TABLE users (key TEXT PRIMARY KEY, counter INTEGER NOT NULL, "
        + "expiration INTEGER NOT NULL, value BLOB NOT NULL CHECK (length(value) < 9)) STRICT",
      "CREATE TABLE users (key TEXT PRIMARY KEY, counter INTEGER NOT NULL, "
        + "expiration INTEGER NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
      "CREATE VIEW users AS SELECT 1",
      "CREATE TABLE others (name TEXT); CREATE INDEX users ON others (name)",
    ])
  func otherLayout(sql: String) throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute(sql)
    try connection.close()
    let before = contents(of: path)
    #expect(throws: StoreError.tableHasOtherLayout("users")) {
      try Store(path: path, tables: ["fresh", "users"])
    }
    #expect(contents(of: path) == before)
    #expect(directory.names == ["test.sqlite"])
  }

  @Test("A trigger may have the name of a table")
  func triggerOfThatName() throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute(
      """
      CREATE TABLE others (name TEXT);
      CREATE TRIGGER users AFTER INSERT ON others BEGIN SELECT 1; END;
      """)
    try connection.close()
    for _ in 0..<2 {
      let store = try Store(path: path, tables: ["users"])
      try store.execute { try $0.overwrite("users", "ada", "1") }
    }
  }

  @Test("A file whose texts are UTF-16 is refused and left as it is")
  func otherEncoding() throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute("PRAGMA encoding = 'UTF-16'")
    try connection.makeMissing(["users"])
    try connection.close()
    let before = contents(of: path)
    #expect(throws: StoreError.cannotOpen(path: path, message: "its texts are not UTF-8")) {
      try Store(path: path, tables: ["users"])
    }
    #expect(contents(of: path) == before)
  }

  @Test("A file that has tables keeps its way of giving room back", arguments: [0, 1, 2])
  func autoVacuum(mode: Int64) throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute("PRAGMA auto_vacuum = \(mode)")
    try connection.makeMissing(["users"])
    try connection.close()
    let store = try Store(path: path, tables: ["users"])
    let found = try store.executor.run { database in
      try SQLiteStatement("PRAGMA auto_vacuum", on: database.connection)
        .firstRow { $0.number(at: 0) }
    }
    #expect(found == mode)
  }

  private func format() throws -> FileFormat { try SQLiteConnection.looking(into: path).format() }

  @Test(
    "A new file says whose it is and in which format, also when compacted, and so does a copy"
  )
  func newFormat() throws {
    let store = try Store(path: path, tables: ["users"])
    #expect(try format() == FileFormat(application: 0x4672_7473, version: 1))
    try store.compact()
    let copy = directory.file("copy.sqlite")
    try store.backup(to: copy)
    try store.close()
    #expect(try format() == .current)
    #expect(try SQLiteConnection.looking(into: copy).format() == .current)
  }

  private let pythonLayout = """
    (key TEXT PRIMARY KEY, counter INTEGER NOT NULL, expiration INTEGER NOT NULL,
    value BLOB NOT NULL) STRICT
    """

  @Test("A file of freetser for Python gets format and index together, when it is opened")
  func upgrade() throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute(
      "CREATE TABLE users \(pythonLayout); INSERT INTO users VALUES ('ada', 3, 0, x'31')")
    try connection.close()
    #expect(try format() == .unknown)
    for _ in 0..<2 {
      let store = try Store(path: path, tables: ["users"])
      let entry = try store.execute { try $0.get("users", "ada") }
      #expect(entry == Entry(value: [0x31], counter: 3))
      try store.close()
      #expect(try format() == .current)
    }
  }

  @Test("A file of a later format is refused, to read it and to write it, and left as it is")
  func newerFormat() throws {
    try Store(path: path, tables: ["users"]).close()
    let connection = try SQLiteConnection(.file(path))
    try connection.execute("PRAGMA user_version = 2")
    try connection.close()
    let before = contents(of: path)
    #expect(throws: StoreError.newerFormat(version: 2)) { try Store(path: path, tables: ["users"]) }
    #expect(throws: StoreError.newerFormat(version: 2)) {
      try Store.read(at: path, tables: ["users"]) { _ in }
    }
    #expect(contents(of: path) == before)
    #expect(directory.names == ["test.sqlite"])
  }

  @Test(
    "A file that another application has marked, or may know by its version, keeps its numbers",
    arguments: [
      FileFormat(application: 7, version: 0), FileFormat(application: 7, version: 9),
      FileFormat(application: 0, version: 2), FileFormat(application: -1, version: -1),
    ])
  func foreignFormat(format: FileFormat) throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute(
      "PRAGMA application_id = \(format.application); PRAGMA user_version = \(format.version)")
    try connection.close()
    let store = try Store(path: path, tables: ["users"])
    try store.execute { try $0.add("users", "ada", "1") }
    try store.close()
    #expect(try self.format() == format)
    #expect(try Store.tables(at: path) == ["users"])
  }

  @Test(
    "A file with tables of another application's keeps its numbers, though they are 0",
    arguments: ["CREATE TABLE others (name TEXT)", "CREATE VIEW others AS SELECT 1"])
  func sharedFile(sql: String) throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute(sql)
    try connection.close()
    try Store(path: path, tables: ["users"]).close()
    #expect(try format() == .unknown)
  }

  @Test("A file of ours whose version was lost gets it again")
  func lostVersion() throws {
    try Store(path: path, tables: ["users"]).close()
    let connection = try SQLiteConnection(.file(path))
    try connection.execute("PRAGMA user_version = 0; CREATE TABLE others (name TEXT)")
    try connection.close()
    try Store(path: path, tables: ["users"]).close()
    #expect(try format() == .current)
  }

  @Test("listKeys reads the index of the keys alone, and need not sort")
  func listKeysPlan() throws {
    let connection = try SQLiteConnection(.memory)
    try connection.makeMissing(["users"])
    let plan = try SQLiteStatement(
      "EXPLAIN QUERY PLAN SELECT key FROM users ORDER BY key", on: connection)
    var steps: [String?] = []
    try plan.forEachRow { steps.append($0.text(at: 3)) }
    #expect(steps == ["SCAN users USING COVERING INDEX sqlite_autoindex_users_1"])
  }
}
