// The pieces of a log's line, written into room that was made for all of them: as a text out of texts it would take ten
// times as long.

import HTTPCore

/// Adds what a line of printable ASCII is made of, for which there must be room.
extension OutputSpan where Element == UInt8 {
  /// Adds a number, with zeros before it if it has fewer digits.
  mutating func append(_ number: UInt64, digits width: Int = 1, radix: UInt64 = 10) {
    var digits = [64 of UInt8](repeating: UInt8(ascii: "0"))
    var start = digits.count
    var rest = number
    repeat {
      start -= 1
      let digit = UInt8(rest % radix)
      digits[start] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      rest /= radix
    } while rest > 0
    append(copying: digits.span.extracting(min(start, digits.count - width)...))
  }

  /// Adds what a client sent, to stand between quotes; of what is longer than `limit` its beginning and `...`.
  ///
  /// It takes ``escapedSize`` bytes for each that is kept, at most.
  mutating func append(
    escaping value: Span<UInt8>, for format: AccessLog.Format, atMost limit: Int
  ) {
    let kept = value.extracting(first: min(value.count, limit))
    if isPlain(kept) {
      append(copying: kept)
    } else {
      appendEscaped([UInt8](copying: kept), for: format)
    }
    if kept.count < value.count { append(literal: "...") }
  }

  /// How many bytes one may become.
  static var escapedSize: Int { "\\u000a".utf8.count }

  private mutating func appendEscaped(_ value: [UInt8], for format: AccessLog.Format) {
    switch format {
    case .text:
      for byte in value {
        if isPlain(byte) {
          append(byte)
        } else {
          append(literal: "\\x")
          append(UInt64(byte), digits: 2, radix: 16)
        }
      }
    case .json:
      // In UTF-16, as JSON's escapes are (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD.
      for unit in String(decoding: value, as: UTF8.self).utf16 {
        if let byte = UInt8(exactly: unit), isPlain(byte) {
          append(byte)
        } else {
          append(literal: "\\u")
          append(UInt64(unit), digits: 4, radix: 16)
        }
      }
    }
  }
}

private func isPlain(_ value: Span<UInt8>) -> Bool {
  for index in value.indices where !isPlain(value[index]) { return false }
  return true
}

/// Whether a byte is printable ASCII and none that quotes or escapes.
private func isPlain(_ byte: UInt8) -> Bool {
  0x20..<0x7f ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
}
