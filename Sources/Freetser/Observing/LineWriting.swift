// The pieces of a log's line, written into room that was made for all of them: as a text out of texts it would take ten
// times as long.

import HTTPCore

/// Adds what a line of printable ASCII is made of, for which there must be room.
extension OutputSpan where Element == UInt8 {
  /// Adds a number that is not negative.
  mutating func append(_ number: Int) {
    if number >= 1_000 {
      append(number / 1_000)
      return append(threeDigits: number % 1_000)
    }
    if number < 10 { return append(digit: UInt8(number)) }
    let unused = number < 100 ? 1 : 0
    append(digits(number) &>> UInt64(8 * unused), lowest: 3 - unused)
  }

  /// Adds a number from 0 to 999, with zeros before it if it has fewer digits.
  @inline(__always)
  mutating func append(threeDigits number: Int) {
    append(digits(number), lowest: 3)
  }

  /// Adds a number below 10.
  @inline(__always)
  mutating func append(digit: UInt8) { append(UInt8(ascii: "0") + digit) }

  /// Adds a number in digits and small letters.
  mutating func append(base36 number: UInt64) {
    if number >= 36 { append(base36: number / 36) }
    let digit = UInt8(truncatingIfNeeded: number % 36)
    append(digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
  }
}

/// The three digits of a number below 1,000, the first one in the lowest byte.
@inline(__always)
private func digits(_ number: Int) -> UInt64 {
  let number = UInt64(truncatingIfNeeded: number)
  let tens = number / 10
  return 0x30_3030 | tens / 10 | (tens % 10) &<< 8 | (number % 10) &<< 16
}
