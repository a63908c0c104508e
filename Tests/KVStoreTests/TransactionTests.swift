import CSQLite
import Glibc
import Synchronization
import Testing

@testable import KVStore

private struct Refusal: Error, Equatable { var reason: String }

@Suite("A routine is stored whole or not at all")
struct TransactionTests {
  let directory = TemporaryDirectory()
  let store: Store

  init() throws {
    store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], busyTimeout: .milliseconds(20))
  }

  private var keys: [String] {
    get throws { try store.execute { try $0.listKeys(.accounts) } }
  }

  private func runSQL(_ sql: String) throws {
    try store.executor.run { try $0.connection.execute(sql) }
  }

  @Test("An error of the routine's own takes back that routine alone and arrives unchanged")
  func throwing() throws {
    try store.execute { try $0.add(.accounts, "before", "") }
    #expect(throws: Refusal(reason: "no money")) {
      try store.execute { storage in
        try storage.add(.accounts, "during", "")
        try storage.overwrite(.accounts, "before", "changed")
        try storage.delete(.accounts, "before")
        throw Refusal(reason: "no money")
      }
    }
    try store.execute { try $0.add(.accounts, "after", "") }
    #expect(try keys == ["after", "before"])
    #expect(try store.execute { try $0.get(.accounts, "before") } == Entry(value: [], counter: 0))
  }

  @Test("A refusal of a verb that is not caught takes the routine back")
  func uncaughtRefusal() throws {
    #expect(throws: StoreError.entryExists(table: .accounts, key: "ada")) {
      try store.execute { storage in
        try storage.add(.accounts, "ada", "")
        try storage.add(.accounts, "ada", "")
      }
    }
    #expect(try keys == [])
  }

  @Test("A refusal that is caught keeps what was written before and after it")
  func caughtRefusal() throws {
    try store.execute { storage in
      try storage.add(.accounts, "first", "")
      #expect(throws: StoreError.entryExists(table: .accounts, key: "first")) {
        try storage.add(.accounts, "first", "")
      }
      #expect(throws: StoreError.staleCounter(table: .accounts, key: "x", expected: 0)) {
        try storage.update(.accounts, "x", "", ifCounter: 0)
      }
      #expect(throws: StoreError.unknownTable("unknown")) { try storage.add("unknown", "x", "") }
      #expect(throws: StoreError.invalidKey("", .empty)) { try storage.add(.accounts, "", "") }
      #expect(throws: StoreError.alreadyExpired(expiresAt: 1, now: 2)) {
        try storage.add(.accounts, "x", "", expiresAt: 1, now: 2)
      }
      try storage.add(.accounts, "second", "")
    }
    #expect(try keys == ["first", "second"])
  }

  @Test("The same, and then the routine throws: nothing stays")
  func caughtRefusalThenThrow() throws {
    let outcome = Result {
      try store.execute { storage in
        try storage.add(.accounts, "first", "")
        #expect(throws: StoreError.entryExists(table: .accounts, key: "first")) {
          try storage.add(.accounts, "first", "")
        }
        try storage.add(.accounts, "second", "")
        throw Refusal(reason: "")
      }
    }
    #expect(throws: Refusal(reason: "")) { try outcome.get() }
    #expect(try keys == [])
  }

  @Test("A locked file is .busy for that caller, and the store goes on")
  func beginFails() throws {
    let other = try SQLiteConnection(.file(directory.file("test.sqlite")))
    try other.execute("BEGIN IMMEDIATE")
    #expect(throws: StoreError.busy) { try store.execute { try $0.add(.accounts, "a", "") } }
    #expect(throws: StoreError.busy) { try store.execute { try $0.add(.accounts, "b", "") } }
    try other.execute("ROLLBACK")
    try store.execute { try $0.add(.accounts, "c", "") }
    #expect(try keys == ["c"])
  }

  @Test("A full disk is .full, also when the routine hides it; nothing half stays; it heals")
  func full() throws {
    try store.execute { try $0.add(.accounts, "before", "") }
    try runSQL("PRAGMA max_page_count = 20")
    let large = [UInt8](repeating: 1, count: 200_000)
    let hidden = Result {
      try store.execute { storage in
        try storage.add(.accounts, "small", "")
        #expect(throws: StoreError.full) { try storage.add(.accounts, "large", large) }
        // SQLite has ended the transaction: these would be stored one by one, for good.
        #expect(throws: StoreError.full) { try storage.add(.accounts, "later", "") }
        #expect(throws: StoreError.full) { try storage.get(.accounts, "before") }
        #expect(throws: StoreError.full) { try storage.delete(.accounts, "before") }
      }
    }
    #expect(throws: StoreError.full) { try hidden.get() }
    let replaced = Result {
      try store.execute { storage in
        #expect(throws: StoreError.full) { try storage.add(.accounts, "large", large) }
        throw Refusal(reason: "my own")
      }
    }
    #expect(throws: Refusal(reason: "my own")) { try replaced.get() }
    #expect(try keys == ["before"])
    try store.execute { try $0.add(.accounts, "fits", "") }
    try runSQL("PRAGMA max_page_count = 1000000")
    try store.execute { try $0.add(.accounts, "large", large) }
    #expect(try keys == ["before", "fits", "large"])
  }

  @Test("A COMMIT that fails is taken back and thrown, and the store goes on")
  func commitFails() throws {
    try runSQL(
      """
      PRAGMA foreign_keys = ON;
      CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER orphan AFTER INSERT ON accounts BEGIN INSERT INTO child VALUES (1); END;
      """)
    let error = #expect(throws: StoreError.self) {
      try store.execute { try $0.add(.accounts, "ada", "") }
    }
    guard case .sqlite(code: 787, message: _) = error else {  // SQLITE_CONSTRAINT_FOREIGNKEY
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(try keys == [])
    try runSQL("DROP TRIGGER orphan")
    try store.execute { try $0.add(.accounts, "ada", "") }
    #expect(try keys == ["ada"])
  }

  @Test("A ROLLBACK that fails leaves its caller its error and everyone after a clear one")
  func rollbackFails() throws {
    try store.executor.run { database in
      _ = unsafe sqlite3_set_authorizer(
        database.connection.handle,
        { _, action, operation, _, _, _ in
          guard action == SQLITE_TRANSACTION, let operation = unsafe operation else {
            return SQLITE_OK
          }
          return unsafe String(cString: operation) == "ROLLBACK" ? SQLITE_DENY : SQLITE_OK
        }, nil)
    }
    #expect(throws: Refusal(reason: "mine")) {
      try store.execute { storage in
        try storage.add(.accounts, "ada", "")
        throw Refusal(reason: "mine")
      }
    }
    for _ in 0..<2 {
      let error = #expect(throws: StoreError.self) { try store.execute { _ in } }
      guard case .rollbackFailed = error else {
        Issue.record("another error: \(String(describing: error))")
        return
      }
    }
    try store.close()
    let reopened = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    #expect(try reopened.execute { try $0.listKeys(.accounts) } == [])
  }

  @Test("A damaged file is .corrupt")
  func corrupt() throws {
    try store.execute { storage in
      for number in 0..<2_000 { try storage.add(.accounts, "key \(number)", "some value") }
    }
    try store.close()
    let path = directory.file("test.sqlite")
    overwritePages(of: path, from: 2)
    let damaged = try Store(path: path, tables: [.accounts])
    let error = #expect(throws: StoreError.self) {
      try damaged.execute { try $0.listKeys(.accounts) }
    }
    guard case .corrupt = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
  }

  private static let interrupts = Atomic(false)

  @Test("A failure that leaves the transaction open is thrown too, though the routine hides it")
  func hiddenFailure() throws {
    try store.executor.run { database in
      unsafe sqlite3_progress_handler(
        database.connection.handle, 1,
        { _ in TransactionTests.interrupts.load(ordering: .relaxed) ? 1 : 0 }, nil)
    }
    let interrupted = StoreError.sqlite(code: SQLITE_INTERRUPT, message: "interrupted")
    let hidden = Result {
      try store.execute { storage in
        for number in 0..<100 { try storage.add(.accounts, "key \(number)", "") }
        // Had this been a write, SQLite would have ended the transaction.
        Self.interrupts.store(true, ordering: .relaxed)
        #expect(throws: interrupted) { try storage.listKeys(.accounts) }
        Self.interrupts.store(false, ordering: .relaxed)
        #expect(throws: interrupted) { try storage.add(.accounts, "later", "") }
      }
    }
    #expect(throws: interrupted) { try hidden.get() }
    #expect(try keys == [])
  }

  @Test("A disk that is full or fails at the COMMIT: nothing is stored, and the store goes on")
  func commitIsNotWritten() async {
    await #expect(processExitsWith: .success) { try Self.failToCommit() }
  }

  private static func failToCommit() throws {
    let directory = TemporaryDirectory()
    let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    try store.execute { try $0.add(.accounts, "before", "") }
    // A small routine writes nothing before its COMMIT.
    try withFailingWrites(ENOSPC) { () throws in
      #expect(throws: StoreError.full) { try store.execute { try $0.add(.accounts, "a", "") } }
      #expect(try store.execute { try $0.listKeys(.accounts) } == ["before"])
    }
    try withFailingWrites(EIO) {
      let error = #expect(throws: StoreError.self) {
        try store.execute { try $0.add(.accounts, "b", "") }
      }
      // SQLITE_IOERR_WRITE
      guard case .commitOutcomeUnknown(.ioError(code: 778, message: _)) = error else {
        fatalError("another error: \(String(describing: error))")
      }
    }
    try store.execute { try $0.add(.accounts, "after", "") }
    #expect(try store.execute { try $0.listKeys(.accounts) } == ["after", "before"])
  }

  @Test("A connection that may not write is .readOnly")
  func readOnly() throws {
    try runSQL("PRAGMA query_only = ON")
    #expect(throws: StoreError.readOnly) { try store.execute { try $0.add(.accounts, "a", "") } }
    try runSQL("PRAGMA query_only = OFF")
    try store.execute { try $0.add(.accounts, "b", "") }
    #expect(try keys == ["b"])
  }
}
