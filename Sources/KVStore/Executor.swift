// Who holds the connection, who waits, and whose turn is next.

import Synchronization
import Threads

/// What an executor lends: something that does jobs, one after the other or several together.
protocol JobRunner: AnyObject, SendableMetatype {
  associatedtype Job: Sendable

  /// Does the jobs, in their order. It lets go of them before it returns.
  func perform(_ jobs: [Job])
}

/// Lends one resource to one caller at a time, first come, first served.
///
/// Whoever holds the *baton* may use the resource. A caller who finds it free takes it, does its
/// work on its own thread and gives it back: no other thread takes part, which makes this fast. A
/// caller who finds it taken leaves its job in a *ticket* at the end of the line and waits. The
/// holder, done with its own work, has the jobs of the line done together, many at once, until nobody
/// waits. After many it passes the baton to the oldest caller still waiting, who has its own job and
/// those behind it done together. So a busy line moves without waiting for threads to wake up, what
/// can be done for many at once is, and no caller is kept for ever doing the work of others.
///
/// Callers that must not wait, as asynchronous code, leave a ticket too. What they want is done by
/// whoever holds the baton; where nobody does, the executor's own thread gets it. Only that thread
/// runs *errands*: anything that is to be done in turn with the jobs, and may use the executor as a
/// caller does.
///
/// Why this is safe: `holder` is set from `nil` under the lock only, and from then until it is
/// changed only the thread it names uses the resource, so uses never overlap, and the lock orders
/// them. Work runs without the lock. Whoever leaves the line leaves it once, under the lock, and
/// the one who took it out tells it once; whoever withdraws a ticket has claimed it before, so that
/// nobody serves it any more. The baton is laid down for good only where the line is empty, in the
/// same locked step. Where somebody lays it down to tell others, that thread looks again afterwards
/// and takes it up if there is a line; and so does a caller who joins one while the baton lies there.
/// So nobody is forgotten in the line.
// @unchecked: the resource is used by the holder of the baton only, see above.
final class Executor<Resource: JobRunner>: @unchecked Sendable {
  /// How many jobs are done together, and how many of others a caller does before it passes the baton on.
  ///
  /// Many share the cost of one commit; few have to wait for each other.
  static var jobsPerTurn: Int { 128 }

  private struct State {
    /// The thread that holds the baton, which alone may pass it on or lay it down.
    var holder: ThreadID?
    /// Whether the holder runs an errand, and does not use the resource at this moment.
    var isAtErrand = false
    var line = Line<Resource.Job>()
    var phase = Phase.open

    /// Lets a caller use the resource, if it is free for it.
    ///
    /// - Returns: `nil` if the caller has to wait.
    mutating func enter(isLast: Bool) throws(StoreError) -> Access? {
      if holder == .current {
        guard isAtErrand, !isLast else { throw .reentrant }
        if phase != .open { throw .closed }
        isAtErrand = false
        return .withinErrand
      }
      if phase != .open, !isLast { throw .closed }
      guard holder == nil, line.isEmpty else { return nil }
      holder = .current
      return .baton
    }

    /// Takes the baton if it lies there and somebody waits.
    mutating func takeUp() -> Bool {
      guard holder == nil, !line.isEmpty else { return false }
      holder = .current
      return true
    }

    /// Those whose jobs are done together next: none if the first is a matter for its own thread, or if none is wanted. Where
    /// nobody waits the baton is laid down, which is `nil`.
    mutating func nextRound(atMost count: Int) -> [Ticket<Resource.Job>]? {
      let round = round(atMost: count)
      guard round.isEmpty, line.isEmpty else { return round }
      holder = nil
      return nil
    }

    /// Gives the baton to the ticket's thread if it is free; otherwise the ticket is the last in line.
    mutating func lineUp(_ ticket: Ticket<Resource.Job>) -> Bool {
      guard holder == nil, line.isEmpty else {
        line.append(ticket)
        return false
      }
      // It may have been withdrawn already.
      guard ticket.claim() else { return false }
      holder = ticket.thread
      return true
    }

    mutating func round(atMost count: Int) -> [Ticket<Resource.Job>] {
      var round: [Ticket<Resource.Job>] = []
      while round.count < count, let ticket = line.popFirstWithJob() { round.append(ticket) }
      return round
    }
  }

  /// How a caller may use the resource.
  private enum Access {
    /// It holds the baton, and passes it on afterwards.
    case baton
    /// It is at an errand and goes on with that.
    case withinErrand
  }

  private enum Phase { case open, closing, closed }

  private let resource: Resource
  private let queueLimit: Int
  private let state = Monitor(State())
  /// Set once, before anybody could need it.
  private let ownThread = Monitor<OwnThread?>(nil)
  private let ownThreadNumber = Atomic<UInt>(0)

  init(_ resource: sending Resource, queueLimit: Int) {
    self.resource = resource
    self.queueLimit = queueLimit
  }

  /// Starts the executor's own thread, which those need that do not wait.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - interval: For how long it has nothing to do before it does `idle`, again and again.
  ///   - idle: Done with the resource, when that is free too. Returns whether there is more of it.
  func startThread(
    name: String, idleAfter interval: Duration, _ idle: @escaping @Sendable (Resource) -> Bool
  ) throws(ThreadError) {
    let thread = try OwnThread(name: name, idleAfter: interval) { [weak self] in
      // Where the store is closed or busy, nothing is to be done.
      do { return try self?.runIfFree(idle) ?? false } catch { return false }
    }
    ownThread.withLock { $0 = thread }
    ownThreadNumber.store(thread.id.number, ordering: .relaxed)
  }

  /// Lets the own thread end once it has done what it was given, if there is one.
  func endThread() { ownThread.withLock { $0 }?.end() }

  /// Whether the calling thread is the executor's own.
  var isOwnThread: Bool { ownThreadNumber.load(ordering: .relaxed) == ThreadID.current.number }

  private var own: OwnThread { ownThread.withLock { $0! } }

  /// How many callers are in line.
  var waitingCallers: Int { state.withLock { $0.line.count } }

  /// Whether the calling thread holds the baton.
  var isHeldByCaller: Bool { state.withLock { $0.holder == .current } }

  // MARK: For callers that wait

  /// Does `work` on the calling thread if nobody else is at it.
  ///
  /// - Returns: `nil` if somebody is.
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor; `.closed`.
  func runIfFree<R>(_ work: (Resource) throws -> R) throws -> R? {
    let access = try state.withLock { state throws(StoreError) in try state.enter(isLast: false) }
    guard let access else { return nil }
    defer { leave(access) }
    return try work(resource)
  }

  /// Does `work` on the calling thread when its turn comes.
  ///
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor; `.closed`;
  ///   `.queueFull`; `.timeout` if it has not begun until the deadline.
  func run<R>(
    until deadline: MonotonicTime = .distantFuture, _ work: (Resource) throws -> R
  ) throws -> R {
    // Nobody does it for the caller, so it gets access.
    let access = try wait(with: Ticket(), isLast: false, until: deadline)!
    defer { leave(access) }
    return try work(resource)
  }

  /// Has a job done when its turn comes, here or on the thread of another caller, together with those of others, and waits
  /// for it.
  ///
  /// - Parameters:
  ///   - job: The job.
  ///   - deadline: If it has not begun until then, it is not done.
  /// - Throws: `.reentrant` from within work of this executor; `.closed`; `.queueFull`; `.timeout`.
  func perform(
    _ job: Resource.Job, until deadline: MonotonicTime = .distantFuture
  ) throws(StoreError) {
    let ticket = Ticket(job)
    guard let access = try wait(with: ticket, isLast: false, until: deadline) else { return }
    defer { leave(access) }
    switch access {
    case .baton: serve(ticket)
    // Those of others are not to run in the middle of an errand.
    case .withinErrand: perform([ticket])
    }
  }

  /// Does `work` as the last of all: behind those in line, and nobody comes after.
  ///
  /// Further calls wait until that is done. Errands go on after it.
  ///
  /// - Parameters:
  ///   - prepare: Done first, once nobody comes in any more, without the resource.
  ///   - work: The last work.
  /// - Throws: What `work` throws; `.reentrant` from within work or an errand of this executor.
  func close(
    prepare: () -> Void = {}, _ work: (Resource) throws(StoreError) -> Void
  ) throws(StoreError) {
    let isFirst = try state.withLock { state throws(StoreError) in
      if state.holder == .current { throw .reentrant }
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
    let access = try wait(with: Ticket(), isLast: true)!
    defer { leave(access) }
    try work(resource)
  }

  /// Returns when the caller may use the resource, or when the ticket's job was done by another, which is `nil`.
  private func wait(
    with ticket: Ticket<Resource.Job>, isLast: Bool, until deadline: MonotonicTime = .distantFuture
  ) throws(StoreError) -> Access? {
    let (access, mayServe) = try state.withLock { state throws(StoreError) -> (Access?, Bool) in
      if let access = try state.enter(isLast: isLast) { return (access, false) }
      if state.line.count >= queueLimit, !isLast { throw .queueFull(limit: queueLimit) }
      state.line.append(ticket)
      // Who must be back by some time does no work of others before its own.
      return (nil, deadline == .distantFuture && state.takeUp())
    }
    if let access { return access }
    if mayServe { passOn() }
    if let call = ticket.wait(until: deadline) { return call == .holdsBaton ? .baton : nil }
    if withdraw(ticket) { throw .timeout }
    // Somebody is about to do it.
    return ticket.wait() == .holdsBaton ? .baton : nil
  }

  // MARK: For callers that do not wait

  /// A ticket for a job that is done when its turn comes; then `whenDone` is called, on some thread that must not be kept
  /// waiting.
  ///
  /// It may be given to ``withdraw(_:)``.
  func ticket(
    for job: Resource.Job, whenDone: @escaping @Sendable () -> Void
  ) -> Ticket<Resource.Job> {
    let own = own
    return Ticket(job, thread: own.id) { [self] ticket, call in
      switch call {
      case .finished: whenDone()
      case .holdsBaton:
        own.do { [self] in
          serve(ticket)
          passOn()
        }
      }
    }
  }

  /// Puts a ticket of ``ticket(for:whenDone:)`` in line.
  ///
  /// - Throws: `.closed`; `.queueFull`.
  func submit(_ ticket: Ticket<Resource.Job>) throws(StoreError) {
    let holdsBaton = try state.withLock { state throws(StoreError) in
      if state.phase != .open { throw .closed }
      if state.line.count >= queueLimit { throw .queueFull(limit: queueLimit) }
      return state.lineUp(ticket)
    }
    if holdsBaton { ticket.tell(.holdsBaton) }
  }

  /// Withdraws a ticket, unless it is being served.
  ///
  /// - Returns: Whether it will not be.
  func withdraw(_ ticket: Ticket<Resource.Job>) -> Bool {
    guard state.withLock({ $0.line.withdraw(ticket) }) else { return false }
    // A caller that goes away takes with it what it has lent.
    _ = ticket.takeJob()
    return true
  }

  /// The same as ``submit(errand:)``, if there is room in the line.
  ///
  /// - Throws: `.closed`; `.queueFull`.
  func submitIfRoom(errand: @escaping @Sendable () -> Void) throws(StoreError) {
    try submit(ticket(for: errand))
  }

  /// Has something done on the own thread, in turn with the jobs. It may use the executor as a caller does.
  func submit(errand: @escaping @Sendable () -> Void) {
    let ticket = ticket(for: errand)
    let holdsBaton = state.withLock { $0.lineUp(ticket) }
    if holdsBaton { ticket.tell(.holdsBaton) }
  }

  private func ticket(for errand: @escaping @Sendable () -> Void) -> Ticket<Resource.Job> {
    let own = own
    return Ticket(nil, thread: own.id) { [self] _, _ in
      own.do { [self] in
        state.withLock { $0.isAtErrand = true }
        errand()
        state.withLock { $0.isAtErrand = false }
        passOn()
      }
    }
  }

  // MARK: With the baton

  /// Has the ticket's job done, together with others of the line.
  private func serve(_ ticket: Ticket<Resource.Job>) {
    let others = state.withLock { $0.round(atMost: Self.jobsPerTurn - 1) }
    serve([ticket] + others)
  }

  private func serve(_ round: [Ticket<Resource.Job>]) {
    perform(round)
    for ticket in round { ticket.tell(.finished) }
  }

  /// The jobs are gone when this returns: a caller may return as soon as it is told, and must find that nobody else still
  /// has the routine that it was lent.
  private func perform(_ round: [Ticket<Resource.Job>]) {
    let jobs = round.compactMap { $0.takeJob() }
    if !jobs.isEmpty { resource.perform(jobs) }
  }

  private func leave(_ access: Access) {
    switch access {
    case .baton: passOn()
    case .withinErrand: state.withLock { $0.isAtErrand = true }
    }
  }

  /// Has the jobs of the line done, round after round, until nobody waits; after many of them, or where the oldest must do
  /// its own, it passes the baton to that one.
  ///
  /// Waking threads takes longer than most jobs. So the baton lies there while those are told whose jobs are done: a caller
  /// who comes then goes on with the line, instead of waiting too.
  private func passOn() {
    var left = Self.jobsPerTurn
    repeat {
      guard let round = state.withLock({ $0.nextRound(atMost: left) }) else { return }
      if round.isEmpty { return passToOldest() }
      perform(round)
      state.withLock { $0.holder = nil }
      for ticket in round { ticket.tell(.finished) }
      left -= round.count
    } while state.withLock { $0.takeUp() }
  }

  private func passToOldest() {
    let heir = state.withLock { state in
      let ticket = state.line.popFirst()
      state.holder = ticket?.thread
      return ticket
    }
    heir?.tell(.holdsBaton)
  }
}
