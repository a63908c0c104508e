import Synchronization
import Testing
import Threads

/// A value that cannot be copied and counts its end.
private struct Token: ~Copyable, Sendable {
  let drops: Drops

  deinit { drops.count.add(1, ordering: .relaxed) }
}

private final class Drops: Sendable {
  let count = Atomic(0)
}

@Suite(.serialized) struct HandoffTests {
  @Test("a value is taken once")
  func once() {
    let drops = Drops()
    let handoff = Handoff(Token(drops: drops))
    let takes = [handoff.take() != nil, handoff.take() != nil]
    #expect(takes == [true, false])
    #expect(drops.count.load(ordering: .relaxed) == 1)
  }

  @Test("a value that nobody took ends with its handoff")
  func untaken() {
    let drops = Drops()
    do {
      let handoff = Handoff(Token(drops: drops))
      #expect(drops.count.load(ordering: .relaxed) == 0)
      withExtendedLifetime(handoff) {}
    }
    #expect(drops.count.load(ordering: .relaxed) == 1)
  }

  @Test("of many threads that ask, one gets the value")
  func race() throws {
    let handoff = Handoff(Token(drops: Drops()))
    let state = Monitor((running: 8, takers: 0))
    for _ in 0..<8 {
      try Thread.startDetached(name: "taker") {
        let hasTaken = handoff.take() != nil
        state.withLock { state in
          state.running -= 1
          if hasTaken { state.takers += 1 }
        }
        state.wakeAll()
      }
    }
    let takers = state.wait(until: .now() + .seconds(120)) { $0.running == 0 ? $0.takers : nil }
    #expect(takers == 1)
  }
}
