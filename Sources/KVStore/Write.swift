// What a transaction has written, for those who want to know: observers, and rehearsals.

/// An entry that was stored or deleted.
struct Write: Equatable, Sendable {
  var table: Table
  var key: String
  /// `nil` if the entry was deleted.
  var value: [UInt8]?
  var expiresAt: Timestamp?
}

/// What a transaction has written so far, in order.
struct WriteRecord {
  /// Whether anybody wants to know: otherwise nothing is noted.
  let isKept: Bool
  private let limit: Int
  private(set) var writes: [Write] = []
  /// Whether all of it is in `writes`: there were not too many.
  private(set) var isComplete = true

  /// - Parameters:
  ///   - isKept: Whether anybody wants to know.
  ///   - limit: How many are noted at most.
  init(isKept: Bool, limit: Int) {
    self.isKept = isKept
    self.limit = limit
  }

  mutating func note(_ write: @autoclosure () -> Write) {
    guard isKept else { return }
    guard writes.count < limit else { return isComplete = false }
    writes.append(write())
  }

  /// Forgets all but the first, which were there at that count.
  mutating func forget(allBut count: Int) { writes.removeLast(writes.count - count) }
}
