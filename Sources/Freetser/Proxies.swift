// Settings: which proxies stand before a server, and how they say for whom they speak.

public import Transport

/// The proxies before a server, which tell where a request comes from: nobody is believed by default.
///
/// ```swift
/// configuration.proxies = Proxies(trusted: ["10.0.0.0/8", .unixSockets], field: .xForwardedFor)
/// ```
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

  /// Believes these proxies.
  public init(trusted: TrustedPeers = [], field: Field? = nil) {
    self.trusted = trusted
    self.field = field
  }
}
