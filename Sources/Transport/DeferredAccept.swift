// When connections are given out with their first bytes only, and when as soon as they are made.
//
// While clients come and go, a thread that is done takes the next connection that waits. With the first bytes there, it finds
// something to read; otherwise it would sleep at once, and be woken a moment later. When many clients come at a time and stay, each
// needs a thread: those are better started while the requests are on their way than beside all the threads that answer already.

import Threads

/// Decides for one listener whether its connections are held back (``ListenerOptions/deferAccept``).
struct DeferredAccept: ~Copyable {
  /// How long clients are taken to come and go after a thread last took the next connection.
  private static let time: Duration = .seconds(1)

  private let listener: Listener
  private var taken: UInt64 = 0
  /// When to look again: never while none are held back.
  private(set) var deadline = MonotonicTime.distantFuture

  init(of listener: Listener) {
    self.listener = listener
  }

  /// A thread had to be started for a connection.
  mutating func startedThread() {
    taken = listener.takenWhileWaiting
    holdBack(false)
  }

  /// Looks whether a thread that was done has taken a connection since the last look.
  mutating func look(_ now: MonotonicTime) {
    let count = listener.takenWhileWaiting
    if count != taken {
      taken = count
      holdBack(true)
      deadline = now + Self.time
    } else if now >= deadline {
      holdBack(false)
    }
  }

  private mutating func holdBack(_ holdsBack: Bool) {
    if !holdsBack { deadline = .distantFuture }
    listener.holdBack(holdsBack)
  }
}
