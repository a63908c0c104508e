// A value with parameters behind it: `multipart/form-data; boundary=x` (RFC 9110 section 5.6.6).

/// What `Content-Type` and `Content-Disposition` say.
struct ParameterizedValue {
  /// What stands before the first semicolon, in lower case: a token, or two with a slash between.
  let value: String
  private var parameters: [String: String] = [:]

  /// How a quote can stand between quotes.
  enum Escaping {
    /// With a backslash before it, as before every other byte (RFC 9110 section 5.6.4).
    case backslash
    /// As `%22`, and line breaks as `%0D` and `%0A`. A backslash is one, and a percent sign elsewhere too: so browsers
    /// write the names of forms (WHATWG HTML, "Multipart form data").
    case percent
  }

  /// Reads a field's value.
  ///
  /// - Returns: `nil` if it is malformed, or has a parameter twice: which of them counts, nobody knows.
  init?(_ text: String, escaping: Escaping = .backslash) {
    var rest = text.utf8[...]
    let value = rest.prefix { isTokenByte($0) || $0 == UInt8(ascii: "/") }
    guard !value.isEmpty else { return nil }
    self.value = String(Substring(value)).lowercased()
    rest = rest[value.endIndex...].drop(while: isSpace)
    while !rest.isEmpty {
      guard rest.removeFirst() == UInt8(ascii: ";") else { return nil }
      rest = rest.drop(while: isSpace)
      if rest.isEmpty || rest.first == UInt8(ascii: ";") { continue }
      guard let name = Self.takeToken(&rest)?.lowercased(), rest.popFirst() == UInt8(ascii: "="),
        let value = rest.first == UInt8(ascii: "\"")
          ? Self.takeQuoted(&rest, escaping) : Self.takeToken(&rest),
        parameters.updateValue(value, forKey: name) == nil
      else { return nil }
      rest = rest.drop(while: isSpace)
    }
  }

  /// The value of the parameter of this name, which is given in lower case.
  subscript(name: String) -> String? { parameters[name] }

  private static func takeToken(_ rest: inout Substring.UTF8View) -> String? {
    let token = rest.prefix(while: isTokenByte)
    rest = rest[token.endIndex...]
    return token.isEmpty ? nil : String(Substring(token))
  }

  private static func takeQuoted(
    _ rest: inout Substring.UTF8View, _ escaping: Escaping
  ) -> String? {
    rest.removeFirst()
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        let text = String(validating: value, as: UTF8.self)
        return escaping == .percent ? text.map(withoutPercentEscapes) : text
      case UInt8(ascii: "\\") where escaping == .backslash:
        guard let escaped = rest.popFirst() else { return nil }
        value.append(escaped)
      default: value.append(byte)
      }
    }
    return nil
  }

  private static func withoutPercentEscapes(_ text: String) -> String {
    text.replacing("%22", with: "\"").replacing("%0D", with: "\r").replacing("%0A", with: "\n")
  }
}
