// Lets one side of a test wait for the other.

import Threads

/// Closed until it is opened, once.
final class Gate: Sendable {
  private let isOpen = Monitor(false)

  func open() {
    isOpen.withLock { $0 = true }
    isOpen.wakeAll()
  }

  /// - Returns: Whether it was opened; a test that waits in vain has failed.
  func wait(within limit: Duration = .seconds(50)) -> Bool {
    isOpen.wait(until: .now() + limit) { $0 ? () : nil } != nil
  }
}
