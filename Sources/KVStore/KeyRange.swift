// Which keys of a table are meant, in the order of their bytes.

/// A range of keys: all, those with a prefix, or those between two keys. Keys are in the order of their UTF-8 bytes.
public struct KeyRange: Hashable, Sendable {
  /// The least bytes a key may have.
  var lower: [UInt8]
  /// Whether `lower` itself is left out.
  var isAfterLower = false
  /// What keys come before; `nil` is no limit.
  var upper: [UInt8]?

  /// All keys.
  public static let all = KeyRange(lower: [], upper: nil)

  /// The keys that begin with this text.
  public static func prefix(_ prefix: String) -> KeyRange {
    let bytes = Array(prefix.utf8)
    guard let last = bytes.last else { return .all }
    // No byte of UTF-8 is 255. What comes of it need not be UTF-8: it is compared only.
    return KeyRange(lower: bytes, upper: bytes.dropLast() + [last + 1])
  }

  /// From this key on.
  public static func from(_ key: String) -> KeyRange {
    KeyRange(lower: Array(key.utf8), upper: nil)
  }

  /// The keys before this one.
  public static func before(_ key: String) -> KeyRange {
    KeyRange(lower: [], upper: Array(key.utf8))
  }

  /// From one key on to those before the other; none if that is not after the first.
  public static func between(_ first: String, and end: String) -> KeyRange {
    KeyRange(lower: Array(first.utf8), upper: Array(end.utf8))
  }

  /// Whether the key is in the range.
  public func contains(_ key: String) -> Bool {
    let bytes = key.utf8
    if bytes.lexicographicallyPrecedes(lower) || isAfterLower && bytes.elementsEqual(lower) {
      return false
    }
    return upper.map { bytes.lexicographicallyPrecedes($0) } ?? true
  }

  /// What is left of the range behind a key, or before it if the range is read backwards.
  func rest(behind key: String, backwards: Bool) -> KeyRange {
    let bytes = Array(key.utf8)
    var rest = self
    if backwards {
      if upper.map({ bytes.precedes($0) }) ?? true { rest.upper = bytes }
    } else if !bytes.precedes(lower) {
      rest.lower = bytes
      rest.isAfterLower = true
    }
    return rest
  }
}

extension [UInt8] {
  fileprivate func precedes(_ other: [UInt8]) -> Bool { lexicographicallyPrecedes(other) }
}
