import Glibc
import Testing
import Threads

@testable import KVStore

@Suite("The lock of the one who writes", .serialized)
struct WriterLockTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("test.sqlite") }
  var lock: String { path + "-lock" }

  private func open(_ path: String) throws -> Store {
    try Store(path: path, tables: [.accounts], busyTimeout: .zero)
  }

  @Test("A file that is open cannot be opened again in this process, until it is closed")
  func inThisProcess() throws {
    let store = try open(path)
    #expect(throws: StoreError.openElsewhere(path: path, processID: getpid())) { try open(path) }
    try store.execute { try $0.add(.accounts, "ada", "1") }
    try store.close()
    let next = try open(path)
    #expect(try next.execute { try $0.listKeys(.accounts) } == ["ada"])
  }

  @Test("Another process is told which one has the file open, and may read it meanwhile")
  func inAnotherProcess() async throws {
    let store = try open(path)
    try await store.execute { try $0.add(.accounts, "ada", "1") }
    await #expect(processExitsWith: .success) {
      [path = path as String, holder = getpid() as Int32] in
      #expect(throws: StoreError.openElsewhere(path: path, processID: holder)) {
        try Store(path: path, tables: [.accounts], busyTimeout: .zero)
      }
      let text = try Store.read(at: path, tables: [.accounts]) {
        try $0.get(.accounts, "ada")?.text
      }
      #expect(text == "1")
      #expect(try Store.check(path: path) == [])
      #expect(try Store.tables(at: path) == [.accounts])
      try Store.backup(at: path, to: path + ".copy")
    }
    #expect(try Store.check(path: path + ".copy") == [])
    try await store.execute { try $0.add(.accounts, "bob", "") }
  }

  @Test(
    "The lock's file holds the id of the process, and goes when the store is closed or let go")
  func lockFile() throws {
    for isClosed in [true, false] {
      let store = try open(path)
      #expect(contents(of: lock) == Array("\(getpid())\n".utf8))
      if isClosed { try store.close() }
      withExtendedLifetime(store) {}
    }
    #expect(directory.names == ["test.sqlite"])
    let store = try Store.inMemory(tables: [.accounts])
    #expect(directory.names == ["test.sqlite"])
    try store.close()
  }

  @Test("A process that was killed leaves the file of its lock, which locks nobody out")
  func killed() async throws {
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let store = try Store(path: path, tables: [.accounts])
      try await store.execute { try $0.add(.accounts, "ada", "1") }
      kill(getpid(), SIGKILL)
    }
    let left = contents(of: lock)
    #expect(!left.isEmpty)
    let store = try open(path)
    #expect(contents(of: lock) != left)
    #expect(try await store.execute { try $0.listKeys(.accounts) } == ["ada"])
    try store.close()
    #expect(directory.names == ["test.sqlite"])
  }

  @Test("All links to a file lead to the same lock")
  func links() throws {
    let (link, other) = (directory.file("link"), directory.file("other"))
    #expect(unsafe symlink("test.sqlite", link) == 0)
    #expect(unsafe symlink(directory.path, other) == 0)
    let store = try open(link)
    for name in [link, path, "\(directory.path)/./test.sqlite", "\(other)/test.sqlite"] {
      #expect(throws: StoreError.openElsewhere(path: path, processID: getpid())) { try open(name) }
    }
    try store.close()
    #expect(directory.names.sorted() == ["link", "other", "test.sqlite"])
  }

  @Test("Opening waits for the store that has the file open")
  func waits() throws {
    let path = path
    let store = try open(path)
    let waiting = Event()
    let found = Monitor<[String]?>(nil)
    try startThread("next") {
      waiting.signal()
      let next = try Store(path: path, tables: [.accounts], busyTimeout: .seconds(300))
      let keys = try next.execute { try $0.listKeys(.accounts) }
      try next.close()
      found.withLock { $0 = keys }
      found.wakeAll()
    }
    waiting.wait()
    for number in 0..<20 { try store.execute { try $0.add(.accounts, "\(10 + number)", "") } }
    try store.close()
    #expect(found.wait { $0 } == (10..<30).map { "\($0)" })
  }

  @Test("Of many who want the lock at once, one at a time has it, however often it is given back")
  func oneAtATime() throws {
    let path = path
    let holders = Monitor(0)
    try onThreads(4) { _ in
      for _ in 0..<50 {
        let lock = try WriterLock(for: path, waitingFor: .seconds(300))
        #expect(
          holders.withLock {
            $0 += 1; return $0
          } == 1)
        holders.withLock { $0 -= 1 }
        withExtendedLifetime(lock) {}
      }
    }
    #expect(directory.names == [])
  }

  @Test("A file that holds the id of this process, but is locked by another, names nobody")
  func idOfAnotherContainer() throws {
    let descriptor = unsafe Glibc.open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    #expect(throws: StoreError.openElsewhere(path: path, processID: nil)) { try open(path) }
    append(Array("\(getpid())\n".utf8), to: lock)
    #expect(throws: StoreError.openElsewhere(path: path, processID: nil)) { try open(path) }
  }

  @Test("A link in the place of the lock's file is refused, and what it leads to stays as it is")
  func linkAsLock() throws {
    let other = directory.file("other")
    append([1, 2, 3], to: other)
    #expect(unsafe symlink(other, lock) == 0)
    let error = #expect(throws: StoreError.self) { try open(path) }
    guard case .cannotOpen(path, let message) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(message.hasPrefix("its lock file cannot be used: "))
    #expect(contents(of: other) == [1, 2, 3])
  }

  @Test("Where the lock's file cannot be made, the file cannot be opened, and stays as it is")
  func directoryThatCannotBeWritten() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let path = directory.file("test.sqlite")
      let connection = try SQLiteConnection(.file(path))
      try connection.execute("CREATE TABLE others (name TEXT)")
      try connection.close()
      let before = contents(of: path)
      precondition(unsafe chmod(path, 0o666) == 0)
      precondition(unsafe chmod(directory.path, 0o555) == 0)
      if geteuid() == 0 { precondition(seteuid(65_534) == 0) }  // root may write where it likes
      #expect(
        throws: StoreError.cannotOpen(
          path: path, message: "its lock file cannot be used: Permission denied")
      ) { try Store(path: path, tables: [.accounts]) }
      if getuid() == 0 { precondition(seteuid(0) == 0) }  // to look, and to delete the directory
      precondition(unsafe chmod(directory.path, 0o700) == 0)
      #expect(contents(of: path) == before)
      #expect(directory.names == ["test.sqlite"])
    }
  }

  @Test("What root leaves after a crash can be used by the owner of the file")
  func owner() async {
    await #expect(processExitsWith: .success) {
      guard geteuid() == 0 else { return }
      let directory = TemporaryDirectory()
      let path = directory.file("test.sqlite")
      try Store(path: path, tables: [.accounts]).close()
      precondition(unsafe chown(path, 65_534, 65_534) == 0)
      let store = try Store(path: path, tables: [.accounts])
      #expect(FileStatus(path + "-lock")?.owner == 65_534)
      #expect(FileStatus(path + "-lock")?.group == 65_534)
      try store.close()
      withExtendedLifetime(directory) {}
    }
  }
}
