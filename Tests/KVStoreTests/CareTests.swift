import Glibc
import Testing

@testable import KVStore

@Suite("Checking, compacting and looking into files")
struct CareTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("test.sqlite") }

  /// Stores entries of 3,000 bytes.
  private func fill(_ store: Store, count: Int = 1_000) throws {
    let value = [UInt8](repeating: 1, count: 3_000)
    try store.execute { storage in
      for number in 0..<count { try storage.add(.accounts, "key \(number)", value) }
    }
  }

  private func autoVacuum(of store: Store) throws -> Int64? {
    try store.executor.run { database in
      try SQLiteStatement("PRAGMA auto_vacuum", on: database.connection)
        .firstRow { $0.number(at: 0) }
    }
  }

  @Test("A sound store has nothing to tell, in a file, in memory and while it is written to")
  func sound() throws {
    for store in [
      try Store(path: path, tables: [.accounts]), try Store.inMemory(tables: [.accounts]),
    ] {
      try fill(store)
      #expect(try store.integrityCheck() == [])
      try store.execute { storage in try storage.delete(.accounts, "key 1") }
      #expect(try store.integrityCheck() == [])
      try store.execute { _ in
        #expect(throws: StoreError.reentrant) { try store.integrityCheck() }
      }
    }
    #expect(try Store.check(path: path) == [])
    #expect(directory.names == ["test.sqlite"], "they were let go")
  }

  @Test("A file that is damaged is told, wherever it is damaged", arguments: [1, 100])
  func damaged(page: Int) throws {
    let store = try Store(path: path, tables: [.accounts])
    try fill(store)
    try store.close()
    #expect(try Store.check(path: path) == [])
    overwritePages(of: path, from: page)
    #expect(try !Store.check(path: path).isEmpty)
    let opened = try Store(path: path, tables: [.accounts])
    #expect(try !opened.integrityCheck().isEmpty)
  }

  @Test("A file that is missing or something else is an error, and is not made")
  func noDatabase() throws {
    #expect(throws: StoreError.self) { try Store.check(path: path) }
    #expect(throws: StoreError.self) { try Store.tables(at: path) }
    #expect(throws: StoreError.self) { try Store.statistics(at: path) }
    #expect(throws: StoreError.self) { try Store.read(at: path, tables: []) { _ in } }
    #expect(throws: StoreError.invalidPath("", .empty)) { try Store.check(path: "") }
    #expect(directory.names == [])
    append(Array(String(repeating: "No database. ", count: 100).utf8), to: path)
    #expect(throws: StoreError.notADatabase(path: path)) { try Store.check(path: path) }
    #expect(throws: StoreError.notADatabase(path: path)) { try Store.tables(at: path) }
  }

  @Test("Compacting makes the file shorter and keeps what it holds, beside those who read")
  func compact() throws {
    let store = try Store(path: path, tables: [.accounts])
    try fill(store)
    try store.execute { storage in
      for number in 100..<1_000 { try storage.delete(.accounts, "key \(number)") }
    }
    let before = try store.statistics()
    #expect(before.freePages > 600)
    let rows = try store.read { try $0.scan(.accounts, limit: 1_000).rows }
    try store.compact()
    let after = try store.statistics()
    #expect(after.freePages == 0)
    #expect(after.pages < before.pages / 5)
    #expect(after.fileSizeInBytes == after.pages * after.pageSizeInBytes)
    #expect(after.logSizeInBytes == 0)
    let kept = try store.read { try $0.scan(.accounts, limit: 1_000).rows }
    #expect(kept == rows)
    #expect(try store.integrityCheck() == [])
    try store.execute { try $0.add(.accounts, "ada", "") }
  }

  @Test("A snapshot that is open stays as it was, and the file gets shorter later")
  func compactBesideReader() throws {
    let store = try Store(path: path, tables: [.accounts], busyTimeout: .milliseconds(20))
    try fill(store)
    try store.read { snapshot in
      #expect(try snapshot.count(.accounts) == 1_000)
      try store.execute { try $0.clear(.accounts) }
      try store.compact()
      #expect(try snapshot.count(.accounts) == 1_000)
    }
    try store.close()
    let size = try #require(FileStatus(path)).size
    #expect(size < 100_000)
  }

  @Test("Compacting turns files that never gave room back to incremental", arguments: [0, 1])
  func conversion(mode: Int64) throws {
    let connection = try SQLiteConnection(.file(path))
    try connection.execute("PRAGMA auto_vacuum = \(mode)")
    try connection.makeMissing([.accounts])
    try connection.close()
    let store = try Store(path: path, tables: [.accounts])
    try fill(store, count: 10)
    #expect(try autoVacuum(of: store) == mode)
    try store.compact()
    #expect(try autoVacuum(of: store) == 2)
    try store.close()
    let reopened = try Store(path: path, tables: [.accounts])
    #expect(try autoVacuum(of: reopened) == 2)
    let count = try reopened.read { try $0.count(.accounts) }
    #expect(count == 10)
  }

  @Test("Compacting takes its turn: not inside a routine, not once the store is closed")
  func compactRefused() throws {
    let store = try Store(path: path, tables: [.accounts])
    try store.execute { _ in
      #expect(throws: StoreError.reentrant) { try store.compact() }
    }
    try store.close()
    #expect(throws: StoreError.closed) { try store.compact() }
    let inMemory = try Store.inMemory(tables: [.accounts])
    try fill(inMemory)
    try inMemory.compact()
    let count = try inMemory.read { try $0.count(.accounts) }
    #expect(count == 1_000)
  }

  @Test("A disk that is full leaves the file as it was, and the store goes on")
  func compactOnFullDisk() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
      try await store.execute { storage in
        for number in 0..<100 { try storage.add(.accounts, "key \(number)", "1") }
      }
      try withFailingWrites(ENOSPC) { () throws in
        #expect(throws: StoreError.full) { try store.compact() }
      }
      let count = try await store.read { try $0.count(.accounts) }
      #expect(count == 100)
      #expect(try store.integrityCheck() == [])
      try await store.execute { try $0.add(.accounts, "ada", "1") }
      try store.compact()
    }
  }

  @Test("Statistics count pages, in a file and in memory")
  func statistics() throws {
    let store = try Store(path: path, tables: [.accounts])
    try fill(store)
    let statistics = try store.statistics()
    #expect(statistics.pages > 700)
    #expect(statistics.pageSizeInBytes == 4_096)
    #expect(statistics.freePages == 0)
    #expect(statistics.logSizeInBytes > 0)
    #expect(try Store.statistics(at: path) == statistics)
    try store.close()
    let closed = try Store.statistics(at: path)
    #expect(closed.logSizeInBytes == 0)
    #expect(closed.fileSizeInBytes == statistics.pages * 4_096)
    let inMemory = try Store.inMemory(tables: [.accounts])
    try fill(inMemory)
    #expect(try inMemory.statistics().pages > 700)
    #expect(try inMemory.statistics().logSizeInBytes == 0)
  }

  @Test("The tables of a file are those that a store could open, by name")
  func tables() throws {
    let connection = try SQLiteConnection(.file(path))
    #expect(try Store.tables(at: path) == [])
    try connection.makeMissing(["users", "accounts"])
    try connection.execute(
      """
      CREATE TABLE foreigners (name TEXT); CREATE VIEW views AS SELECT 1;
      CREATE TABLE "no good name" (key TEXT PRIMARY KEY, counter INTEGER NOT NULL,
        expiration INTEGER NOT NULL, value BLOB NOT NULL) STRICT
      """)
    #expect(try Store.tables(at: path) == ["accounts", "users"])
    try connection.close()
    #expect(directory.names == ["test.sqlite"])
  }

  @Test("A file is read without a store, beside one or not, and nothing is made or left")
  func readFile() throws {
    let path = path
    func count() throws -> Int {
      try Store.read(at: path, tables: [.accounts]) { try $0.count(.accounts) }
    }
    let store = try Store(path: path, tables: [.accounts])
    try fill(store, count: 3)
    #expect(try count() == 3)
    try store.execute { try $0.add(.accounts, "ada", "1") }
    #expect(try count() == 4)
    try store.close()
    #expect(try count() == 4)
    #expect(directory.names == ["test.sqlite"])
    #expect(throws: StoreError.unknownTable("missing")) {
      try Store.read(at: path, tables: ["missing"]) { _ in }
    }
    #expect(try Store.tables(at: path) == [.accounts])
  }

  @Test(
    "A new file is its owner's alone, whatever the umask; those beside it have its permissions"
  )
  func permissions() async {
    await #expect(processExitsWith: .success) {
      for mask: mode_t in [0, 0o022, 0o077] {
        let directory = TemporaryDirectory()
        umask(mask)
        let path = directory.file("test.sqlite")
        let files = ["", "-wal", "-shm", "-lock"].map { path + $0 }
        let store = try Store(path: path, tables: [.accounts])
        for file in files { #expect(FileStatus(file)?.permissions == 0o600) }
        try store.close()
        #expect(unsafe chmod(path, 0o660) == 0)
        let reopened = try Store(path: path, tables: [.accounts])
        for file in files { #expect(FileStatus(file)?.permissions == 0o660) }
        try reopened.close()
        withExtendedLifetime(directory) {}
      }
    }
  }

  @Test("A new file that a link names is made where the link leads, for its owner alone")
  func permissionsBehindLinks() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      umask(0)
      let path = directory.file("test.sqlite")
      #expect(unsafe symlink("second", directory.file("first")) == 0)
      #expect(unsafe symlink(path, directory.file("second")) == 0)
      let store = try Store(path: directory.file("first"), tables: [.accounts])
      #expect(FileStatus(path)?.permissions == 0o600)
      try store.close()
      // A link that leads nowhere is no reason to wait.
      #expect(unsafe symlink("circle", directory.file("circle")) == 0)
      #expect(throws: StoreError.self) { try Store(path: directory.file("circle"), tables: []) }
    }
  }

  @Test("An entry is restored with its counter and expiry, whatever was there")
  func restore() throws {
    let store = try Store.inMemory(tables: [.accounts])
    let rows = [
      Row(key: "ada", entry: Entry(value: [0xff], counter: 7), expiresAt: 12),
      Row(key: "bob", entry: Entry(value: [], counter: .max)),
    ]
    try store.execute { storage in
      try storage.overwrite(.accounts, "ada", "old")
      for row in rows { try storage.restore(.accounts, row) }
    }
    let restored = try store.read { try $0.scan(.accounts, limit: 10).rows }
    #expect(restored == rows)
    #expect(throws: StoreError.invalidKey("", .empty)) {
      try store.execute { storage in
        try storage.restore(.accounts, Row(key: "", entry: Entry(value: [], counter: 0)))
      }
    }
  }
}
