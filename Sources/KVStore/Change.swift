// What observers are told.

/// An entry was stored or deleted.
public struct Change: Equatable, Sendable {
  /// What the entry is now.
  public enum Kind: Equatable, Sendable {
    /// It was added or changed.
    case stored
    /// It was deleted, or removed since it had expired.
    case deleted
  }

  /// Rises with every change of the store. A later opening of the store goes on with greater ones, unless the system's
  /// clock was set back.
  public var sequence: Int64
  /// The table.
  public var table: Table
  /// The entry's key.
  public var key: String
  /// What the entry is now.
  public var kind: Kind

  /// A change of these parts.
  public init(sequence: Int64, table: Table, key: String, kind: Kind) {
    self.sequence = sequence
    self.table = table
    self.key = key
    self.kind = kind
  }
}

/// What comes next of a stream of changes.
public enum ChangeEvent: Equatable, Sendable {
  /// An entry was stored or deleted.
  case change(Change)

  /// Changes were missed: too many came, or they were before this opening of the store. Read again all that you observe;
  /// what comes next is newer than this. To go on from here later, remember this sequence number.
  case missed(upTo: Int64)

  /// The number to go on after.
  public var sequence: Int64 {
    switch self {
    case .change(let change): change.sequence
    case .missed(let sequence): sequence
    }
  }
}

/// Which changes somebody wants to be told.
struct ChangeFilter: Sendable {
  /// `nil` for all tables.
  var table: Table?
  var range: KeyRange

  func matches(_ change: Change) -> Bool {
    (table == nil || table == change.table) && range.contains(change.key)
  }
}
