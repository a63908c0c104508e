// How much memory the bodies of all requests together may take.

import Synchronization

/// What a server's connections have taken of one limit.
final class BodyBudget: Sendable {
  private let limit: Int
  private let taken = Atomic(0)

  init(limitInBytes: Int) {
    limit = limitInBytes
  }

  /// - Returns: Whether so many more bytes may be held; they are counted then.
  fileprivate func take(_ count: Int) -> Bool {
    if taken.add(count, ordering: .relaxed).newValue <= limit { return true }
    give(count)
    return false
  }

  fileprivate func give(_ count: Int) {
    taken.subtract(count, ordering: .relaxed)
  }
}

/// What one connection has taken of a budget; dropping it gives that back.
// No structure: Swift 6.3.1 crashes when it optimises a public one around a structure that has a `deinit`.
final class BodyShare {
  private let budget: BodyBudget
  private var bytes = 0

  /// Taking for each piece anew would be an atomic operation a piece, on memory that all connections share.
  private static let step = 65_536

  init(of budget: BodyBudget) {
    self.budget = budget
  }

  deinit { if bytes > 0 { budget.give(bytes) } }

  /// Takes what is missing for a body of so many bytes.
  ///
  /// - Returns: Whether there was enough.
  func cover(_ count: Int) -> Bool {
    guard count > bytes else { return true }
    let more = min(max(count - bytes, Self.step), .max - bytes)
    guard budget.take(more) else { return false }
    bytes += more
    return true
  }

  func giveBack() {
    guard bytes > 0 else { return }
    budget.give(bytes)
    bytes = 0
  }
}
