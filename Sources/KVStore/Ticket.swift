// One caller's place in the executor's line.

import Synchronization
import Threads

/// What a caller who waits wants, and how the caller is woken: once, by whoever holds the baton.
final class Ticket<Job: Sendable>: Sendable {
  /// Why the caller is woken.
  enum Call: Sendable {
    /// The holder has had the job done.
    case finished
    /// The caller holds the baton from now on.
    case holdsBaton
  }

  /// The caller's thread.
  let thread = ThreadID.current
  /// Whether somebody else may do what the caller wants. Otherwise it waits for the baton.
  let hasJob: Bool
  private let job: Mutex<Job?>
  private let call = Monitor<Call?>(nil)

  init(_ job: Job? = nil) {
    hasJob = job != nil
    self.job = Mutex(job)
  }

  /// Gives the job away, once.
  func takeJob() -> Job? { job.withLock { $0.take() } }

  /// Waits for ``wake(_:)``.
  func wait() -> Call { call.wait { $0 }! }

  /// Ends the caller's wait.
  func wake(_ reason: Call) {
    call.withLock { $0 = reason }
    call.wakeOne()
  }
}

/// Tickets, oldest first.
struct Line<Job: Sendable> {
  private var tickets: [Ticket<Job>?] = []
  /// How many at the front of `tickets` have left.
  private var left = 0

  var count: Int { tickets.count - left }

  mutating func append(_ ticket: Ticket<Job>) { tickets.append(ticket) }

  var first: Ticket<Job>? { count > 0 ? tickets[left] : nil }

  mutating func removeFirst() { _ = popFirst() }

  mutating func popFirst() -> Ticket<Job>? {
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
