// The version of HTTP a message claims (RFC 9112 section 2.3).

/// A version of HTTP/1, as written in a start line.
///
/// A minor version above 1 is treated as 1.1, as RFC 9110 section 2.5 asks; other major versions are refused.
public struct Version: Equatable, Comparable, Sendable, CustomStringConvertible {
  /// The digit after the point.
  public let minor: UInt8

  /// HTTP/1.0: one exchange a connection unless both ends ask for more; no chunks, no interim responses.
  public static let http10 = Version(minor: 0)
  /// HTTP/1.1.
  public static let http11 = Version(minor: 1)

  /// As in a start line: `HTTP/1.1`.
  public var description: String { "HTTP/1.\(minor)" }

  /// Compares by minor version.
  public static func < (left: Version, right: Version) -> Bool { left.minor < right.minor }

  /// How long it is in a start line, in bytes.
  static var length: Int { 8 }

  /// Reads `HTTP-version = "HTTP/" DIGIT "." DIGIT` that fills `range` exactly.
  static func parse(_ input: Span<UInt8>, _ range: Range<Int>) throws(ProtocolError) -> Version {
    if let version = readHTTP1(input, range) { return version }
    let major = range.lowerBound + 5
    let isOther =
      range.count == length && input.spells(range.lowerBound..<major, "HTTP/")
      && Grammar.isDigit(input[major]) && input[major + 1] == UInt8(ascii: ".")
      && Grammar.isDigit(input[major + 2])
    throw ProtocolError(isOther ? .unsupportedVersion : .malformedVersion, by: .peer)
  }

  /// Reads the version of HTTP/1 that fills `range` exactly; `nil` if something else does.
  @inline(__always)
  static func readHTTP1(_ input: Span<UInt8>, _ range: Range<Int>) -> Version? {
    guard range.count == length else { return nil }
    let minor = range.upperBound - 1
    guard input.spells(range.lowerBound..<minor, "HTTP/1."), Grammar.isDigit(input[minor]) else {
      return nil
    }
    return Version(minor: input[minor] - UInt8(ascii: "0"))
  }
}
