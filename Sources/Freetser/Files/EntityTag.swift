// Entity tags: names for the states of a resource (RFC 9110 section 8.8.3).

/// The value of `ETag`, or a member of `If-Match`, `If-None-Match` or `If-Range`.
struct EntityTag: Equatable {
  /// With its quotation marks.
  var opaque: String
  /// Whether bodies that have it may differ in their bytes.
  var isWeak = false

  init(opaque: String, isWeak: Bool = false) {
    self.opaque = opaque
    self.isWeak = isWeak
  }

  /// The tag of a state that is told from others by a text, of which a tag can hold most: the rest is escaped.
  init(naming state: String, isWeak: Bool = false) {
    let inside = PercentEncoding.encode(state, allowing: Self.isPlain)
    self.init(opaque: "\"\(inside)\"", isWeak: isWeak)
  }

  /// As it is sent.
  var text: String { isWeak ? "W/\(opaque)" : opaque }

  /// Strong comparison (section 8.8.3.2): the same bytes.
  func matchesStrongly(_ other: EntityTag) -> Bool {
    !isWeak && self == other
  }

  /// Weak comparison: one may stand for the other.
  func matchesWeakly(_ other: EntityTag) -> Bool {
    opaque == other.opaque
  }

  /// The tags of a list; `nil` if it is malformed.
  static func list(_ text: String) -> [EntityTag]? {
    var tags: [EntityTag] = []
    var rest = text.utf8[...]
    while let first = rest.first {
      // Empty members count for nothing (section 5.6.1).
      if isSpace(first) || first == comma {
        rest.removeFirst()
        continue
      }
      guard let tag = takeTag(from: &rest) else { return nil }
      tags.append(tag)
      rest = rest.drop(while: isSpace)
      guard rest.isEmpty || rest.first == comma else { return nil }
    }
    return tags
  }

  private static let comma = UInt8(ascii: ",")
  private static let quote = UInt8(ascii: "\"")

  /// An `etagc` of ASCII that is not the beginning of an escape.
  private static func isPlain(_ byte: UInt8) -> Bool {
    0x21...0x7e ~= byte && byte != quote && byte != UInt8(ascii: "%")
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// `entity-tag = [ %s"W/" ] DQUOTE *etagc DQUOTE`, in which an `etagc` is a `%x21`, `%x23-7E` or beyond ASCII.
  private static func takeTag(from rest: inout Substring.UTF8View) -> EntityTag? {
    let isWeak = rest.starts(with: "W/".utf8)
    if isWeak { rest.removeFirst(2) }
    guard rest.first == quote else { return nil }
    let inside = rest.dropFirst().prefix { $0 > 0x20 && $0 != quote && $0 != 0x7f }
    guard inside.endIndex < rest.endIndex, rest[inside.endIndex] == quote else { return nil }
    let opaque = rest[...inside.endIndex]
    rest = rest[opaque.endIndex...]
    return EntityTag(opaque: String(Substring(opaque)), isWeak: isWeak)
  }
}
