// What a scan gives.

/// An entry with its key.
public struct Row: Equatable, Sendable {
  /// The key.
  public var key: String
  /// What the table holds under it.
  public var entry: Entry
  /// When the entry expires; `nil` for never.
  public var expiresAt: Timestamp?

  /// A row of these parts.
  public init(key: String, entry: Entry, expiresAt: Timestamp? = nil) {
    self.key = key
    self.entry = entry
    self.expiresAt = expiresAt
  }

  /// The value's bytes.
  public var value: [UInt8] { entry.value }
  /// How often the entry was changed.
  public var counter: Int64 { entry.counter }
  /// The value as text, or `nil` if it is not valid UTF-8.
  public var text: String? { entry.text }
}

/// Some rows of a range, and where to go on.
public struct Page: Equatable, Sendable {
  /// The rows, in the order in which they were asked for.
  public var rows: [Row]
  /// Give it to the next scan as `after`; `nil` if there is nothing more.
  public var cursor: String?

  /// A page of these parts.
  public init(rows: [Row], cursor: String?) {
    self.rows = rows
    self.cursor = cursor
  }
}
