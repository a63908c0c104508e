import Testing
import Threads

@Suite(.serialized) struct MonitorTests {
  @Test("threads that change a value take turns")
  func exclusion() throws {
    let counter = Monitor(0)
    let running = Monitor(4)
    for _ in 0..<4 {
      try Thread.startDetached(name: "counter") {
        for _ in 0..<10_000 { counter.withLock { $0 += 1 } }
        running.withLock { $0 -= 1 }
        running.wakeAll()
      }
    }
    #expect(running.wait(until: .now() + .seconds(120)) { $0 == 0 ? true : nil } == true)
    #expect(counter.withLock { $0 } == 40_000)
  }

  @Test("what is so already needs no waiting, even after the deadline")
  func already() {
    let monitor = Monitor(3)
    #expect(monitor.wait { $0 == 3 ? "three" : nil } == "three")
    #expect(monitor.wait(until: MonotonicTime(nanoseconds: 0)) { $0 == 3 ? "three" : nil } != nil)
  }

  @Test("a deadline ends a wait, not before its time")
  func deadline() {
    let monitor = Monitor(false)
    let deadline = MonotonicTime.now() + .milliseconds(20)
    #expect(monitor.wait(until: deadline) { $0 ? true : nil } == nil)
    #expect(MonotonicTime.now() >= deadline)
  }

  @Test("a deadline before all time has passed")
  func distantPast() {
    let monitor = Monitor(false)
    #expect(monitor.wait(until: MonotonicTime(nanoseconds: .min)) { $0 ? true : nil } == nil)
  }

  @Test("two threads wake each other, turn by turn", arguments: [true, false])
  func turns(wakesAll: Bool) throws {
    let turn = Monitor(0)
    let rounds = 1000
    let other = try Thread.start(name: "odd") {
      for round in 0..<rounds {
        _ = turn.wait { turn -> Bool? in
          guard turn == 2 * round + 1 else { return nil }
          turn += 1
          return true
        }
        wakesAll ? turn.wakeAll() : turn.wakeOne()
      }
    }
    for round in 0..<rounds {
      _ = turn.wait { turn -> Bool? in
        guard turn == 2 * round else { return nil }
        turn += 1
        return true
      }
      wakesAll ? turn.wakeAll() : turn.wakeOne()
    }
    other.join()
    #expect(turn.withLock { $0 } == 2 * rounds)
  }

  @Test("an error leaves the lock free")
  func failure() {
    struct Failure: Error {}
    let monitor = Monitor(1)
    #expect(throws: Failure.self) { try monitor.withLock { _ in throw Failure() } }
    #expect(monitor.withLock { $0 } == 1)
  }
}
