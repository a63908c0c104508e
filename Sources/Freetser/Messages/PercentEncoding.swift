// Percent escapes (RFC 3986 section 2.1), and the names and values of queries and forms
// (WHATWG URL, application/x-www-form-urlencoded).

import HTTPCore

enum PercentEncoding {
  /// The text that `bytes` stand for; `nil` if an escape is broken or the result is not UTF-8.
  static func decode(_ bytes: Span<UInt8>, plusIsSpace: Bool) -> String? {
    decodeBytes(bytes, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// The bytes of a path without its escapes, in which escaped slashes are told by another byte, one that UTF-8 has not.
  static func decode(_ path: Span<UInt8>, slash: UInt8) -> [UInt8]? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(path.count)
    var start = 0
    while start < path.count {
      let end = (start..<path.count).first { path[$0] == UInt8(ascii: "/") } ?? path.count
      guard let segment = decodeBytes(path.extracting(start..<end), plusIsSpace: false),
        String(validating: segment, as: UTF8.self) != nil
      else { return nil }
      decoded += segment.map { $0 == UInt8(ascii: "/") ? slash : $0 }
      if end < path.count { decoded.append(UInt8(ascii: "/")) }
      start = end + 1
    }
    return decoded
  }

  private static func decodeBytes(_ bytes: Span<UInt8>, plusIsSpace: Bool) -> [UInt8]? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "%"):
        guard index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
          let low = hexValue(bytes[index + 2])
        else { return nil }
        decoded.append(high << 4 | low)
        index += 3
      case UInt8(ascii: "+") where plusIsSpace:
        decoded.append(UInt8(ascii: " "))
        index += 1
      case let byte:
        decoded.append(byte)
        index += 1
      }
    }
    return decoded
  }

  /// The `name=value` pairs between the `&`; a pair without `=` is a name with an empty value.
  ///
  /// - Throws: ``HTTPError``: 400 if a name or value cannot be decoded, or has too many combining marks in a row
  ///   (``CombiningMarks``), 413 if there are more pairs than may be.
  static func decodeForm(
    _ bytes: Span<UInt8>, maximumCount: Int = .max
  ) throws(HTTPError) -> [(name: String, value: String)] {
    var pairs: [(name: String, value: String)] = []
    var start = 0
    for end in 0...bytes.count where end == bytes.count || bytes[end] == UInt8(ascii: "&") {
      defer { start = end + 1 }
      guard end > start else { continue }
      guard pairs.count < maximumCount else {
        throw HTTPError(.contentTooLarge, "There are more than \(maximumCount) fields")
      }
      let equals = (start..<end).first { bytes[$0] == UInt8(ascii: "=") }
      guard let name = decode(bytes.extracting(start..<(equals ?? end)), plusIsSpace: true),
        let value = decode(
          bytes.extracting((equals.map { $0 + 1 } ?? end)..<end), plusIsSpace: true)
      else {
        throw HTTPError(.badRequest, "A name or value has a broken escape, or is not UTF-8")
      }
      guard name.isStreamSafe, value.isStreamSafe else {
        throw HTTPError(.badRequest, "A name or value has too many combining marks in a row")
      }
      pairs.append((name, value))
    }
    return pairs
  }

  /// The text with an escape for each byte that may not stand in it.
  static func encode(_ text: String, allowing isAllowed: (UInt8) -> Bool) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      if isAllowed(byte) {
        encoded.append(byte)
      } else {
        encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
