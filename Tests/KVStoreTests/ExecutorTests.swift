import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

/// What the tests lend out; two users at once would lose counts, and the thread sanitizer would
/// tell.
private final class Resource {
  var count = 0
  var log: [Use] = []

  struct Use: Equatable {
    var caller: Int
    var thread: String
  }
}

@Suite("The executor", .serialized)
struct ExecutorTests {
  // `try!` stands below in closures that run on threads of their own, where nobody is to be told: an error there is a
  // failure of the test and ends the run.
  private let executor = Executor(Resource(), queueLimit: 50)

  /// Starts a thread that holds the baton until `release`, and waits until it does.
  private func holdBaton(name: String = "holder", until release: Event) throws {
    let holds = Event()
    let executor = executor
    try Thread.startDetached(name: name) {
      try! executor.run { _ in
        holds.signal()
        release.wait()
      }
    }
    holds.wait()
  }

  /// Starts a thread for each caller, the next when the one before is in line.
  private func lineUp(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
    for caller in 0..<count {
      try Thread.startDetached(name: "caller \(caller)") { body(caller) }
      waitForLine(of: caller + 1)
    }
  }

  private func waitForLine(of length: Int) {
    while executor.waitingCallers < length { sched_yield() }
  }

  @Test("Work runs on the thread that asks, when nobody else does")
  func ownThread() throws {
    let thread = ThreadID.current
    #expect(try executor.run { _ in ThreadID.current == thread })
  }

  @Test("First come, first served; each holder serves 16 others and passes the baton on")
  func order() throws {
    let release = Event()
    let done = Monitor(0)
    try holdBaton(until: release)
    try lineUp(40) { [executor] caller in
      try! executor.run { resource in
        resource.log.append(.init(caller: caller, thread: Thread.currentName))
      }
      done.withLock { $0 += 1 }
      done.wakeAll()
    }
    release.signal()
    _ = done.wait { $0 == 40 ? true : nil }
    let expected = (0..<40).map { caller in
      let holder = caller < 16 ? "holder" : caller < 33 ? "caller 16" : "caller 33"
      return Resource.Use(caller: caller, thread: holder)
    }
    #expect(try executor.run { $0.log } == expected)
  }

  @Test("16 threads count to 8,000 together, some with errors between")
  func counters() throws {
    let errors = Atomic(0)
    try onThreads(16) { [executor] index in
      for number in 0..<500 {
        do {
          try executor.run { resource in
            resource.count += 1
            if number.isMultiple(of: 7) { throw StoreError.full }
          }
        } catch { errors.add(1, ordering: .relaxed) }
      }
    }
    #expect(try executor.run { $0.count } == 8_000)
    #expect(errors.load(ordering: .relaxed) == 16 * 72)
  }

  @Test("A line that is full refuses the next caller, at once")
  func queueFull() throws {
    let release = Event()
    let done = Monitor(0)
    try holdBaton(until: release)
    try lineUp(50) { [executor] _ in
      try! executor.run { $0.count += 1 }
      done.withLock { $0 += 1 }
      done.wakeAll()
    }
    #expect(throws: StoreError.queueFull(limit: 50)) { try executor.run { _ in } }
    release.signal()
    _ = done.wait { $0 == 50 ? true : nil }
    #expect(try executor.run { $0.count } == 50)
  }

  @Test("Work that uses its own executor gets .reentrant, and the executor goes on")
  func reentrant() throws {
    let executor = executor
    #expect(throws: StoreError.reentrant) {
      try executor.run { _ in try executor.run { _ in } }
    }
    #expect(throws: StoreError.reentrant) {
      try executor.run { _ in try executor.close { _ in } }
    }
    #expect(try executor.run { $0.count } == 0)
  }

  @Test("The same when the work runs on the thread of another caller")
  func reentrantElsewhere() throws {
    let release = Event()
    let done = Event()
    try holdBaton(until: release)
    let outcome = Mutex<(error: StoreError?, thread: String)>((nil, ""))
    try lineUp(1) { [executor] _ in
      let (error, thread) = try! executor.run { _ in
        do {
          try executor.run { _ in }
          return (nil as StoreError?, Thread.currentName)
        } catch { return (error as? StoreError, Thread.currentName) }
      }
      outcome.withLock { $0 = (error, thread) }
      done.signal()
    }
    release.signal()
    done.wait()
    outcome.withLock { outcome in
      #expect(outcome.error == .reentrant)
      #expect(outcome.thread == "holder")
    }
  }

  @Test("close comes after those in line, refuses those who come later, and is waited for by all")
  func close() throws {
    let release = Event()
    let done = Monitor(0)
    try holdBaton(until: release)
    try lineUp(5) { [executor] _ in try! executor.run { $0.count += 1 } }
    for _ in 0..<3 {
      try Thread.startDetached(name: "closer") { [executor] in
        try! executor.close { $0.log.append(.init(caller: $0.count, thread: "last")) }
        // The holder may still be on its way out of `run`, but the last work is done.
        done.withLock { $0 += 1 }
        done.wakeAll()
      }
    }
    waitForLine(of: 6)
    #expect(throws: StoreError.closed) { try executor.run { _ in } }
    release.signal()
    _ = done.wait { $0 == 3 ? true : nil }
    #expect(throws: StoreError.closed) { try executor.run { _ in } }
    try executor.close { _ in Issue.record("it is closed already") }
  }

  @Test("An error of the closing work reaches the first to close; it is closed all the same")
  func closeFails() throws {
    #expect(throws: StoreError.full) { try executor.close { _ throws(StoreError) in throw .full } }
    #expect(throws: StoreError.closed) { try executor.run { _ in } }
    try executor.close { _ in }
  }
}
