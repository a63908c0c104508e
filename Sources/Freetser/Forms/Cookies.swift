// The cookies that a client sends (RFC 6265 section 4.2).

import HTTPCore

extension Request {
  /// The cookies that the client sent.
  public var cookies: Cookies { Cookies(fields) }
}

/// Cookies as a client sends them: names and values, and nothing of what was said with them when they were set.
///
/// They are what the client makes of them. One that must not be made up holds a token that nobody can guess, or is signed.
/// Other hosts of the domain, and pages without TLS, may have set one of the same name, unless it begins with `__Host-`.
public struct Cookies: Sendable {
  /// All of them, in order. Of one name there may be several.
  ///
  /// Names are as they came, values without percent escapes (``Cookie``). What is no cookie, for want of a name, an equals
  /// sign or UTF-8, is left out: whoever set it, it is not for us. So is one with more than 30 combining marks in a row,
  /// which take long to look up.
  public private(set) var items: [(name: String, value: String)] = []

  init(_ fields: Fields) {
    fields.forEachValue(of: "Cookie") { value in
      var start = 0
      for end in 0...value.count where end == value.count || value[end] == UInt8(ascii: ";") {
        if let item = Self.item(value.extracting(trimmed(value, start..<end))) {
          items.append(item)
        }
        start = end + 1
      }
    }
  }

  /// The first value of this name; upper and lower case differ.
  public subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  /// `cookie-pair = cookie-name "=" cookie-value`. Values that other programs set may have any bytes but a semicolon.
  private static func item(_ pair: Span<UInt8>) -> (name: String, value: String)? {
    guard let equals = pair.indices.first(where: { pair[$0] == UInt8(ascii: "=") }),
      let name = text(pair.extracting(trimmed(pair, 0..<equals))), !name.isEmpty
    else { return nil }
    let value = pair.extracting(trimmed(pair, equals + 1..<pair.count))
    // What others set with a percent sign need not be an escape.
    guard let text = PercentEncoding.decode(value, plusIsSpace: false) ?? text(value),
      name.isStreamSafe, text.isStreamSafe
    else { return nil }
    return (name, text)
  }

  private static func text(_ bytes: Span<UInt8>) -> String? {
    String(validating: [UInt8](copying: bytes), as: UTF8.self)
  }
}
