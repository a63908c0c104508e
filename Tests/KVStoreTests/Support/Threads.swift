// Several threads at once, and waiting for what they do.

import Threads

/// Runs `body` on `count` threads and returns when all have ended.
func onThreads(_ count: Int, _ body: @escaping @Sendable (_ index: Int) -> Void) throws {
  let ended = Monitor(0)
  for index in 0..<count {
    try Thread.startDetached(name: "test \(index)") {
      body(index)
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
