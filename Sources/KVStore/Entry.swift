// What a table holds under a key.

/// A value and how often it was changed.
public struct Entry: Equatable, Sendable {
  /// The bytes that were stored.
  public var value: [UInt8]

  /// 0 when the entry was added, and 1 more after each update or overwrite.
  public var counter: Int64

  /// An entry of these parts.
  public init(value: [UInt8], counter: Int64) {
    self.value = value
    self.counter = counter
  }

  /// The value as text, or `nil` if it is not valid UTF-8.
  public var text: String? { String(validating: value, as: UTF8.self) }
}
