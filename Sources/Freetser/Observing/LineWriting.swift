// The pieces of a log's line, written into room that was made for all of them: as a text out of texts it would take ten
// times as long.

import HTTPCore

/// Adds what a line of printable ASCII is made of, for which there must be room.
extension OutputSpan where Element == UInt8 {
  /// Adds a number, with zeros before it if it has fewer digits.
  mutating func append(_ number: Int, digits width: Int = 1) {
    // As many as fit into a register, the last one on top.
    if number >= 100_000_000 {
      append(number / 100_000_000, digits: width - 8)
      return append(number % 100_000_000, digits: 8)
    }
    var rest = UInt32(truncatingIfNeeded: number)
    var digits: UInt64 = 0
    var count = 0
    repeat {
      digits = digits &<< 8 | UInt64(UInt32(UInt8(ascii: "0")) &+ rest % 10)
      rest /= 10
      count &+= 1
    } while rest > 0 || count < width
    append(digits, lowest: count)
  }

  /// Adds a number in digits and small letters.
  mutating func append(inBase36 number: UInt64) {
    if number >= 36 { append(inBase36: number / 36) }
    let digit = UInt8(number % 36)
    append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }

  /// Adds a number below 10.
  mutating func append(digit: UInt8) { append(UInt8(ascii: "0") + digit) }

  /// Adds a number of so many hexadecimal digits.
  private mutating func append(hexadecimal number: Int, digits: Int) {
    if digits > 1 { append(hexadecimal: number / 16, digits: digits - 1) }
    let digit = UInt8(number % 16)
    append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }

  /// Adds a part of what a client sent, to stand between quotes. It takes ``escapedSize`` bytes for each, at most.
  mutating func append(
    escaping texts: Span<UInt8>, _ range: Range<Int>, for format: AccessLog.Format
  ) {
    if texts.isQuotable(range) {
      append(copying: texts.extracting(range))
    } else {
      appendEscaped([UInt8](copying: texts.extracting(range)), for: format)
    }
  }

  /// How many bytes one may become.
  static var escapedSize: Int { "\\u000a".utf8.count }

  private mutating func appendEscaped(_ value: [UInt8], for format: AccessLog.Format) {
    switch format {
    case .text:
      for byte in value {
        if Grammar.isQuotable(byte) {
          append(byte)
        } else {
          append(literal: "\\x")
          append(hexadecimal: Int(byte), digits: 2)
        }
      }
    case .json:
      // In UTF-16, as JSON's escapes are (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD.
      for unit in String(decoding: value, as: UTF8.self).utf16 {
        if let byte = UInt8(exactly: unit), Grammar.isQuotable(byte) {
          append(byte)
        } else {
          append(literal: "\\u")
          append(hexadecimal: Int(unit), digits: 4)
        }
      }
    }
  }
}
