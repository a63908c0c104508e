// Several threads at once, and waiting for what they do.

import Threads

/// Starts a thread. What it throws ends the test run, with the thread's name: whoever waits for the thread would wait
/// for ever.
func startThread(_ name: String, _ body: @escaping @Sendable () throws -> Void) throws {
  try Thread.startDetached(name: name) {
    do { try body() } catch { fatalError("the thread \(name) threw \(error)") }
  }
}

/// Runs `body` on `count` threads and returns when all have ended.
func onThreads(_ count: Int, _ body: @escaping @Sendable (_ index: Int) throws -> Void) throws {
  let ended = Monitor(0)
  for index in 0..<count {
    try startThread("test \(index)") {
      try body(index)
      ended.withLock { $0 += 1 }
      ended.wakeAll()
    }
  }
  _ = ended.wait { $0 == count ? true : nil }
}

/// Something that happens once, and threads that wait for it.
final class Event: Sendable {
  private let happened = Monitor(false)

  func signal() {
    happened.withLock { $0 = true }
    happened.wakeAll()
  }

  func wait() { _ = happened.wait { $0 ? true : nil } }
}
