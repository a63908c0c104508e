// What a transaction has written, for those who want to know: observers, and rehearsals.

/// An entry that was stored or deleted.
struct Write: Equatable, Sendable {
  var table: Table
  var key: String
  var kind: Change.Kind
  /// What was stored, for rehearsals alone: to keep it takes memory.
  var value: [UInt8]?
  var expiresAt: Timestamp?
}

/// What a transaction has written so far, in order.
struct WriteRecord {
  /// Who wants to know.
  enum Audience {
    case nobody
    case observers
    case rehearsal
  }

  let audience: Audience
  private(set) var writes: [Write] = []
  /// Whether all of it is in `writes`: for observers no more is kept than they could be told.
  private(set) var isComplete = true

  init(for audience: Audience) { self.audience = audience }

  mutating func note(_ write: @autoclosure () -> Write) {
    switch audience {
    case .nobody: break
    case .observers where writes.count == Store.Limits.keptChanges: isComplete = false
    case .observers:
      var write = write()
      write.value = nil
      writes.append(write)
    case .rehearsal: writes.append(write())
    }
  }

  /// A moment to come back to.
  var mark: Mark { Mark(count: writes.count, isComplete: isComplete) }

  /// Forgets what came after.
  mutating func goBack(to mark: Mark) {
    writes.removeLast(writes.count - mark.count)
    isComplete = mark.isComplete
  }

  /// How much there was at some moment.
  struct Mark {
    fileprivate let count: Int
    fileprivate let isComplete: Bool
  }
}
