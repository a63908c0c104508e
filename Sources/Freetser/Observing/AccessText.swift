// What a client sent, as it may stand in a line.

import HTTPCore

/// A text among bytes, or its beginning.
struct AccessText {
  private let start: UInt32
  private let count: UInt16
  /// Whether there was more.
  fileprivate let isCut: Bool
  /// Whether it may stand between quotes as it is.
  let isQuotable: Bool

  init(_ bytes: Span<UInt8>, _ place: Range<Int>, atMost limit: Int) {
    let taken = place.lowerBound..<(place.lowerBound + min(place.count, limit))
    start = UInt32(taken.lowerBound)
    count = UInt16(taken.count)
    isCut = place.count > limit
    isQuotable = bytes.isQuotable(taken)
  }

  fileprivate var place: Range<Int> { Int(start)..<(Int(start) + Int(count)) }

  /// How much room it takes at most. In bytes.
  var room: Int { Int(count) * (isQuotable ? 1 : "\\u000a".utf8.count) + "...".utf8.count }
}

extension OutputSpan where Element == UInt8 {
  /// Adds a text, to stand between quotes.
  @inline(__always)
  mutating func append(
    _ text: AccessText, of bytes: Span<UInt8>, for format: AccessLog.Format
  ) {
    let bytes = bytes.extracting(text.place)
    if text.isQuotable {
      append(copying: bytes)
    } else {
      appendEscaped([UInt8](copying: bytes), for: format)
    }
    if text.isCut { append(literal: "...") }
  }

  /// Adds a member of an object in JSON, behind another.
  mutating func append(member name: StaticString, _ text: AccessText, of bytes: Span<UInt8>) {
    append(literal: ",\"")
    append(literal: name)
    append(literal: "\":\"")
    append(text, of: bytes, for: .json)
    append(literal: "\"")
  }

  // Not inlined, as most texts need none of it.
  @inline(never)
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

  /// Adds a number of so many hexadecimal digits.
  private mutating func append(hexadecimal number: Int, digits: Int) {
    if digits > 1 { append(hexadecimal: number / 16, digits: digits - 1) }
    let digit = UInt8(number % 16)
    append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }
}
