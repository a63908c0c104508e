// Who holds the connection, who waits, and whose turn is next.

import Synchronization
import Threads

/// Lends one resource to one caller at a time, first come, first served.
///
/// Whoever holds the *baton* may use the resource. A caller who finds it free takes it, does its
/// work on its own thread and gives it back: no other thread takes part, which makes this fast. A
/// caller who finds it taken leaves its work in a *ticket* at the end of the line and waits. The
/// holder, done with its own work, does that of the tickets too, some of them, and then passes the
/// baton to the oldest caller still waiting. So a busy line moves without waiting for threads to
/// wake up, and no caller is kept for ever doing the work of others.
///
/// Why this is safe: `holder` is set from `nil` under the lock only, and from then until it is
/// changed only the thread it names uses the resource, so uses never overlap, and the lock orders
/// them. Work runs without the lock. Whoever leaves the line leaves it once, under the lock, and
/// the one who took it out wakes it once. The baton is laid down only where the line is empty, in
/// the same locked step, and a caller joins the line only while the baton is taken: so nobody is
/// forgotten in the line.
// @unchecked: the resource is used by the holder of the baton only, see above.
final class Executor<Resource>: @unchecked Sendable {
  /// How many tickets a holder serves before it passes the baton on.
  ///
  /// Enough to spread the cost of waking a thread (10 to 50 microseconds, that of several small
  /// routines); little enough to wait for.
  static var ticketsPerHolder: Int { 16 }

  private struct State {
    /// The thread that holds the baton, which alone may pass it on or lay it down.
    var holder: ThreadID?
    var line = Line<Resource>()
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

    /// The ticket whose turn it is; without one, the baton is laid down.
    mutating func nextTicket() -> Ticket<Resource>? {
      let ticket = line.popFirst()
      if ticket == nil { holder = nil }
      return ticket
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

  /// Does `work` when its turn comes, here or on the thread of another caller, and waits for it.
  ///
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor; `.closed`;
  ///   `.queueFull`.
  func run<R: Sendable>(_ work: @Sendable (Resource) throws -> R) throws -> R {
    try perform { resource in Result { try work(resource) } }.get()
  }

  /// Does `work` as the last of all: behind those in line, and nobody comes after.
  ///
  /// Further calls wait until that is done.
  ///
  /// - Throws: What `work` throws; `.reentrant` from within work of this executor.
  func close(_ work: @Sendable (Resource) throws(StoreError) -> Void) throws(StoreError) {
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
    try perform(isLast: true) { resource in
      Result { () throws(StoreError) in try work(resource) }
    }.get()
  }

  private func perform<R: Sendable>(
    isLast: Bool = false, _ work: @Sendable (Resource) -> R
  ) throws(StoreError) -> R {
    let isFree = try state.withLock { state throws(StoreError) in
      try state.admit(isLast: isLast)
      return state.takeIfFree()
    }
    if isFree {
      defer { passOn() }
      return work(resource)
    }
    return try withoutActuallyEscaping(work) { work throws(StoreError) in
      let result = Mutex<R?>(nil)
      let ticket = Ticket<Resource> { resource in
        let value = work(resource)
        result.withLock { $0 = value }
      }
      try joinLine(ticket, isLast: isLast)
      return result.withLock { $0! }
    }
  }

  /// Returns when the ticket's work is done, by this thread or another.
  ///
  /// The baton was taken when ``perform(isLast:_:)`` looked, which makes no ticket for those who find
  /// it free. By now it may have been laid down, and nobody would come for a ticket in line. So this
  /// looks again, in the same locked step that joins the line.
  private func joinLine(_ ticket: Ticket<Resource>, isLast: Bool) throws(StoreError) {
    let isFree = try state.withLock { state throws(StoreError) in
      try state.admit(isLast: isLast)
      if state.takeIfFree() { return true }
      if state.line.count >= queueLimit, !isLast { throw .queueFull(limit: queueLimit) }
      state.line.append(ticket)
      return false
    }
    if isFree || ticket.wait() == .holdsBaton {
      ticket.run(with: resource)
      passOn()
    }
  }

  /// Serves some of the line, then passes the baton to the oldest who still waits, or lays it down.
  private func passOn() {
    for _ in 0..<Self.ticketsPerHolder {
      guard let ticket = state.withLock({ $0.nextTicket() }) else { return }
      ticket.run(with: resource)
      ticket.wake(.finished)
    }
    let heir = state.withLock { state in
      let ticket = state.nextTicket()
      state.holder = ticket?.thread
      return ticket
    }
    heir?.wake(.holdsBaton)
  }
}
