import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Threads that write down which of them did which work.
private final class Workers: Sendable {
  struct State {
    var done: [Int: ThreadID] = [:]
    var mayFinish = true
    var ended = 0
  }

  let idle: IdleThreads<Int>
  let state = Monitor(State())

  init(capacity: Int, time: Duration) {
    idle = IdleThreads(capacity: capacity, time: time)
  }

  /// Has it done by a thread that waits, or by a new one.
  func work(on number: Int) throws {
    if !idle.give(number) { try start(with: number) }
  }

  func start(with number: Int) throws {
    try Thread.startDetached(name: "worker") { [self] in
      idle.work(on: number) { number in
        _ = state.wait { $0.mayFinish ? true : nil }
        state.withLock {
          precondition($0.done[number] == nil, "work is done once")
          $0.done[number] = .current
        }
        state.wakeAll()
      }
      state.withLock { $0.ended += 1 }
      state.wakeAll()
    }
  }

  func hold() {
    state.withLock { $0.mayFinish = false }
  }

  func letFinish() {
    state.withLock { $0.mayFinish = true }
    state.wakeAll()
  }

  /// Who did the work.
  func worker(of number: Int) throws -> ThreadID {
    try #require(state.wait(until: .now() + patience) { $0.done[number] })
  }

  func hasEnded(_ count: Int) -> Bool {
    state.wait(until: .now() + patience) { $0.ended >= count ? true : nil } ?? false
  }

  /// A thread sits down some time after it has done its work.
  func waitUntilIdle(_ count: Int) throws {
    let deadline = MonotonicTime.now() + patience
    while idle.count != count {
      try #require(.now() < deadline, "\(idle.count) threads are idle")
      sched_yield()
    }
  }
}

@Suite(.serialized) struct IdleThreadsTests {
  @Test("a thread that waits does the next work, and there is nothing to give it to without one")
  func again() throws {
    let workers = Workers(capacity: 4, time: .seconds(1000))
    #expect(!workers.idle.give(0))
    try workers.start(with: 1)
    let first = try workers.worker(of: 1)
    for number in 2...50 {
      try workers.waitUntilIdle(1)
      #expect(workers.idle.give(number))
      #expect(try workers.worker(of: number) == first)
    }
    workers.idle.close()
    #expect(workers.hasEnded(1))
  }

  @Test("who waits for the shortest time works first")
  func order() throws {
    let workers = Workers(capacity: 4, time: .seconds(1000))
    workers.hold()
    for number in 1...3 { try workers.start(with: number) }
    workers.letFinish()
    try workers.waitUntilIdle(3)
    // Whoever works now sits down last, and is woken first again and again.
    #expect(workers.idle.give(4))
    let last = try workers.worker(of: 4)
    for number in 5...20 {
      try workers.waitUntilIdle(3)
      #expect(workers.idle.give(number))
      #expect(try workers.worker(of: number) == last)
    }
    workers.idle.close()
    #expect(workers.hasEnded(3))
  }

  @Test("more than there is room for end")
  func capacity() throws {
    let workers = Workers(capacity: 2, time: .seconds(1000))
    workers.hold()
    for number in 1...5 { try workers.start(with: number) }
    workers.letFinish()
    #expect(workers.hasEnded(3))
    try workers.waitUntilIdle(2)
    workers.idle.close()
    #expect(workers.hasEnded(5))
    #expect(workers.idle.count == 0)
  }

  @Test("a place without room keeps nobody")
  func none() throws {
    let workers = Workers(capacity: 0, time: .seconds(1000))
    try workers.start(with: 1)
    #expect(workers.hasEnded(1))
    #expect(!workers.idle.give(2))
  }

  @Test("who waits in vain ends, not before its time")
  func time() throws {
    let workers = Workers(capacity: 4, time: .milliseconds(50))
    try workers.start(with: 1)
    _ = try workers.worker(of: 1)
    let done = MonotonicTime.now()
    #expect(workers.hasEnded(1))
    // The thread may have begun to wait a little before we looked at the clock.
    #expect(MonotonicTime.now() - done > .milliseconds(40))
    #expect(workers.idle.count == 0 && !workers.idle.give(2))
  }

  @Test("a closed place ends its threads when they have done their work")
  func close() throws {
    let workers = Workers(capacity: 4, time: .seconds(1000))
    try workers.start(with: 1)
    try workers.waitUntilIdle(1)
    workers.hold()
    try workers.start(with: 2)
    workers.idle.close()
    #expect(workers.hasEnded(1))
    #expect(!workers.idle.give(3))
    workers.letFinish()
    #expect(workers.hasEnded(2))
    _ = try workers.worker(of: 2)
  }

  @Test("work given as threads give up is done once, whoever does it", arguments: [0, 1, 3])
  func races(capacity: Int) throws {
    let workers = Workers(capacity: capacity, time: .microseconds(50))
    let givers = 4
    let each = 500
    for giver in 0..<givers {
      try Thread.startDetached(name: "giver") {
        for number in 0..<each {
          do { try workers.work(on: giver * each + number) } catch { fatalError("\(error)") }
          if number % 5 == giver { sched_yield() }
        }
      }
    }
    let all = workers.state.wait(until: .now() + .seconds(120)) { state in
      state.done.count == givers * each ? true : nil
    }
    #expect(all == true)
    workers.idle.close()
    try workers.waitUntilIdle(0)
  }
}
