// Threads that have nothing to do, kept for the work that comes next.
//
// To start a thread costs several times what it costs to wake one. A thread that is done asks here for more, and ends if
// none has come for some time. The one that has waited for the shortest time is woken first: its stack is still in the
// processor's caches, and those who are too many are left alone until their time is over.

import Threads

/// A place where threads wait for work when they have none.
final class IdleThreads<Work: Sendable>: Sendable {
  private enum Delivery {
    case work(Work)
    case end
  }

  /// Where one thread waits.
  private typealias Seat = Monitor<Delivery?>

  private struct State {
    /// Who sat down last is last. Whoever is taken out gets a delivery, always.
    var seats: [Seat] = []
    var isClosed = false
  }

  private let state = Monitor(State())
  private let capacity: Int
  private let time: Duration

  /// A place for so many threads, each of which waits for no longer than `time`.
  init(capacity: Int, time: Duration) {
    self.capacity = capacity
    self.time = time
  }

  /// How many threads wait.
  var count: Int { state.withLock { $0.seats.count } }

  /// Gives the work to a thread that waits.
  ///
  /// - Returns: `false` if there is none.
  func give(_ work: Work) -> Bool {
    guard let seat = state.withLock({ $0.seats.popLast() }) else { return false }
    deliver(.work(work), to: seat)
    return true
  }

  /// What a thread does: this work, and then what it is given, until it is not needed any more.
  ///
  /// That is when enough others wait, when nothing is given to it in time, and when the place is closed.
  func work(on first: Work, _ body: (Work) -> Void) {
    body(first)
    let seat = Seat(nil)
    while case .work(let work) = next(at: seat) { body(work) }
  }

  /// Ends the threads that wait, and each of the others when it has done its work.
  func close() {
    let seats = state.withLock { state in
      state.isClosed = true
      defer { state.seats = [] }
      return state.seats
    }
    for seat in seats { deliver(.end, to: seat) }
  }

  private func deliver(_ delivery: Delivery, to seat: Seat) {
    seat.withLock { $0 = delivery }
    seat.wakeOne()
  }

  private func next(at seat: Seat) -> Delivery? {
    guard sitDown(seat) else { return .end }
    if let delivery = seat.wait(until: .now() + time, for: { $0.take() }) { return delivery }
    if standUp(seat) { return .end }
    // The seat was taken out in the last moment, and what it gets is on its way.
    return seat.wait { $0.take() }
  }

  private func sitDown(_ seat: Seat) -> Bool {
    state.withLock { state in
      guard state.seats.count < capacity, !state.isClosed else { return false }
      state.seats.append(seat)
      return true
    }
  }

  /// - Returns: `false` if somebody has taken the seat out.
  private func standUp(_ seat: Seat) -> Bool {
    state.withLock { state in
      guard let index = state.seats.firstIndex(where: { $0 === seat }) else { return false }
      state.seats.remove(at: index)
      return true
    }
  }
}
