// One live connection as others see it: what it is doing, and since when.

import Synchronization
import Threads

extension ConnectionRegistry {
  /// What others need to know of a connection.
  final class Entry: Sendable {
    enum Phase {
      /// Something is about to begin: the connection was just made, or a request has come in part.
      case new(since: MonotonicTime)
      case busy
      /// In the middle of something, and waiting for nothing that a stop would take away.
      case waiting
      case idle(since: MonotonicTime)
    }

    let descriptor: Int32
    let client: ClientNetwork?
    /// The phase in one number, which only the connection's own thread changes: 0 if it is busy, nanoseconds since when
    /// it is idle, less than 0 if it is new, and more than any time if it waits.
    private let number: Atomic<Int64>
    private static let waiting = Int64.max
    /// Whether its input was ended to make room for another. Changed under the lock, once.
    let isLeaving = Atomic(false)

    /// The processor that is noted as the one on which its bytes arrive, less than 0 if none is. Changed under the lock.
    private let arrivalNumber = Atomic(-1)

    init(descriptor: Int32, client: ClientNetwork?) {
      self.descriptor = descriptor
      self.client = client
      number = Atomic(-MonotonicTime.lastTick().nanoseconds)
    }

    var phase: Phase {
      let number = number.load(ordering: .sequentiallyConsistent)
      if number == 0 { return .busy }
      if number == Self.waiting { return .waiting }
      let since = MonotonicTime(nanoseconds: abs(number))
      return number < 0 ? .new(since: since) : .idle(since: since)
    }

    var arrival: Int? {
      get {
        let number = arrivalNumber.load(ordering: .relaxed)
        return number >= 0 ? number : nil
      }
      set { arrivalNumber.store(newValue ?? -1, ordering: .relaxed) }
    }

    /// - Returns: Whether the connection is new, which it stays.
    func markIdle() -> Bool {
      let number = number.load(ordering: .relaxed)
      if number == 0 {
        self.number.store(
          MonotonicTime.lastTick().nanoseconds, ordering: .sequentiallyConsistent)
      }
      return number < 0
    }

    func markBusy() {
      number.store(0, ordering: .relaxed)
    }

    func markNew() {
      number.store(-MonotonicTime.lastTick().nanoseconds, ordering: .sequentiallyConsistent)
    }

    func markWaiting() {
      number.store(Self.waiting, ordering: .sequentiallyConsistent)
    }

    /// Since when it could be ended; `nil` if it is busy.
    func idleSince(grace: Duration) -> MonotonicTime? {
      switch phase {
      case .busy, .waiting: nil
      case .new(let since): since + grace
      case .idle(let since): since
      }
    }
  }
}
