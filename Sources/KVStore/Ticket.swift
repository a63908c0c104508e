// One caller's place in the executor's line.

import Synchronization
import Threads

/// What a caller who waits wants, and how the caller hears of it: once, from whoever holds the baton.
final class Ticket<Job: Sendable>: Sendable {
  /// What the caller hears.
  enum Call: Sendable {
    /// The job is done.
    case finished
    /// The ticket's thread holds the baton from now on.
    case holdsBaton
  }

  /// The thread that gets the baton, if it comes to that: the caller's, or the executor's own.
  let thread: ThreadID
  /// Whether somebody else may do what the caller wants. Otherwise it is a matter for its thread.
  let hasJob: Bool
  private let job: Mutex<Job?>
  private let isClaimed = Atomic(false)
  private let call = Monitor<Call?>(nil)
  private let answer: (@Sendable (Ticket, Call) -> Void)?

  /// A ticket for a caller that waits on this thread. Without a job it waits for the baton.
  init(_ job: Job? = nil) {
    thread = .current
    hasJob = job != nil
    self.job = Mutex(job)
    answer = nil
  }

  /// A ticket for a caller that does not wait: `answer` is called, by whoever holds the baton.
  init(
    _ job: Job?, thread: ThreadID, answer: @escaping @Sendable (Ticket, Call) -> Void
  ) {
    self.thread = thread
    hasJob = job != nil
    self.job = Mutex(job)
    self.answer = answer
  }

  /// Decides whether the ticket is served or withdrawn: the first who claims it does.
  func claim() -> Bool { !isClaimed.exchange(true, ordering: .acquiringAndReleasing) }

  /// Withdraws the ticket, unless it is being served.
  ///
  /// - Returns: Whether it will not be.
  func withdraw() -> Bool {
    guard claim() else { return false }
    // A caller that goes away takes with it what it has lent.
    _ = takeJob()
    return true
  }

  /// Gives the job away, once.
  func takeJob() -> Job? { job.withLock { $0.take() } }

  /// Waits for ``tell(_:)``.
  ///
  /// - Returns: `nil` once the deadline has passed.
  func wait(until deadline: MonotonicTime = .distantFuture) -> Call? {
    call.wait(until: deadline) { $0 }
  }

  /// Ends the caller's wait.
  func tell(_ news: Call) {
    if let answer { return answer(self, news) }
    call.withLock { $0 = news }
    call.wakeOne()
  }
}

/// Tickets, oldest first.
struct Line<Job: Sendable> {
  private var tickets: [Ticket<Job>?] = []
  /// How many at the front of `tickets` have left.
  private var left = 0

  /// How many there are, those that were withdrawn among them.
  var count: Int { tickets.count - left }

  mutating func append(_ ticket: Ticket<Job>) { tickets.append(ticket) }

  /// Takes out the oldest that was not withdrawn: it is served for certain.
  mutating func popFirst() -> Ticket<Job>? {
    while let ticket = takeFirst() {
      if ticket.claim() { return ticket }
    }
    return nil
  }

  /// The same, unless that one is a matter for its own thread.
  mutating func popFirstWithJob() -> Ticket<Job>? {
    while count > 0, tickets[left]!.hasJob, let ticket = takeFirst() {
      if ticket.claim() { return ticket }
    }
    return nil
  }

  private mutating func takeFirst() -> Ticket<Job>? {
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
