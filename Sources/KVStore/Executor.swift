// Who holds the connection, who waits, and whose turn is next.

import Synchronization
import Threads

/// What an executor lends: something that does jobs, one after the other or several together.
protocol JobRunner: AnyObject {
  associatedtype Job: Sendable

  /// Does the jobs, in their order. It lets go of them before it returns.
  func perform(_ jobs: [Job])
}

/// Lends one resource to one caller at a time, first come, first served.
///
/// Whoever holds the *baton* may use the resource. A caller who finds it free takes it, does its
/// work on its own thread and gives it back: no other thread takes part, which makes this fast. A
/// caller who finds it taken leaves its job in a *ticket* at the end of the line and waits. The
/// holder, done with its own work, has the jobs of the line done together, many at once, and then
/// passes the baton to the oldest caller still waiting, who has its own job and those behind it
/// done together. So a busy line moves without waiting for threads to wake up, what can be done for
/// many at once is, and no caller is kept for ever doing the work of others.
///
/// Why this is safe: `holder` is set from `nil` under the lock only, and from then until it is
/// changed only the thread it names uses the resource, so uses never overlap, and the lock orders
/// them. Work runs without the lock. Whoever leaves the line leaves it once, under the lock, and
/// the one who took it out wakes it once. The baton is laid down only where the line is empty, in
/// the same locked step, and a caller joins the line only while the baton is taken: so nobody is
/// forgotten in the line.
// @unchecked: the resource is used by the holder of the baton only, see above.
final class Executor<Resource: JobRunner>: @unchecked Sendable {
  /// How many jobs are done together.
  ///
  /// Many share the cost of one commit; few have to wait for each other.
  static var jobsPerRound: Int { 128 }

  private struct State {
    /// The thread that holds the baton, which alone may pass it on or lay it down.
    var holder: ThreadID?
    var line = Line<Resource.Job>()
    var phase = Phase.open

    /// Refuses those who may not come in.
    func admit(isLast: Bool) throws(StoreError) {
      if holder == .current { throw .reentrant }
      if phase != .open, !isLast { throw .closed }
    }

    mutating func takeIfFree() -> Bool {
      guard holder == nil else { return false }
      holder = .current
      return true
    }

    /// Those whose jobs are done together next: none if the first wants the baton itself. Where nobody waits the baton is
    /// laid down.
    mutating func nextRound(atMost count: Int) -> [Ticket<Resource.Job>]? {
      guard line.count == 0 else { return round(atMost: count) }
      holder = nil
      return nil
    }

    mutating func round(atMost count: Int) -> [Ticket<Resource.Job>] {
      var round: [Ticket<Resource.Job>] = []
      while round.count < count, let ticket = line.first, ticket.hasJob {
        round.append(ticket)
        line.removeFirst()
      }
      return round
    }
  }

  private enum Phase { case open, closing, closed }

  private let resource: Resource
  private let queueLimit: Int
  private let state = Monitor(State())

  init(_ resource: sending Resource, queueLimit: Int) {
    self.resource = resource
    self.queueLimit = queueLimit
  }

  /// How many callers are in line.
  var waitingCallers: Int { state.withLock { $0.line.count } }

  /// Whether the calling thread holds the baton.
  var isHeldByCaller: Bool { state.withLock { $0.holder == .current } }

  /// Does `work` on the calling thread if nobody else is at it.
  ///
  /// - Returns: `nil` if somebody is.
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor; `.closed`.
  func runIfFree<R>(_ work: (Resource) throws -> R) throws -> R? {
    let isFree = try state.withLock { state throws(StoreError) in
      try state.admit(isLast: false)
      return state.takeIfFree()
    }
    guard isFree else { return nil }
    defer { passOn() }
    return try work(resource)
  }

  /// Does `work` on the calling thread when its turn comes.
  ///
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor; `.closed`;
  ///   `.queueFull`.
  func run<R: ~Copyable>(_ work: (Resource) throws -> R) throws -> R {
    try waitForBaton(Ticket(), isLast: false)
    defer { passOn() }
    return try work(resource)
  }

  /// Has a job done when its turn comes, here or on the thread of another caller, together with those of others, and waits
  /// for it.
  ///
  /// - Throws: `.reentrant` from within work of this executor; `.closed`; `.queueFull`.
  func perform(_ job: Resource.Job) throws(StoreError) {
    let ticket = Ticket(job)
    guard try waitForBaton(ticket, isLast: false) else { return }
    let others = state.withLock { $0.round(atMost: Self.jobsPerRound - 1) }
    perform([ticket] + others)
    for other in others { other.wake(.finished) }
    passOn()
  }

  /// Does `work` as the last of all: behind those in line, and nobody comes after.
  ///
  /// Further calls wait until that is done.
  ///
  /// - Parameters:
  ///   - prepare: Done first, once nobody comes in any more, without the resource.
  ///   - work: The last work.
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor.
  func close(
    prepare: () -> Void = {}, _ work: (Resource) throws(StoreError) -> Void
  ) throws(StoreError) {
    let isFirst = try state.withLock { state throws(StoreError) in
      try state.admit(isLast: true)
      defer { if state.phase == .open { state.phase = .closing } }
      return state.phase == .open
    }
    guard isFirst else {
      _ = state.wait { $0.phase == .closed ? true : nil }
      return
    }
    defer {
      state.withLock { $0.phase = .closed }
      state.wakeAll()
    }
    prepare()
    try waitForBaton(Ticket(), isLast: true)
    defer { passOn() }
    try work(resource)
  }

  /// Returns when the calling thread holds the baton, or when the ticket's job was done by another.
  ///
  /// - Returns: Whether it holds the baton.
  @discardableResult
  private func waitForBaton(
    _ ticket: Ticket<Resource.Job>, isLast: Bool
  ) throws(StoreError) -> Bool {
    let isFree = try state.withLock { state throws(StoreError) in
      try state.admit(isLast: isLast)
      if state.takeIfFree() { return true }
      if state.line.count >= queueLimit, !isLast { throw .queueFull(limit: queueLimit) }
      state.line.append(ticket)
      return false
    }
    return isFree || ticket.wait() == .holdsBaton
  }

  /// Has the jobs of the line done, then passes the baton to the oldest who still waits, or lays it down.
  private func passOn() {
    guard let round = state.withLock({ $0.nextRound(atMost: Self.jobsPerRound) }) else { return }
    perform(round)
    for ticket in round { ticket.wake(.finished) }
    let heir = state.withLock { state in
      let ticket = state.line.popFirst()
      state.holder = ticket?.thread
      return ticket
    }
    heir?.wake(.holdsBaton)
  }

  /// The jobs are gone when this returns: a caller may return as soon as it is woken, and must find that nobody else still
  /// has the routine that it was lent.
  private func perform(_ round: [Ticket<Resource.Job>]) {
    let jobs = round.compactMap { $0.takeJob() }
    if !jobs.isEmpty { resource.perform(jobs) }
  }
}
