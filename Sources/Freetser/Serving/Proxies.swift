// Settings: which proxies stand before a server, and how they say for whom they speak.

public import HTTPTypes
public import Transport

/// The proxies before a server, which tell where a request comes from: nobody is believed by default.
///
/// ```swift
/// configuration.proxies = Proxies(trusted: ["10.0.0.0/8", .unixSockets], field: .xForwardedFor)
/// ```
///
/// Proxies can tell in a field of each request, or in a header before each connection, for endpoints
/// that ask for it: `.tcp(port: 8080, proxyProtocol: true)`. There every peer that is trusted must
/// begin with a header of the PROXY protocol, version 1 or 2, and the others are served without.
///
/// A field is read from its end, where the nearest proxy wrote: ``Request/client`` is the last address
/// that is not trusted. What stands before it anybody can have made up, and is not looked at.
public struct Proxies: Hashable, Sendable {
  /// Whose word counts: nobody's by default.
  ///
  /// Who is trusted can claim to be any client. Trust no more than the proxies themselves.
  public var trusted: TrustedPeers

  /// The field that every trusted proxy appends to or replaces; none by default.
  ///
  /// Proxies let the field that they do not know pass as the client sent it. So there is one, and it
  /// is the one that yours write.
  public var field: Field?

  /// A field in which proxies say for whom they speak.
  public enum Field: Hashable, Sendable {
    /// `Forwarded` (RFC 7239), whose `for` is the client and whose `proto` is the scheme.
    case forwarded
    /// `X-Forwarded-For`, a list of addresses, and `X-Forwarded-Proto`, the scheme, which the nearest
    /// proxy must set or remove.
    case xForwardedFor
  }

  /// The field in which the nearest proxy gives each request an id, such as `X-Request-ID`; none by default.
  ///
  /// ``Request/id`` is then that one, if there is one such field, whose value has 1 to 128 letters, digits and
  /// `._:/+=-`. The proxy must set the field, or its clients choose the ids.
  public var requestIDField: HTTPField.Name?

  /// How long a proxy may take to send the whole PROXY header; 5 s by default. Then the connection is closed.
  ///
  /// The protocol asks for at least 3 s, in which TCP can send again what was lost.
  public var headerTimeout: Duration = .seconds(5)

  /// The longest PROXY header of version 2; 4,096 bytes by default. One of version 1 has at most 107.
  ///
  /// A connection with a longer one is closed.
  public var maximumHeaderSize = ProxyHeader.defaultLimitInBytes

  /// Believes these proxies.
  public init(trusted: TrustedPeers = [], field: Field? = nil) {
    self.trusted = trusted
    self.field = field
  }

  /// Whether proxies may tell something in fields of requests.
  var readsFields: Bool { field != nil || requestIDField != nil }

  /// Ends the program with a sentence if a setting makes no sense.
  func check(with endpoints: [Endpoint]) {
    require(headerTimeout > .zero, "timeouts are more than nothing")
    // Both ends are those of the protocol: a header without addresses, and the largest length.
    require(
      16...65_551 ~= maximumHeaderSize, "maximumHeaderSize is from 16 to 65,551 bytes")
    require(
      !trusted.isEmpty || !endpoints.contains(where: \.proxyProtocol),
      "an endpoint with the PROXY protocol needs proxies that are trusted")
  }
}
