// One predicate per rule of the grammar, the rule quoted beside it.
//
// The two words of each set are checked in the tests against the rule's own text.

/// A set of ASCII bytes: bit *n* of `low` is byte *n*, bit *n* of `high` is byte 64 + *n*.
struct ByteSet {
  let low: UInt64
  let high: UInt64

  @inline(__always)
  func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? low : high
    return byte < 128 && (word &>> UInt64(byte & 63)) & 1 == 1
  }
}

package enum Grammar {
  /// `tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA`
  /// (RFC 9110 section 5.6.2).
  static var tchar: ByteSet { ByteSet(low: 0x03ff_6cfa_0000_0000, high: 0x57ff_ffff_c7ff_fffe) }

  /// `unreserved / pct-encoded / sub-delims`, byte by byte, for `reg-name` (RFC 3986 section 3.2.2).
  static var regName: ByteSet { ByteSet(low: 0x2bff_7ff2_0000_0000, high: 0x47ff_fffe_87ff_fffe) }

  /// `DIGIT = %x30-39`.
  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10
  }

  /// `ALPHA = %x41-5A / %x61-7A`.
  @inline(__always)
  static func isAlpha(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26
  }

  /// The value of `HEXDIG`, or `nil`.
  @inline(__always)
  static func hexValue(_ byte: UInt8) -> UInt64? {
    if isDigit(byte) { return UInt64(byte &- UInt8(ascii: "0")) }
    let letter = (byte | 0x20) &- UInt8(ascii: "a")
    return letter < 6 ? UInt64(letter) + 10 : nil
  }

  /// `field-vchar = VCHAR / obs-text`, with the SP and HTAB that may stand between them (RFC 9110 section 5.5).
  @inline(__always)
  static func isFieldContent(_ byte: UInt8) -> Bool {
    byte >= 0x20 ? byte != 0x7f : byte == 0x09
  }

  /// `qdtext = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text` (RFC 9110 section 5.6.4) but for HTAB and `obs-text`.
  @inline(__always)
  package static func isQuotable(_ byte: UInt8) -> Bool {
    byte &- 0x20 < 0x5f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// `VCHAR = %x21-7E` but for `#`: a client keeps a fragment to itself (RFC 9112 section 3.2, RFC 9110 section 4.1).
  @inline(__always)
  static func isTargetByte(_ byte: UInt8) -> Bool {
    byte &- 0x21 < 0x5e && byte != UInt8(ascii: "#")
  }

  /// `OWS = *( SP / HTAB )`.
  @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09
  }

  /// `token = 1*tchar`.
  @inline(__always)
  static func isToken(_ input: Span<UInt8>, _ range: Range<Int>) -> Bool {
    !range.isEmpty
      && input.endOfToken(from: range.lowerBound, to: range.upperBound) == range.upperBound
  }

  /// `range` without the spaces and tabs at its ends.
  static func trimmed(_ input: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isSpace(input[start]) { start += 1 }
    while end > start, isSpace(input[end - 1]) { end -= 1 }
    return start..<end
  }

  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
  }

  /// Calls `body` with each element of a comma-separated list, trimmed, empty ones left out (RFC 9110 section 5.6.1).
  static func forEachListElement(
    _ input: Span<UInt8>, _ range: Range<Int>, _ body: (Range<Int>) -> Void
  ) {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = input.endOfListElement(from: start, to: range.upperBound)
      let element = trimmed(input, start..<end)
      if !element.isEmpty { body(element) }
      start = end + 1
    }
  }
}
