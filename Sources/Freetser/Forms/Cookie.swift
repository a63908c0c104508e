// A cookie to be kept by a client, and what is said with it (RFC 6265 section 4.1).

import HTTPTypes

/// A name and a value that a client keeps, and sends with its further requests.
///
/// ```swift
/// response.setCookie(Cookie("session", token, maxAge: .seconds(3_600)))
/// ```
///
/// Unless it is told otherwise, the client sends it to all paths of this host alone, over TLS only (and to `localhost`),
/// keeps it from scripts, and does not send it with what pages of other sites load or post.
///
/// The value is any text: bytes that may not stand in one, and percent signs, are sent as percent escapes, and
/// ``Request/cookies`` decodes them. Clients need not keep one of more than 4,096 bytes, name and value together.
public struct Cookie: Equatable, Sendable {
  /// The name: a token, such as `session`.
  public let name: String
  /// The value, without percent escapes.
  public let value: String
  /// How long the client keeps it; `nil` is until the browser is closed, or restored.
  public let maxAge: Duration?
  /// Below which path the client sends it; `nil` is the path of the request, up to its last slash.
  public let path: String?
  /// To which host and all below it the client sends it; `nil` is this host alone.
  public let domain: String?
  /// Whether the client sends it over TLS only.
  public let isSecure: Bool
  /// Whether it is kept from scripts.
  public let isHTTPOnly: Bool
  /// With which requests of other sites' pages it is sent.
  public let sameSite: SameSite

  /// With which requests that come from other sites' pages a cookie is sent (RFC 6265bis section 5.6.7).
  public enum SameSite: String, Hashable, Sendable {
    /// With none, not even where a link leads here.
    case strict = "Strict"
    /// With GET where a link or a form leads here, and nothing else.
    case lax = "Lax"
    /// With all of them. Such a cookie must be secure.
    case none = "None"
  }

  /// A cookie with what is said about it.
  ///
  /// What makes no sense ends the program with a sentence: a name that is no token; a path or domain that has other than
  /// visible ASCII characters, or a semicolon; `sameSite: .none` without `isSecure`; a name that begins with `__Secure-`
  /// without `isSecure`, or one with `__Host-` without that and path `/`, or with a domain. So take none of them from a
  /// client.
  ///
  /// - Parameters:
  ///   - name: A token, such as `session`.
  ///   - value: Any text.
  ///   - maxAge: How long the client keeps it; `nil` is until the browser is closed. Zero or less is not at all.
  ///   - path: Below which path the client sends it.
  ///   - domain: To which host and all below it the client sends it; `nil` is this host alone.
  ///   - isSecure: Whether the client sends it over TLS only.
  ///   - isHTTPOnly: Whether it is kept from scripts.
  ///   - sameSite: With which requests of other sites' pages it is sent.
  public init(
    _ name: String, _ value: String, maxAge: Duration? = nil, path: String? = "/",
    domain: String? = nil, isSecure: Bool = true, isHTTPOnly: Bool = true,
    sameSite: SameSite = .lax
  ) {
    require(
      !name.isEmpty && name.utf8.allSatisfy(isTokenByte), "a cookie's name is a token: “\(name)”")
    for attribute in [path, domain] {
      require(
        attribute?.utf8.allSatisfy { 0x21...0x7e ~= $0 && $0 != UInt8(ascii: ";") } ?? true,
        "a cookie's path and domain have visible ASCII characters and no semicolon")
    }
    require(path?.hasPrefix("/") ?? true, "a cookie's path begins with a slash")
    require(domain != "", "a cookie's domain is not empty")
    require(sameSite != .none || isSecure, "a cookie for all sites' pages is secure")
    // Clients compare prefixes without regard to case (RFC 6265bis section 5.4).
    let prefix = name.lowercased()
    require(
      !prefix.hasPrefix("__secure-") || isSecure, "a cookie named __Secure-… is secure")
    require(
      !prefix.hasPrefix("__host-") || isSecure && path == "/" && domain == nil,
      "a cookie named __Host-… is secure, has the path / and no domain")
    self.name = name
    self.value = value
    self.maxAge = maxAge
    self.path = path
    self.domain = domain
    self.isSecure = isSecure
    self.isHTTPOnly = isHTTPOnly
    self.sameSite = sameSite
  }

  /// `set-cookie-string` (section 4.1.1).
  var text: String {
    var text = "\(name)=\(PercentEncoding.encode(value, allowing: Self.isOctet))"
    if let maxAge { text += "; Max-Age=\(Self.seconds(maxAge))" }
    if let domain { text += "; Domain=\(domain)" }
    if let path { text += "; Path=\(path)" }
    if isSecure { text += "; Secure" }
    if isHTTPOnly { text += "; HttpOnly" }
    return text + "; SameSite=\(sameSite.rawValue)"
  }

  /// A `cookie-octet`, which has no space, quote, comma, semicolon or backslash; and no percent sign, which begins an
  /// escape here.
  private static func isOctet(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\\"),
      UInt8(ascii: "%"):
      false
    default: 0x21...0x7e ~= byte
    }
  }

  /// Whole seconds, so that what is left of the last one counts.
  private static func seconds(_ time: Duration) -> Int64 {
    let (seconds, attoseconds) = time.components
    return seconds < 0 ? 0 : attoseconds > 0 && seconds < .max ? seconds + 1 : seconds
  }
}

extension Response {
  /// Has the client keep a cookie.
  public mutating func setCookie(_ cookie: Cookie) {
    fields.append(.setCookie, cookie.text)
  }

  /// Has the client forget a cookie, if it was set for the same path and domain.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - path: The path that it was set for.
  ///   - domain: The domain that it was set for.
  ///   - isSecure: Whether the client may learn of it over TLS only: a name that says so needs it.
  public mutating func deleteCookie(
    _ name: String, path: String? = "/", domain: String? = nil, isSecure: Bool = true
  ) {
    setCookie(
      Cookie(name, "", maxAge: .zero, path: path, domain: domain, isSecure: isSecure))
  }
}
