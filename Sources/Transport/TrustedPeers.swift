// Whose word counts about where a connection or a request comes from.

/// The peers that are believed when they speak for others: mostly the proxies before a server.
///
/// ```swift
/// let proxies: TrustedPeers = ["10.0.0.0/8", "::1", .unixSockets]
/// ```
///
/// Without members nobody is trusted.
public struct TrustedPeers: Hashable, Sendable {
  /// One kind of peer.
  public enum Member: Hashable, Sendable {
    /// Every address of a network; of one that was not written in the program, see ``Network/init(_:)``.
    case network(Network)
    /// Whoever can connect to a Unix domain socket of ours, which its permissions decide.
    case unixSockets
  }

  /// Any of these is trusted.
  public var members: [Member]

  /// Trusts these, and nobody else.
  public init(_ members: [Member] = []) {
    self.members = members
  }

  /// Whether nobody is trusted.
  public var isEmpty: Bool { members.isEmpty }

  /// Whether the peer is trusted.
  public func contains(_ peer: Address) -> Bool {
    members.contains { member in
      switch (member, peer) {
      case (.unixSockets, .unix): true
      case (.unixSockets, _): false
      case (.network(let network), _): network.contains(peer)
      }
    }
  }
}

extension TrustedPeers: ExpressibleByArrayLiteral {
  /// Trusts these, and nobody else.
  public init(arrayLiteral members: Member...) { self.init(members) }
}

extension TrustedPeers.Member: ExpressibleByStringLiteral {
  /// A network that is written in the program; one that is not valid ends it with a sentence.
  public init(stringLiteral text: String) { self = .network(Network(stringLiteral: text)) }
}
