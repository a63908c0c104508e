import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

@Suite("A store", .serialized)
struct StoreTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("test.sqlite") }

  @Test("What was stored is there when the file is opened again")
  func reopen() throws {
    for run in 0..<3 {
      let store = try Store(path: path, tables: [.accounts])
      #expect(store.path == path)
      #expect(try store.execute { try $0.listKeys(.accounts) }.count == run)
      try store.execute { try $0.add(.accounts, "run \(run)", "") }
      if run == 1 { try store.close() }  // the others are let go
    }
  }

  @Test("A store in memory has no path and shares nothing with the next")
  func inMemory() throws {
    let (first, second) = (
      try Store.inMemory(tables: [.accounts]), try Store.inMemory(tables: [.accounts])
    )
    try first.execute { try $0.add(.accounts, "ada", "") }
    #expect(first.path == nil)
    #expect(try second.execute { try $0.listKeys(.accounts) } == [])
  }

  struct Setting: CustomTestStringConvertible {
    var pragma: String
    var value: Int64
    var durability = Durability.full
    var testDescription: String { "\(pragma), \(durability)" }
  }

  @Test(
    "The settings of a file are those that docs/storage.md names",
    arguments: [
      Setting(pragma: "synchronous", value: 2),
      Setting(pragma: "synchronous", value: 1, durability: .normal),
      Setting(pragma: "auto_vacuum", value: 2),
      Setting(pragma: "cache_size", value: -64_000),
      Setting(pragma: "busy_timeout", value: 5_000),
    ])
  func settings(row: Setting) throws {
    let store = try Store(path: path, tables: [.accounts], durability: row.durability)
    let value = try store.executor.run { database in
      try SQLiteStatement("PRAGMA \(row.pragma)", on: database.connection)
        .firstRow { $0.number(at: 0) }
    }
    #expect(value == row.value)
  }

  @Test("The file has a write-ahead log")
  func writeAheadLog() throws {
    let store = try Store(path: path, tables: [.accounts])
    #expect(
      directory.names.sorted() == [
        "test.sqlite", "test.sqlite-lock", "test.sqlite-shm", "test.sqlite-wal",
      ])
    try store.close()
    #expect(directory.names == ["test.sqlite"])
  }

  @Test("No program that is started inherits the files")
  func closedOnExec() throws {
    let store = try Store(path: path, tables: [.accounts])
    let opened = openDescriptors(in: directory)
    #expect(!opened.isEmpty)
    for (descriptor, path) in opened {
      #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "\(path)")
    }
    try store.close()
  }

  struct BadPath: CustomTestStringConvertible {
    var path: String
    var problem: PathProblem
    var testDescription: String { "\(problem)" }
  }

  @Test(
    "Paths that SQLite would not take for the name of a file are refused",
    arguments: [
      BadPath(path: "", problem: .empty),
      BadPath(path: "a\0b", problem: .containsNUL),
      BadPath(path: "file:/tmp/test.sqlite", problem: .isURI),
      BadPath(path: ":memory:", problem: .namesMemory),
    ])
  func badPaths(row: BadPath) {
    #expect(throws: StoreError.invalidPath(row.path, row.problem)) {
      try Store(path: row.path, tables: [])
    }
  }

  @Test(
    "A directory that is missing, and a path that is a directory, cannot be opened",
    arguments: [
      "missing/test.sqlite", "",
    ])
  func cannotOpen(name: String) {
    let error = #expect(throws: StoreError.self) {
      try Store(path: directory.file(name), tables: [])
    }
    guard case .cannotOpen(let path, _) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(path == directory.file(name))
  }

  @Test("A file that is something else is refused and left as it is")
  func notADatabase() {
    let text = Array(String(repeating: "This is a letter, not a database. ", count: 50).utf8)
    append(text, to: path)
    #expect(throws: StoreError.notADatabase(path: path)) {
      try Store(path: path, tables: [.accounts])
    }
    #expect(contents(of: path) == text)
  }

  @Test("A file that another connection is writing is .busy, after the wait")
  func openBusy() throws {
    let other = try SQLiteConnection(.file(path))
    try other.execute("PRAGMA journal_mode = WAL")
    try other.execute("BEGIN IMMEDIATE")
    #expect(throws: StoreError.busy) {
      try Store(path: path, tables: [.accounts], busyTimeout: .milliseconds(20))
    }
    try other.execute("COMMIT")
    _ = try Store(path: path, tables: [.accounts], busyTimeout: .milliseconds(20))
  }

  @Test("A file that may not be written is .readOnly, already when it is opened")
  func readOnly() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let path = directory.file("test.sqlite")
      let other = try SQLiteConnection(.file(path))
      try other.execute("PRAGMA journal_mode = WAL")
      try other.makeMissing([.accounts])  // nothing is missing, so opening need write nothing
      try other.close()
      let before = contents(of: path)
      precondition(unsafe chmod(path, 0o444) == 0)
      precondition(unsafe chmod(directory.path, 0o777) == 0)
      if geteuid() == 0 { precondition(seteuid(65_534) == 0) }  // root may write whatever it likes
      #expect(throws: StoreError.readOnly) { try Store(path: path, tables: [.accounts]) }
      #expect(contents(of: path) == before)
      if getuid() == 0 { precondition(seteuid(0) == 0) }  // to delete the directory
    }
  }

  @Test("No descriptor is left by a store that did not open, was closed or was let go")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let good = directory.file("good.sqlite")
      let text = directory.file("text")
      let foreign = directory.file("foreign.sqlite")
      let busy = directory.file("busy.sqlite")
      append(Array(String(repeating: "No database. ", count: 100).utf8), to: text)
      let other = try SQLiteConnection(.file(foreign))
      try other.execute("CREATE TABLE accounts (name TEXT)")
      try other.close()
      let writer = try SQLiteConnection(.file(busy))
      try writer.execute("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE")

      for _ in 0..<5 {
        for path in [directory.path, directory.file("missing/test.sqlite"), text, foreign, busy] {
          #expect(throws: StoreError.self) {
            try Store(path: path, tables: [.accounts], busyTimeout: .zero)
          }
        }
        try Store(path: good, tables: [.accounts]).close()
        let dropped = try Store(path: good, tables: [.accounts])
        try await dropped.execute { try $0.overwrite(.accounts, "ada", "1") }
        #expect(openFiles(in: directory).contains(good))
        withExtendedLifetime(dropped) {}
      }
      // While it holds its lock, SQLite keeps a descriptor of the file for whoever comes next.
      try writer.execute("ROLLBACK")
      try writer.close()
      #expect(openFiles(in: directory) == [])
    }
  }

  @Test("A program without stores may write to the file too: they take turns")
  func besideForeigners() throws {
    let path = path
    let store = try Store(path: path, tables: [.accounts], durability: .normal)
    try store.execute { try $0.add(.accounts, "sum", "") }
    try onThreads(4) { index in
      let other = try SQLiteConnection(.file(path))
      other.setBusyTimeout(.seconds(60))
      for _ in 0..<50 {
        if index < 2 {
          try store.execute { try $0.overwrite(.accounts, "sum", "") }
        } else {
          try other.execute("UPDATE accounts SET counter = counter + 1")
        }
      }
    }
    #expect(try store.execute { try $0.get(.accounts, "sum")?.counter } == 200)
  }

  @Test("Many programs may open the same new file at once, and the tables are made once")
  func openTogether() throws {
    let path = path
    for round in 0..<30 {
      let path = "\(path)\(round)"
      try onThreads(6) { index in
        if index < 2 {
          // One of the two waits for the other, or finds the file after it.
          let store = try Store(
            path: path, tables: [.accounts, "other"], busyTimeout: .seconds(60))
          try store.execute { try $0.add(.accounts, "\(index)", "") }
          try store.close()
        } else {
          let foreign = try SQLiteConnection(.file(path))
          foreign.setBusyTimeout(.seconds(60))
          try foreign.configure(durability: .full, busyTimeout: .seconds(60))
          try foreign.makeMissing([.accounts, "other"])
          try foreign.execute("INSERT INTO accounts VALUES ('\(index)', 0, 0, x'')")
        }
      }
      let store = try Store(path: path, tables: [.accounts])
      #expect(try store.execute { try $0.listKeys(.accounts) }.count == 6)
    }
  }

  @Test("A routine that uses its own store gets .reentrant; another store is fine")
  func reentrant() throws {
    let store = try Store.inMemory(tables: [.accounts])
    let other = try Store.inMemory(tables: [.accounts])
    try store.execute { storage in
      try storage.add(.accounts, "ada", "")
      #expect(throws: StoreError.reentrant) { try store.execute { _ in } }
      #expect(throws: StoreError.reentrant) { try store.close() }
      try other.execute { try $0.add(.accounts, "bob", "") }
    }
    #expect(try store.execute { try $0.listKeys(.accounts) } == ["ada"])
    #expect(try other.execute { try $0.listKeys(.accounts) } == ["bob"])
  }

  @Test("A closed store refuses; closing it again is fine; the file is free")
  func close() throws {
    let store = try Store(path: path, tables: [.accounts])
    try store.execute { try $0.add(.accounts, "ada", "") }
    try store.close()
    try store.close()
    #expect(throws: StoreError.closed) { try store.execute { _ in } }
    let reopened = try Store(path: path, tables: [.accounts])
    #expect(try reopened.execute { try $0.listKeys(.accounts) } == ["ada"])
  }

  @Test("16 threads add up to the right sum")
  func counters() throws {
    let store = try Store(path: path, tables: [.accounts], durability: .normal)
    try store.execute { try $0.add(.accounts, "sum", "0") }
    let errors = Mutex<[String]>([])
    try onThreads(16) { _ in
      do {
        for _ in 0..<100 {
          try store.execute { storage in
            let entry = try #require(try storage.get(.accounts, "sum"))
            let sum = try #require(entry.text.flatMap { Int($0) })
            try storage.update(.accounts, "sum", "\(sum + 1)", ifCounter: entry.counter)
          }
        }
      } catch { errors.withLock { $0.append("\(error)") } }
    }
    #expect(errors.withLock { $0 } == [])
    let entry = try store.execute { try $0.get(.accounts, "sum") }
    #expect(entry == Entry(value: Array("1600".utf8), counter: 1_600))
  }

  private struct NoMoney: Error {}

  @Test("Transfers between accounts keep the sum, whichever of them throw half-way")
  func transfers() throws {
    let store = try Store(path: path, tables: [.accounts], durability: .normal)
    let accounts = 10
    try store.execute { storage in
      for account in 0..<accounts { try storage.add(.accounts, "\(account)", "100") }
    }
    let refused = Atomic(0)
    let others = Mutex<[String]>([])
    try onThreads(8) { index in
      var numbers = SplitMix64(seed: UInt64(index))
      for _ in 0..<200 {
        let from = Int.random(in: 0..<accounts, using: &numbers)
        let to = (from + Int.random(in: 1..<accounts, using: &numbers)) % accounts
        let amount = Int.random(in: 1...80, using: &numbers)
        do {
          try store.execute { storage in
            try change("\(to)", by: amount, in: storage)
            try change("\(from)", by: -amount, in: storage)
          }
        } catch is NoMoney {
          refused.add(1, ordering: .relaxed)
        } catch { others.withLock { $0.append("\(error)") } }
      }
    }
    #expect(others.withLock { $0 } == [])
    let balances = try store.execute { storage in
      try storage.listKeys(.accounts).map { Int(try storage.get(.accounts, $0)?.text ?? "") ?? -1 }
    }
    #expect(balances.reduce(0, +) == 100 * accounts)
    #expect(balances.allSatisfy { $0 >= 0 })
    #expect((1..<1_600).contains(refused.load(ordering: .relaxed)))

    @Sendable func change(_ key: String, by amount: Int, in storage: borrowing Storage) throws {
      guard let entry = try storage.get(.accounts, key), let balance = Int(entry.text ?? ""),
        balance + amount >= 0
      else { throw NoMoney() }
      try storage.update(.accounts, key, "\(balance + amount)", ifCounter: entry.counter)
    }
  }

  @Test("A store that is let go while routines run and wait serves them all, then closes its file")
  func droppedInUse() throws {
    var store: Store? = try Store(path: path, tables: [.accounts])
    let (isHeld, release) = (Event(), Event())
    let holder = try startRoutine(on: store!) { storage in
      isHeld.signal()
      release.wait()
      try storage.add(.accounts, "holder", "")
    }
    isHeld.wait()
    let first = try startRoutine(on: store!) { try $0.add(.accounts, "first", "") }
    let second = try startRoutine(on: store!) { try $0.add(.accounts, "second", "") }
    while store!.executor.waitingCallers < 2 { sched_yield() }
    store = nil
    release.signal()
    holder.join()
    first.join()
    second.join()
    #expect(directory.names == ["test.sqlite"], "the log goes when the file is closed")
    let reopened = try Store(path: path, tables: [.accounts])
    #expect(
      try reopened.execute { try $0.listKeys(.accounts) } == ["first", "holder", "second"])

    func startRoutine(
      on store: Store, _ routine: @escaping @Sendable (borrowing Storage) throws -> Void
    ) throws -> Thread {
      try Thread.start(name: "routine") {
        // Nobody waits for what it returns: an error ends the run, and says which.
        do { try store.execute(routine) } catch { fatalError("the routine threw \(error)") }
      }
    }
  }

  @Test("Threads that race with close either store or get .closed, and all return")
  func raceWithClose() throws {
    for round in 0..<10 {
      let path = "\(path)\(round)"
      let store = try Store(path: path, tables: [.accounts], durability: .normal)
      let stored = Atomic(0)
      let others = Mutex<[String]>([])
      try onThreads(16) { index in
        do {
          for number in 0... {
            if index < 2, number == 20 { try store.close() }
            try store.execute { try $0.add(.accounts, "\(index) \(number)", "") }
            stored.add(1, ordering: .relaxed)
          }
        } catch StoreError.closed {
        } catch { others.withLock { $0.append("\(error)") } }
      }
      #expect(others.withLock { $0 } == [])
      let reopened = try Store(path: path, tables: [.accounts])
      #expect(
        try reopened.execute { try $0.listKeys(.accounts).count }
          == stored.load(ordering: .relaxed))
    }
  }
}
