// Routines that wait in line together.

import Glibc
import Threads

@testable import KVStore

/// Has routines wait in line, in this order, lets them go, and gives what each came to.
///
/// - Parameter acknowledge: Is told the place of each that succeeds, on the thread of its caller.
func together(
  in store: Store, _ routines: [@Sendable (borrowing Storage) throws -> Int],
  acknowledge: @escaping @Sendable (Int) -> Void = { _ in }
) throws -> [Result<Int, any Error>] {
  let release = Event()
  let holds = Event()
  let results = Monitor([Int: Result<Int, any Error>]())
  try startThread("holder") {
    try store.executor.run { _ in
      holds.signal()
      release.wait()
    }
  }
  holds.wait()
  for (index, routine) in routines.enumerated() {
    try startThread("caller \(index)") {
      let result = Result { try store.execute(routine) }
      if case .success = result { acknowledge(index) }
      results.withLock { $0[index] = result }
      results.wakeAll()
    }
    while store.executor.waitingCallers < index + 1 { sched_yield() }
  }
  release.signal()
  return results.wait { $0.count == routines.count ? $0 : nil }!
    .sorted { $0.key < $1.key }.map(\.value)
}
