import Synchronization
import Testing
import Threads

@Suite(.serialized) struct ThreadTests {
  @Test("a joined thread has run, under its name")
  func name() throws {
    let seen = Mutex("")
    try Thread.start(name: "worker-7") { seen.withLock { $0 = Thread.currentName } }.join()
    #expect(seen.withLock { $0 } == "worker-7")
  }

  @Test("a long name is cut to what the system keeps, between characters")
  func longName() throws {
    let seen = Mutex("")
    try Thread.start(name: "fourteen-bytesé-and-more") {
      seen.withLock { $0 = Thread.currentName }
    }.join()
    #if canImport(Darwin)
      #expect(seen.withLock { $0 } == "fourteen-bytesé-and-more")
    #else
      #expect(seen.withLock { $0 } == "fourteen-bytes")
    #endif
  }

  @Test("the stack that was asked for can be used", arguments: [1, 8])
  func stack(mebibytes: Int) throws {
    let depth = Mutex(0)
    // Each call takes over a kilobyte; a quarter is left for the rest. Too little stack is a crash.
    let calls = mebibytes * 1024 * 3 / 4
    try Thread.start(name: "deep", stackSize: mebibytes << 20) {
      depth.withLock { $0 = descend(calls) }
    }.join()
    #expect(depth.withLock { $0 } == calls)
  }

  @Test("a stack below the minimum still runs a thread")
  func smallStack() throws {
    let hasRun = Mutex(false)
    try Thread.start(name: "small", stackSize: 1) { hasRun.withLock { $0 = true } }.join()
    #expect(hasRun.withLock { $0 })
  }

  @Test("a stack that no machine has is an error, and the closure is let go")
  func impossibleStack() {
    weak let probe: Probe?
    do {
      let held = Probe()
      probe = held
      #expect(throws: ThreadError.self) {
        try Thread.startDetached(name: "huge", stackSize: 1 << 55) { _ = held }
      }
    }
    #expect(probe == nil)
  }

  @Test("a detached thread runs without being joined")
  func detached() throws {
    let hasRun = Monitor(false)
    try Thread.startDetached(name: "detached") {
      hasRun.withLock { $0 = true }
      hasRun.wakeAll()
    }
    #expect(hasRun.wait(until: .now() + .seconds(20)) { $0 ? true : nil } == true)
  }

  @Test("a thread is itself and no other")
  func identity() throws {
    let here = ThreadID.current
    let isSame = Mutex(true)
    try Thread.start(name: "other") {
      let there = ThreadID.current
      isSame.withLock { $0 = here == there }
    }.join()
    #expect(here == ThreadID.current)
    #expect(!isSame.withLock { $0 })
  }
}

/// Goes `calls` deep, with a kilobyte of locals at each level.
@inline(never) private func descend(_ calls: Int) -> Int {
  guard calls > 0 else { return 0 }
  return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1000) { bytes in
    unsafe bytes.initialize(repeating: UInt8(truncatingIfNeeded: calls))
    return descend(calls - 1) + (unsafe bytes[999] == UInt8(truncatingIfNeeded: calls) ? 1 : 0)
  }
}

private final class Probe: Sendable {}
