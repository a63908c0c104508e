// Finds routines that do something else when they run again.

import Synchronization

/// The first run of a routine that runs twice, and what is wrong with the second.
struct Rehearsal {
  let writes: [Write]
  let error: (any Error)?

  /// Compares the second run with the first.
  ///
  /// - Throws: `.rehearsalDiffered`.
  func compare(writes: [Write], error: (any Error)?) throws(StoreError) {
    // What ``ReturnedTwice`` says.
    if let error = error as? StoreError, case .rehearsalDiffered = error { throw error }
    switch (self.error, error) {
    case (nil, nil), (.some, .some): break
    case (let first?, nil):
      throw .rehearsalDiffered("the first run threw \(first), the second did not throw")
    case (nil, let second?):
      throw .rehearsalDiffered("the first run did not throw, the second threw \(second)")
    }
    for (first, second) in zip(self.writes, writes) where first != second {
      throw .rehearsalDiffered(
        "the first run wrote \(first.table) \(first.key), the second wrote \(second.table) "
          + "\(second.key) or another value")
    }
    if self.writes.count != writes.count {
      throw .rehearsalDiffered(
        "the first run wrote \(self.writes.count) entries, the second \(writes.count)")
    }
  }
}

/// Compares what the runs of a routine return.
final class ReturnedTwice<R: Sendable>: Sendable {
  private let first = Mutex<R?>(nil)

  /// Is told what a run returned.
  ///
  /// - Throws: `.rehearsalDiffered` in the second run.
  func compare(_ result: R) throws(StoreError) {
    let first = first.withLock { first in
      defer { first = result }
      return first
    }
    guard let first, !areEqual(first, result) else { return }
    throw .rehearsalDiffered("the first run returned \(first), the second \(result)")
  }
}

private func areEqual(_ first: Any, _ second: Any) -> Bool {
  if let equatable = first as? any Equatable, equatable.isEqual(to: second) { return true }
  // Also where `==` says otherwise of the same, as of NaN.
  return String(reflecting: first) == String(reflecting: second)
}

extension Equatable {
  fileprivate func isEqual(to other: Any) -> Bool { self == other as? Self }
}
