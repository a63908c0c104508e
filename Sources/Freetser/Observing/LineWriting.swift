// The pieces of a log's line, written into room that was made for all of them: as a text out of texts it would take ten
// times as long.

import HTTPCore

/// Adds what a line of printable ASCII is made of, for which there must be room.
extension OutputSpan where Element == UInt8 {
  /// Adds a number that is not negative.
  mutating func append(_ number: Int) {
    if number < 10 { return append(digit: UInt8(clamping: number)) }
    if number >= 100_000_000 {
      append(number / 100_000_000)
      let rest = eightDigits(UInt32(truncatingIfNeeded: number % 100_000_000))
      return append(rest | Self.zeros, lowest: 8)
    }
    let digits = eightDigits(UInt32(truncatingIfNeeded: number))
    // The first ones are the lowest, and those that are zero are left out.
    let unused = digits.trailingZeroBitCount / 8
    append((digits | Self.zeros) &>> UInt64(8 * unused), lowest: 8 - unused)
  }

  /// Eight times the digit 0.
  private static var zeros: UInt64 { 0x3030_3030_3030_3030 }

  /// Adds a number from 0 to 999, with zeros before it if it has fewer digits.
  mutating func append(threeDigits number: Int) {
    let hundreds = UInt64(truncatingIfNeeded: number / 100)
    let rest = UInt64(truncatingIfNeeded: number % 100)
    append(0x30_3030 | hundreds | (rest / 10) &<< 8 | (rest % 10) &<< 16, lowest: 3)
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

/// The digits of a number below 100,000,000, the first one in the lowest byte: split in halves, quarters and eighths, all
/// parts of a size at a time. The products give quotients that are exact for numbers as small as these.
private func eightDigits(_ number: UInt32) -> UInt64 {
  let halves = UInt64(number / 10_000) | UInt64(number % 10_000) << 32
  let hundreds = (halves &* 10_486) &>> 20 & 0x0000_007f_0000_007f
  let quarters = hundreds | (halves &- hundreds &* 100) &<< 16
  let tens = (quarters &* 103) &>> 10 & 0x000f_000f_000f_000f
  return tens | (quarters &- tens &* 10) &<< 8
}

/// A text of at most 16 bytes, which needs no memory of its own.
struct ShortText {
  fileprivate var words = SIMD2<UInt64>(0, 0)
  fileprivate var count = 0

  /// Appends a byte. A 17th ends the program.
  mutating func append(_ byte: UInt8) {
    words[count / 8] |= UInt64(byte) &<< UInt64(8 * (count % 8))
    count += 1
  }

  /// Appends a number in digits.
  mutating func append(decimal number: UInt8) {
    if number >= 10 { append(decimal: number / 10) }
    append(UInt8(ascii: "0") + number % 10)
  }

  /// Appends a number in digits and small letters.
  mutating func append(base36 number: UInt64) {
    if number >= 36 { append(base36: number / 36) }
    let digit = UInt8(truncatingIfNeeded: number % 36)
    append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
  }
}

extension OutputSpan where Element == UInt8 {
  /// Adds a copy of the text.
  mutating func append(_ text: ShortText) {
    append(text.words[0], lowest: min(text.count, 8))
    if text.count > 8 { append(text.words[1], lowest: text.count - 8) }
  }
}
