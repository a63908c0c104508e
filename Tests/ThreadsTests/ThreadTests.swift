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

  @Test("the stack that was asked for can be used", arguments: [1, 16])
  func stack(mebibytes: Int) throws {
    let depth = Mutex(0)
    // 16 MiB is twice what Linux gives a thread that asks for nothing; too little is a crash.
    let bytes = mebibytes << 20
    try Thread.start(name: "deep", stackSize: bytes) {
      depth.withLock { $0 = useStack(bytes / 4 * 3) }
    }.join()
    #expect(depth.withLock { $0 } >= bytes / 4 * 3)
  }

  @Test("a stack below the minimum still runs a thread")
  func smallStack() throws {
    let hasRun = Mutex(false)
    try Thread.start(name: "small", stackSize: 1) { hasRun.withLock { $0 = true } }.join()
    #expect(hasRun.withLock { $0 })
  }

  @Test(
    "a stack that no machine has is an error, and the closure is let go",
    arguments: [1 << 55, .max])
  func impossibleStack(bytes: Int) {
    weak let probe: Probe?
    do {
      let held = Probe()
      probe = held
      #expect(throws: ThreadError.self) {
        try Thread.startDetached(name: "huge", stackSize: bytes) { _ = held }
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
    #expect(hasRun.wait(until: .now() + .seconds(120)) { $0 ? true : nil } == true)
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

/// Calls itself until the stack has grown by `bytes`, and tells by how much it has.
@inline(never) private func useStack(_ bytes: Int, below top: Int? = nil) -> Int {
  unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1000) { local in
    unsafe local.initialize(repeating: 1)
    let here = Int(bitPattern: local.baseAddress!)
    let used = (top ?? here) - here
    // The sum after the call keeps this frame alive during it.
    return used >= bytes ? used : useStack(bytes, below: top ?? here) + Int(unsafe local[999]) - 1
  }
}

private final class Probe: Sendable {}
