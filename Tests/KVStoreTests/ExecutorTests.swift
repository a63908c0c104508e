import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

/// What the tests lend out; two users at once would lose counts, and the thread sanitizer would
/// tell.
private final class Resource: JobRunner {
  var count = 0
  var log: [Use] = []
  /// How many jobs were done together, each time.
  var rounds: [Int] = []

  func perform(_ jobs: [@Sendable (Resource) -> Void]) {
    rounds.append(jobs.count)
    for job in jobs { job(self) }
  }

  struct Use: Equatable {
    var caller: Int
    var thread: String
  }
}

@Suite("The executor", .serialized)
struct ExecutorTests {
  private let executor = Executor(Resource(), queueLimit: 300)

  /// Starts a thread that holds the baton until `release`, and waits until it does.
  private func holdBaton(name: String = "holder", until release: Event) throws {
    let holds = Event()
    let executor = executor
    try startThread(name) {
      try executor.run { _ in
        holds.signal()
        release.wait()
      }
    }
    holds.wait()
  }

  /// Starts a thread for each caller, the next when the one before is in line.
  private func lineUp(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    for caller in 0..<count {
      try startThread("caller \(caller)") { try body(caller) }
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

  @Test("First come, first served; jobs in line are done together, 128 at most")
  func order() throws {
    let release = Event()
    let done = Monitor(0)
    try holdBaton(until: release)
    try lineUp(300) { [executor] caller in
      try executor.perform { resource in
        resource.log.append(.init(caller: caller, thread: Thread.currentName))
      }
      done.withLock { $0 += 1 }
      done.wakeAll()
    }
    release.signal()
    _ = done.wait { $0 == 300 ? true : nil }
    // The holder serves a round; whoever is next does its own with those behind it, and then another round.
    let expected = (0..<300).map { caller in
      Resource.Use(caller: caller, thread: caller < 128 ? "holder" : "caller 128")
    }
    #expect(try executor.run { $0.log } == expected)
    #expect(try executor.run { $0.rounds } == [128, 128, 44])
  }

  @Test("Who wants the resource on its own thread gets it there, in turn")
  func ownThreadInTurn() throws {
    let release = Event()
    let done = Monitor(0)
    try holdBaton(until: release)
    try lineUp(9) { [executor] caller in
      if caller.isMultiple(of: 3) {
        try executor.run {
          $0.log.append(.init(caller: caller, thread: Thread.currentName))
        }
      } else {
        try executor.perform { $0.log.append(.init(caller: caller, thread: "any")) }
      }
      done.withLock { $0 += 1 }
      done.wakeAll()
    }
    release.signal()
    _ = done.wait { $0 == 9 ? true : nil }
    #expect(
      try executor.run { $0.log }
        == (0..<9).map { caller in
          .init(caller: caller, thread: caller.isMultiple(of: 3) ? "caller \(caller)" : "any")
        })
  }

  @Test("16 threads count to 8,000 together, some with errors between")
  func counters() throws {
    let errors = Atomic(0)
    try onThreads(16) { [executor] index in
      for number in 0..<500 {
        do {
          if number.isMultiple(of: 2) {
            try executor.perform { $0.count += 1 }
            if number.isMultiple(of: 7) { throw StoreError.full }
          } else {
            try executor.run { resource in
              resource.count += 1
              if number.isMultiple(of: 7) { throw StoreError.full }
            }
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
    try lineUp(300) { [executor] _ in
      try executor.run { $0.count += 1 }
      done.withLock { $0 += 1 }
      done.wakeAll()
    }
    #expect(throws: StoreError.queueFull(limit: 300)) { try executor.run { _ in } }
    release.signal()
    _ = done.wait { $0 == 300 ? true : nil }
    #expect(try executor.run { $0.count } == 300)
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
    let outcome = Monitor<(error: StoreError?, thread: String)>((nil, ""))
    try lineUp(1) { [executor] _ in
      try executor.perform { _ in
        do {
          try executor.run { _ in }
          outcome.withLock { $0 = (nil, Thread.currentName) }
        } catch {
          let error = error as? StoreError
          outcome.withLock { $0 = (error, Thread.currentName) }
        }
      }
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
    try lineUp(5) { [executor] _ in try executor.run { $0.count += 1 } }
    for _ in 0..<3 {
      try startThread("closer") { [executor] in
        try executor.close { $0.log.append(.init(caller: $0.count, thread: "last")) }
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
