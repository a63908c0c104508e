// What was wrong once, in the executor, the asynchronous forms, changes and expiry.

import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

extension Table {
  fileprivate static let left: Table = "a_left"
  fileprivate static let right: Table = "b_right"
}

@Suite("What was wrong once in the store", .serialized)
struct MendedTests {
  let directory = TemporaryDirectory()

  /// A store whose reports of slow routines are made by `report`, once.
  private func reporting(
    path: String? = nil, _ report: @escaping @Sendable (Store) -> Void
  ) throws -> Store {
    let holder = Monitor<Store?>(nil)
    var configuration = StoreConfiguration()
    configuration.removesExpired = false
    configuration.slowRoutine = .zero
    configuration.reportSlowRoutine = { _ in
      let store = holder.withLock { $0.take() }
      if let store { report(store) }
    }
    let store =
      if let path {
        try Store(path: path, tables: [.accounts], configuration: configuration)
      } else {
        try Store.inMemory(tables: [.accounts], configuration: configuration)
      }
    holder.withLock { $0 = store }
    return store
  }

  // MARK: The own thread, beside the baton

  @Test("Who is told of a slow routine may use the store while a task waits for it")
  func reportIsNotReentrant() throws {
    let (began, goOn) = (Event(), Event())
    let result = Monitor<Result<Void, any Error>?>(nil)
    let store = try reporting { store in
      began.signal()
      goOn.wait()
      let found = Result { try store.execute { _ in } }
      result.withLock { $0 = found }
      result.wakeAll()
    }
    try store.execute { _ in }
    began.wait()
    // As a job of an actor or a routine of a task: the own thread is given the baton.
    store.executor.submit(errand: {})
    goOn.signal()
    try result.wait { $0 }!.get()
  }

  @Test("Who is told of a slow routine and uses the store does not stop it for ever")
  func reportDoesNotDeadlock() throws {
    let (began, goOn, release) = (Event(), Event(), Event())
    let result = Monitor<Result<Void, any Error>?>(nil)
    let store = try reporting { store in
      began.signal()
      goOn.wait()
      // Without the limit it waits for ever, and so does everybody else.
      let found = Result { try store.execute(within: .seconds(3)) { _ in } }
      result.withLock { $0 = found }
      result.wakeAll()
    }
    try store.execute { _ in }
    began.wait()
    try hold(store, until: release)
    store.executor.submit(errand: {})
    goOn.signal()
    waitForLine(of: store, 2)
    release.signal()
    try result.wait { $0 }!.get()
  }

  @Test("A store that is closed by who is told of a slow routine is closed")
  func closeInReport() throws {
    let path = directory.file("test.sqlite")
    let (began, goOn, reads, release) = (Event(), Event(), Event(), Event())
    let result = Monitor<Result<Void, any Error>?>(nil)
    let store = try reporting(path: path) { store in
      began.signal()
      goOn.wait()
      let found = Result { try store.close() }
      result.withLock { $0 = found }
      result.wakeAll()
    }
    try store.execute { _ in }
    began.wait()
    try startThread("reader") {
      try store.read { _ in
        reads.signal()
        release.wait()
      }
    }
    reads.wait()
    goOn.signal()
    while true {
      do { try store.execute { _ in } } catch StoreError.closed { break }
    }
    store.executor.submit(errand: {})
    release.signal()
    #expect(throws: Never.self) { try result.wait { $0 }!.get() }
    var configuration = StoreConfiguration()
    configuration.openingPatience = .zero
    #expect(throws: Never.self) {
      _ = try Store(path: path, tables: [.accounts], configuration: configuration)
    }
  }

  @Test("A job of an actor reads while all places to read are taken by threads that wait for it")
  func actorReads() throws {
    let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    let (goOn, begun, readNow) = (Event(), Event(), Event())
    try takeAllPlaces(toRead: store, until: goOn) { try store.execute { _ in } }
    let result = Monitor<Result<Int, any Error>?>(nil)
    store.executor.submit(errand: {
      begun.signal()
      readNow.wait()
      // Without the limit it waits for ever.
      let found = Result {
        let count = try store.read(within: .seconds(3)) { try $0.count(.accounts) }
        // What looks at the file reads too.
        _ = try store.statistics()
        return count
      }
      result.withLock { $0 = found }
      result.wakeAll()
    })
    begun.wait()
    goOn.signal()
    waitForLine(of: store, Store.Limits.readers)
    readNow.signal()
    #expect(try result.wait { $0 }!.get() == 0)
  }

  // MARK: Limits of time, and of the line

  @Test("A task that reads waits for a place no longer than it says")
  func asyncReadLimit() async throws {
    let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    let release = Event()
    try takeAllPlaces(toRead: store, until: release)
    await #expect(throws: StoreError.timeout) {
      try await store.read(within: .milliseconds(50)) { try $0.count(.accounts) }
    }
    release.signal()
  }

  @Test("Callers that have gone away do not fill the line")
  func withdrawnInLine() throws {
    let store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], busyTimeout: .zero, queueLimit: 2)
    let release = Event()
    try hold(store, until: release)
    for _ in 0..<3 {
      #expect(throws: StoreError.timeout) { try store.execute(within: .zero) { _ in } }
    }
    #expect(store.activity.waitingCallers == 0)
    release.signal()
  }

  @Test("Tasks that read a store in memory are refused when the line is full")
  func asyncReadsInLine() async throws {
    var configuration = StoreConfiguration()
    configuration.queueLimit = 1
    let store = try Store.inMemory(tables: [.accounts], configuration: configuration)
    let release = Event()
    try hold(store, until: release)
    let results = await withTaskGroup(of: Result<Int, any Error>.self) { group in
      for _ in 0..<3 {
        group.addTask {
          do {
            return .success(try await store.read { try $0.count(.accounts) })
          } catch {
            return .failure(error)
          }
        }
      }
      // Two are refused while the third waits.
      let refused = [await group.next()!, await group.next()!]
      release.signal()
      return refused + [await group.next()!]
    }
    for refused in results.prefix(2) {
      #expect(throws: StoreError.queueFull(limit: 1)) { try refused.get() }
    }
    #expect(try results[2].get() == 0)
  }

  @Test("A task may have a limit of any length")
  func longLimit() async throws {
    let store = try Store.inMemory(tables: [.accounts])
    let release = Event()
    try hold(store, until: release)
    let task = Task {
      try await store.execute(within: .seconds(Int64.max)) { try $0.count(.accounts) }
    }
    waitForLine(of: store, 1)
    release.signal()
    #expect(try await task.value == 0)
  }

  @Test("Work is done, whenever it comes, by no more threads than are allowed")
  func workingThreads() throws {
    let threads = WorkingThreads(name: "test", limit: 3, queueLimit: 10_000)
    let done = Monitor(0)
    let working = Atomic(0)
    try onThreads(8) { _ in
      for _ in 0..<500 {
        threads.do(
          .init {
            #expect(working.add(1, ordering: .relaxed).newValue <= 3)
            working.subtract(1, ordering: .relaxed)
            done.withLock { $0 += 1 }
            done.wakeAll()
          } refuse: { error in
            Issue.record(error)
          })
      }
    }
    _ = done.wait { $0 == 4_000 ? true : nil }
  }

  // MARK: Expiry

  private func expiring(
    _ clock: @escaping @Sendable () -> Timestamp, tables: [Table] = [.accounts],
    idleTime: Duration = .seconds(3_600), rehearses: Bool = false
  ) throws -> Store {
    var configuration = StoreConfiguration()
    configuration.idleTime = idleTime
    configuration.clock = clock
    configuration.rehearsesRoutines = rehearses
    return try Store.inMemory(tables: tables, configuration: configuration)
  }

  @Test("A rehearsal does not take what expired for a difference")
  func rehearsalSweeps() throws {
    let store = try expiring({ 2_000_000_200 }, idleTime: .milliseconds(1), rehearses: true)
    try store.execute { try $0.add(.accounts, "old", "", expiresAt: 2_000_000_100) }
    repeat {
      try store.execute { try $0.overwrite(.accounts, "k", "v") }
    } while try store.execute { try $0.listKeys(.accounts) } != ["k"]
  }

  @Test("Jobs of actors that do not use the store leave it its idle time")
  func idleBesideJobs() throws {
    let store = try expiring({ 2_000_000_200 }, idleTime: .milliseconds(100))
    try store.execute { try $0.add(.accounts, "old", "", expiresAt: 2_000_000_100) }
    while store.activity.removedEntries == 0 {
      let isDone = Event()
      store.executor.submit(errand: { isDone.signal() })
      isDone.wait()
    }
    #expect(store.activity.removedEntries == 1)
  }

  @Test("Entries count as removed once that is committed")
  func removedEntries() throws {
    struct Refusal: Error {}
    let store = try expiring({ 2_000_000_200 })
    try store.execute { try $0.add(.accounts, "old", "", expiresAt: 2_000_000_100) }
    var left = 1
    while left == 1 {
      #expect(throws: Refusal.self) { try store.execute { _ in throw Refusal() } }
      left = try store.execute { try $0.count(.accounts) }
      #expect(store.activity.removedEntries + left == 1)
    }
  }

  @Test("Idle time is for all tables, however often entries of one expire")
  func sweepsAllTables() throws {
    let seconds = Monitor<Int64>(2_000_000_000)
    let store = try expiring(
      { Timestamp(secondsSince1970: seconds.withLock { $0 }) }, tables: [.left, .right],
      idleTime: .milliseconds(1))
    var changes = try store.changes()
    try store.execute { storage in
      try storage.add(.right, "right", "", expiresAt: 2_000_000_100)
      for number in 0..<20 {
        let time = Timestamp(secondsSince1970: 2_000_000_100 + Int64(number))
        try storage.add(.left, "left \(number)", "", expiresAt: time)
      }
    }
    seconds.withLock { $0 = 2_000_000_101 }
    var removed: [String] = []
    while removed.count < 6, case .change(let change) = try changes.next() {
      guard change.kind == .deleted else { continue }
      removed.append(change.key)
      // The next one expires.
      seconds.withLock { $0 += 1 }
    }
    #expect(removed.contains("right"), "\(removed)")
  }

  // MARK: Changes

  @Test("Who waits for changes of a table misses none, however many others there are")
  func filteredWait() throws {
    let store = try expiring({ 2_000_000_000 }, tables: [.left, .right])
    let begins = Event()
    let result = Monitor<ChangeEvent?>(nil)
    let changes = try store.changes(in: .left)
    try startThread("observer") {
      var changes = changes
      begins.signal()
      let event = try changes.next()
      result.withLock { $0 = event }
      result.wakeAll()
    }
    begins.wait()
    for _ in 0..<10_000 { sched_yield() }  // it waits
    for number in 0..<100 {
      try store.execute { storage in
        for index in 0..<50 { try storage.overwrite(.right, "\(number) \(index)", "") }
      }
    }
    try store.execute { try $0.add(.left, "ada", "") }
    guard case .change(let change) = result.wait(for: { $0 })! else {
      Issue.record("it was told that it has missed changes")
      return
    }
    #expect(change.key == "ada")
  }

  @Test("A routine that was taken back lets nobody miss what others wrote")
  func takenBack() throws {
    struct Refusal: Error {}
    let store = try expiring({ 2_000_000_000 })
    var changes = try store.changes()
    _ = try together(
      in: store,
      [
        { storage in
          for number in 0...Store.Limits.keptChanges {
            try storage.overwrite(.accounts, "\(number)", "")
          }
          throw Refusal()
        },
        { storage in Int(try storage.overwrite(.accounts, "ada", "")) },
      ])
    guard case .change(let change)? = try changes.next() else {
      Issue.record("it was told that it has missed changes")
      return
    }
    #expect(change.key == "ada")
  }

  @Test("Values that were stored are not kept in memory for observers, who are not told them")
  func keepsNoValues() throws {
    let store = try expiring({ 2_000_000_000 })
    _ = try store.changes()
    try store.execute { storage in
      for number in 0..<10 {
        try storage.overwrite(.accounts, "\(number)", [UInt8](repeating: 1, count: 1 << 20))
      }
    }
    let kept = try store.executor.run { database in
      database.written.writes.reduce(0) { $0 + ($1.value?.count ?? 0) }
    }
    #expect(kept == 0)
  }

  @Test("A store that was closed gives no changes")
  func changesAfterClose() throws {
    let store = try expiring({ 2_000_000_000 })
    _ = try store.changes()
    try store.close()
    #expect(throws: StoreError.closed) { _ = try store.changes() }
  }

  // MARK: Rehearsals

  @Test("A routine that returns no number twice returns the same")
  func rehearsesNaN() throws {
    let store = try expiring({ 2_000_000_000 }, rehearses: true)
    #expect(try store.execute { _ in Double.nan }.isNaN)
  }

  @Test("A rehearsal finds what differs behind the first 4,096 writes")
  func rehearsesAll() throws {
    let store = try expiring({ 2_000_000_000 }, rehearses: true)
    let runs = Atomic(0)
    #expect(throws: StoreError.self) {
      try store.execute { storage in
        let run = runs.add(1, ordering: .relaxed).newValue
        for number in 0..<5_000 {
          try storage.overwrite(.accounts, number < 4_500 ? "\(number)" : "\(run) \(number)", "")
        }
      }
    }
  }

  @Test("Nobody else's routine runs in the middle of an actor's job")
  func rehearsalWithinJob() throws {
    let store = try expiring({ 2_000_000_000 }, rehearses: true)
    let (begun, goOn) = (Event(), Event())
    let others = Atomic(0)
    let result = Monitor<Int?>(nil)
    store.executor.submit(errand: {
      begun.signal()
      goOn.wait()
      do { try store.execute { _ in } } catch { fatalError("\(error)") }
      // Still the same job: an actor's state would have changed under its hands.
      result.withLock { $0 = others.load(ordering: .relaxed) }
      result.wakeAll()
    })
    begun.wait()
    try startThread("other") {
      try store.execute { _ in _ = others.add(1, ordering: .relaxed) }
    }
    waitForLine(of: store, 1)
    goOn.signal()
    #expect(result.wait { $0 } == 0)
  }

  // MARK: Putting back

  @Test("What progress throws is what `restore` throws, and then nothing is kept")
  func progressThrows() throws {
    let (backup, path) = (directory.file("backup.sqlite"), directory.file("test.sqlite"))
    for file in [backup, path] {
      let store = try Store(path: file, tables: [.accounts])
      try store.execute { storage in
        for number in 0..<2_000 {
          try storage.overwrite(.accounts, "\(number)", [UInt8](repeating: 1, count: 1_000))
        }
      }
      try store.close()
    }
    // Of another store, which the program writes its progress to.
    let failure = StoreError.ioError(code: 10, message: "elsewhere")
    #expect(throws: failure) {
      try Store.restore(from: backup, to: path, replacing: true) { _, _ in throw failure }
    }
    #expect(unsafe access(path + ".replaced", F_OK) != 0)
  }
}
