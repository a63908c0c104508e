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
  private let claimed = Atomic(false)
  private let inLine = Atomic(false)
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
  func claim() -> Bool { !claimed.exchange(true, ordering: .acquiringAndReleasing) }

  /// Whether that was decided.
  var isClaimed: Bool { claimed.load(ordering: .acquiring) }

  /// Whether it was ever put in line.
  var isInLine: Bool {
    get { inLine.load(ordering: .relaxed) }
    set { inLine.store(newValue, ordering: .relaxed) }
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

/// Tickets, oldest first. Used under the executor's lock.
struct Line<Job: Sendable> {
  private var tickets: [Ticket<Job>?] = []
  /// How many at the front of `tickets` have left.
  private var left = 0
  /// How many of the others were withdrawn.
  private var withdrawn = 0

  /// How many there are that were not withdrawn.
  var count: Int { tickets.count - left - withdrawn }

  /// Whether there is none, not even one that was withdrawn.
  var isEmpty: Bool { tickets.count == left }

  mutating func append(_ ticket: Ticket<Job>) {
    // Whoever withdrew it before has it no more.
    guard !ticket.isClaimed else { return }
    ticket.isInLine = true
    tickets.append(ticket)
  }

  /// Withdraws a ticket, whether it is in line or not yet, unless it is being served; returns whether it was.
  mutating func withdraw(_ ticket: Ticket<Job>) -> Bool {
    guard ticket.claim() else { return false }
    guard ticket.isInLine else { return true }
    withdrawn += 1
    if withdrawn > 64, withdrawn > tickets.count / 2 {
      tickets = tickets[left...].filter { !$0!.isClaimed }
      (left, withdrawn) = (0, 0)
    }
    return true
  }

  /// Takes out the oldest that was not withdrawn: it is served for certain.
  mutating func popFirst() -> Ticket<Job>? {
    while let ticket = takeFirst() {
      if ticket.claim() { return ticket }
      withdrawn -= 1
    }
    return nil
  }

  /// The same, unless that one is a matter for its own thread.
  mutating func popFirstWithJob() -> Ticket<Job>? {
    while !isEmpty, tickets[left]!.hasJob, let ticket = takeFirst() {
      if ticket.claim() { return ticket }
      withdrawn -= 1
    }
    return nil
  }

  private mutating func takeFirst() -> Ticket<Job>? {
    guard !isEmpty else { return nil }
    defer {
      left += 1
      // Close the gap once it is the larger half, so that leaving costs the same however long the
      // line.
      if left > tickets.count / 2 {
        tickets.removeFirst(left)
        left = 0
      }
    }
    return tickets[left].take()
  }
}
