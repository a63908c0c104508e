// Which thread runs a routine, for those who must not be in one.

import Synchronization
import Threads

/// The thread that runs a routine of a store at this moment, if any does.
///
/// Each thread can tell for certain whether it is that one itself, without a lock.
final class RoutineThread: Sendable {
  private let number = Atomic<UInt>(0)

  /// Whether the calling thread runs a routine.
  var isCurrent: Bool { number.load(ordering: .relaxed) == ThreadID.current.number }

  /// The calling thread begins a routine.
  func begin() { number.store(ThreadID.current.number, ordering: .relaxed) }

  /// The routine is over.
  func end() { number.store(0, ordering: .relaxed) }
}
