import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

/// An actor whose functions run in turn with the routines of a store.
private actor Ledger {
  let store: Store
  private(set) var count = 0
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe store.asUnownedSerialExecutor() }

  init(_ store: Store) { self.store = store }

  func increment() { count += 1 }

  func thread() -> String { Thread.currentName }

  /// Counts in the store, without leaving the actor.
  func storeAtOnce() throws -> Int64 {
    try store.execute { try $0.increment(.accounts, "ledger") }
  }

  func readAtOnce() throws -> String? {
    try store.read { try $0.get(.accounts, "ledger")?.text }
  }

  func storeLater() async throws -> Int64 {
    try await store.execute { try $0.increment(.accounts, "ledger") }
  }

  func close() throws { try store.close() }

  /// Changes the actor's state in a routine, which is in turn with the actor's functions, whatever thread it runs on.
  nonisolated func incrementInRoutine() throws {
    try store.execute { _ in
      self.assumeIsolated { ledger in ledger.count += 1 }
    }
  }
}

@Suite("The store in asynchronous code", .serialized)
struct AsyncTests {
  let directory = TemporaryDirectory()

  private func stores() throws -> [Store] {
    [
      try Store(path: directory.file("test.sqlite"), tables: [.accounts]),
      try Store.inMemory(tables: [.accounts]),
    ]
  }

  @Test("`execute` and `read` give what the routine returns, and what it throws")
  func results() async throws {
    for store in try stores() {
      let counter = try await store.execute { try $0.overwrite(.accounts, "ada", "100") }
      #expect(counter == 0)
      let text = try await store.read { try $0.get(.accounts, "ada")?.text }
      #expect(text == "100")
      await #expect(throws: StoreError.entryExists(table: .accounts, key: "ada")) {
        try await store.execute { try $0.add(.accounts, "ada", "") }
      }
      await #expect(throws: StoreError.unknownTable("no")) {
        try await store.read { try $0.count("no") }
      }
    }
  }

  @Test("200 tasks and 4 threads count together")
  func together() async throws {
    for store in try stores() {
      try await withThrowingTaskGroup { group in
        for _ in 0..<200 {
          group.addTask { _ = try await store.execute { try $0.increment(.accounts, "n") } }
          group.addTask { _ = try await store.read { try $0.get(.accounts, "n") } }
        }
        try onThreads(4) { _ in
          for _ in 0..<50 { try store.execute { try $0.increment(.accounts, "n") } }
        }
        try await group.waitForAll()
      }
      #expect(try await store.read { try $0.get(.accounts, "n")?.text } == "400")
    }
  }

  @Test("A task that is cancelled gives up a routine that has not begun")
  func cancelled() async throws {
    for store in try stores() {
      let release = Event()
      try hold(store, until: release)
      let task = Task { try await store.execute { try $0.add(.accounts, "never", "") } }
      waitForLine(of: store, 1)
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      release.signal()
      #expect(try await store.execute { try $0.listKeys(.accounts) } == [])
    }
  }

  @Test("A task that was cancelled before runs nothing")
  func cancelledBefore() async throws {
    for store in try stores() {
      let task = Task {
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        return try await store.execute { try $0.overwrite(.accounts, "never", "") }
      }
      await #expect(throws: CancellationError.self) { try await task.value }
      let reading = Task {
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        return try await store.read { try $0.count(.accounts) }
      }
      await #expect(throws: CancellationError.self) { try await reading.value }
      #expect(try await store.execute { try $0.listKeys(.accounts) } == [])
    }
  }

  @Test("A routine that has begun is waited for, and its task gets what it returns")
  func cancelledLate() async throws {
    let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    let (begun, release) = (Event(), Event())
    let task = Task {
      try await store.execute { storage in
        begun.signal()
        release.wait()
        return try storage.overwrite(.accounts, "ada", "")
      }
    }
    try startThread("canceller") {
      begun.wait()
      task.cancel()
      release.signal()
    }
    #expect(try await task.value == 0)
  }

  @Test("A routine that has not begun in time is given up, whoever waits for it")
  func timeLimit() async throws {
    for store in try stores() {
      let release = Event()
      try hold(store, until: release)
      await #expect(throws: StoreError.timeout) {
        try await store.execute(within: .milliseconds(1)) { try $0.add(.accounts, "never", "") }
      }
      try onThreads(3) { _ in
        #expect(throws: StoreError.timeout) {
          try store.execute(within: .milliseconds(1)) { try $0.add(.accounts, "never", "") }
        }
        #expect(throws: StoreError.timeout) {
          try store.execute(within: .zero) { try $0.add(.accounts, "never", "") }
        }
      }
      release.signal()
      #expect(try await store.execute(within: .seconds(60)) { try $0.listKeys(.accounts) } == [])
    }
  }

  @Test("Who reads waits for a place no longer than it says")
  func readTimeLimit() async throws {
    let store = try Store.inMemory(tables: [.accounts])
    let release = Event()
    try hold(store, until: release)
    try onThreads(1) { _ in
      #expect(throws: StoreError.timeout) {
        try store.read(within: .milliseconds(1)) { try $0.count(.accounts) }
      }
    }
    await #expect(throws: StoreError.timeout) {
      try await store.read(within: .milliseconds(1)) { try $0.count(.accounts) }
    }
    release.signal()
    #expect(try await store.read(within: .seconds(60)) { try $0.count(.accounts) } == 0)
  }

  @Test("Those that are given up do not hold up those behind them")
  func givenUpInLine() async throws {
    let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    let release = Event()
    try hold(store, until: release)
    let first = Task { try await store.execute { try $0.increment(.accounts, "n") } }
    waitForLine(of: store, 1)
    let second = Task { try await store.execute { try $0.increment(.accounts, "n") } }
    waitForLine(of: store, 2)
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    release.signal()
    #expect(try await second.value == 1)
    #expect(store.executor.waitingCallers == 0)
  }

  @Test("A store that is closed refuses, also those that did not wait")
  func closed() async throws {
    for store in try stores() {
      try store.close()
      await #expect(throws: StoreError.closed) { try await store.execute { _ in } }
      await #expect(throws: StoreError.closed) { try await store.read { _ in } }
    }
  }

  // MARK: Actors

  @Test("An actor that is pinned to a store runs on the store's thread, 1,000 calls in turn")
  func actor() async throws {
    for store in try stores() {
      let ledger = Ledger(store)
      #expect(await ledger.thread() == "KVStore")
      await withTaskGroup { group in
        for _ in 0..<1_000 { group.addTask { await ledger.increment() } }
      }
      #expect(await ledger.count == 1_000)
    }
  }

  @Test("Its functions run routines at once, or later")
  func actorExecutes() async throws {
    for store in try stores() {
      let ledger = Ledger(store)
      #expect(try await ledger.storeAtOnce() == 1)
      #expect(try await ledger.readAtOnce() == "1")
      #expect(try await ledger.storeLater() == 2)
      #expect(try await ledger.storeAtOnce() == 3)
    }
  }

  @Test("Routines are in turn with the actor's functions, whatever thread they run on")
  func isolated() async throws {
    for store in try stores() {
      let ledger = Ledger(store)
      await withTaskGroup { group in
        for _ in 0..<200 { group.addTask { await ledger.increment() } }
        group.addTask {
          do {
            try onThreads(4) { _ in
              for _ in 0..<50 { try ledger.incrementInRoutine() }
            }
          } catch {
            Issue.record(error)
          }
        }
      }
      #expect(await ledger.count == 400)
    }
  }

  @Test("An actor goes on when its store is closed, which it cannot do itself")
  func actorAfterClose() async throws {
    for store in try stores() {
      let ledger = Ledger(store)
      await #expect(throws: StoreError.reentrant) { try await ledger.close() }
      try store.close()
      await ledger.increment()
      #expect(await ledger.count == 1)
      await #expect(throws: StoreError.closed) { try await ledger.storeAtOnce() }
    }
  }

  @Test("A store that is let go while tasks wait for it runs their routines, and closes its file")
  func letGo() async throws {
    let path = directory.file("test.sqlite")
    var store: Store? = try Store(path: path, tables: [.accounts])
    let release = Event()
    try hold(store!, until: release)
    let tasks = (0..<3).map { [store] _ in
      Task { try await store!.execute { try $0.increment(.accounts, "n") } }
    }
    waitForLine(of: store!, 3)
    store = nil
    release.signal()
    for task in tasks { _ = try await task.value }
    let again = try Store(path: path, tables: [.accounts])
    #expect(try await again.read { try $0.get(.accounts, "n")?.text } == "3")
  }
}
