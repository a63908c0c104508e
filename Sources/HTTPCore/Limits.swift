// How much a peer may send before we refuse it.

/// Bounds on what is accepted from the peer, in bytes consumed, however they arrived.
///
/// Content is not bounded here: it passes through in pieces and the caller counts it.
///
/// No limit is below nothing (for start line and head below two bytes, an empty line's), nor above 1 GiB, or as many
/// fields, but ``chunkLine`` not above 4,096 bytes: what is set beyond that counts as that.
public struct Limits: Equatable, Sendable {
  /// The start line with its CR LF; past it a request is answered with 414. In bytes, 8,192 by default.
  ///
  /// RFC 9112 section 3 asks for at least 8,000.
  public var startLine = 8_192

  /// The whole head: start line, fields and the empty line. In bytes, 16,384 by default, h11's number.
  public var head = 16_384

  /// Field lines in a head or in trailers. 100 by default, Apache's number; browsers send about 15.
  public var fieldCount = 100

  /// The line before a chunk: its size and extensions with CR LF. In bytes, 256 by default.
  ///
  /// Extensions are parsed and dropped; nobody is known to send them. At most 4,096, as a line that is not complete is
  /// read again from its start whenever more of it comes: a peer that sends it byte by byte costs the square of it.
  public var chunkLine = 256

  /// The trailers with the empty line after them. In bytes, 8,192 by default.
  public var trailers = 8_192

  /// All limits at their defaults.
  public init() {}

  /// Where nothing can overflow that is counted from here.
  var bounded: Limits {
    func bound(_ limit: Int, least: Int = 0, most: Int = 1 << 30) -> Int {
      min(max(least, limit), most)
    }
    var bounded = self
    bounded.startLine = bound(startLine, least: 2)
    bounded.head = bound(head, least: 2)
    bounded.fieldCount = bound(fieldCount)
    bounded.chunkLine = bound(chunkLine, most: 4_096)
    bounded.trailers = bound(trailers)
    return bounded
  }
}
