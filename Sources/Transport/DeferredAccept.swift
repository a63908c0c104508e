// When a listener gives connections out with their first bytes only, and when as soon as they are made.
//
// While clients come and go, a thread that is done takes the next connection that waits. With the first bytes there, it finds
// something to read; otherwise it would sleep at once, and be woken a moment later. When many clients come at a time and stay, each
// needs a thread: those are better started while the requests are on their way than beside all the threads that answer already.

import Threads

/// Whether a listener holds connections back (``ListenerOptions/deferAccept``).
struct DeferredAccept {
  /// How long it does after one was found waiting.
  static let time: Duration = .seconds(1)

  private let isAllowed: Bool
  /// When it ends; `nil` while none are held back.
  private(set) var end: MonotonicTime?

  /// Holds none back yet.
  init(isAllowed: Bool) {
    self.isAllowed = isAllowed
  }

  var isOn: Bool { end != nil }

  /// A thread that was done found a connection waiting.
  mutating func foundWaiting(_ now: MonotonicTime) {
    if isAllowed { end = now + Self.time }
  }

  /// A thread had to be started for a connection.
  mutating func needsThread() {
    end = nil
  }

  /// Ends it if its time is over.
  mutating func look(_ now: MonotonicTime) {
    if let time = end, time <= now { end = nil }
  }

  /// Ends it for good.
  mutating func forbid() {
    self = DeferredAccept(isAllowed: false)
  }
}
