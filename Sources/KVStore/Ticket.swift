// One caller's place in the executor's line.

import Synchronization
import Threads

/// The work of a caller who waits, and how the caller is woken: once, by whoever holds the baton.
final class Ticket<Resource>: Sendable {
  /// Why the caller is woken.
  enum Call: Sendable {
    /// The holder has done the work.
    case finished
    /// The caller holds the baton from now on and does the work itself.
    case holdsBaton
  }

  /// The caller's thread.
  let thread = ThreadID.current
  private let work: Mutex<(@Sendable (Resource) -> Void)?>
  private let call = Monitor<Call?>(nil)

  init(_ work: @escaping @Sendable (Resource) -> Void) { self.work = Mutex(work) }

  /// Does the work, on the calling thread.
  ///
  /// The closure is gone when this returns: the caller may return as soon as it is woken, and must
  /// find that nobody else still has the routine that it was lent.
  func run(with resource: Resource) {
    let work = work.withLock { $0.take() }
    work?(resource)
  }

  /// Waits for ``wake(_:)``.
  func wait() -> Call { call.wait { $0 }! }

  /// Ends the caller's wait.
  func wake(_ reason: Call) {
    call.withLock { $0 = reason }
    call.wakeOne()
  }
}

/// Tickets, oldest first.
struct Line<Resource> {
  private var tickets: [Ticket<Resource>?] = []
  /// How many at the front of `tickets` have left.
  private var left = 0

  var count: Int { tickets.count - left }

  mutating func append(_ ticket: Ticket<Resource>) { tickets.append(ticket) }

  mutating func popFirst() -> Ticket<Resource>? {
    guard count > 0 else { return nil }
    defer {
      left += 1
      // Close the gap once it is the larger half, so that leaving costs the same however long the
      // line.
      if left > count {
        tickets.removeFirst(left)
        left = 0
      }
    }
    return tickets[left].take()
  }
}
