// What a test sends with a request.

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The body of a request, and its media type.
public struct RequestContent: Sendable {
  /// The body's bytes.
  public var bytes: [UInt8]
  /// The media type, sent in `Content-Type`.
  public var contentType: String

  /// Bytes of a stated media type.
  public static func bytes(
    _ bytes: [UInt8], contentType: String = "application/octet-stream"
  ) -> RequestContent {
    RequestContent(bytes: bytes, contentType: contentType)
  }

  /// Plain text, in UTF-8.
  public static func text(_ text: String) -> RequestContent {
    bytes(Array(text.utf8), contentType: "text/plain; charset=utf-8")
  }

  /// A value as JSON.
  ///
  /// - Throws: `EncodingError` if the value cannot be written as JSON, for example because a number is infinite.
  public static func json(_ value: some Encodable) throws -> RequestContent {
    bytes(Array(try JSONEncoder().encode(value)), contentType: "application/json")
  }

  /// What a form of a page sends: names and values, escaped.
  public static func form(_ items: KeyValuePairs<String, String>) -> RequestContent {
    let pairs = items.map { "\(escape($0.key))=\(escape($0.value))" }
    return bytes(
      Array(pairs.joined(separator: "&").utf8), contentType: "application/x-www-form-urlencoded")
  }
}

/// Escapes all but letters, digits and `-._~`, which is valid wherever escapes are.
private func escape(_ text: String) -> String {
  var escaped: [UInt8] = []
  let digits = Array("0123456789ABCDEF".utf8)
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      escaped.append(byte)
    default:
      escaped += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  return String(decoding: escaped, as: UTF8.self)
}
