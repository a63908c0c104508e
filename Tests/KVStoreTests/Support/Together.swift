// Routines that wait in line together, and others that are in the way.

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
  let results = Monitor([Int: Result<Int, any Error>]())
  try hold(store, until: release)
  for (index, routine) in routines.enumerated() {
    try startThread("caller \(index)") {
      let result = Result { try store.execute(routine) }
      if case .success = result { acknowledge(index) }
      results.withLock { $0[index] = result }
      results.wakeAll()
    }
    waitForLine(of: store, index + 1)
  }
  release.signal()
  return results.wait { $0.count == routines.count ? $0 : nil }!
    .sorted { $0.key < $1.key }.map(\.value)
}

/// Starts a thread that holds a store until `release`, so that others wait in line; returns when it does.
func hold(_ store: Store, until release: Event) throws {
  let holds = Event()
  try startThread("holder") {
    try store.executor.run { _ in
      holds.signal()
      release.wait()
    }
  }
  holds.wait()
}

/// Returns when so many wait for a store.
func waitForLine(of store: Store, _ count: Int) {
  while store.executor.waitingCallers < count { sched_yield() }
}

/// Starts as many threads as may read at once, each of which reads until `release`, and then does `last` while it still
/// reads; returns when all read.
func takeAllPlaces(
  toRead store: Store, until release: Event, _ last: @escaping @Sendable () throws -> Void = {}
) throws {
  let reading = Monitor(0)
  for index in 0..<Store.Limits.readers {
    try startThread("reader \(index)") {
      try store.read { _ in
        reading.withLock { $0 += 1 }
        reading.wakeAll()
        release.wait()
        try last()
      }
    }
  }
  _ = reading.wait { $0 == Store.Limits.readers ? true : nil }
}
