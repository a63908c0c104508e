// Whom a limit on connections per address takes for one client.

/// An IPv4 address, or an IPv6 network of 64 bits: that is what one subscriber gets, who can use every address of it
/// (RFC 6177 section 2).
enum ClientNetwork: Hashable, Sendable {
  case ipv4(SIMD4<UInt8>)
  case ipv6(SIMD8<UInt8>, scope: UInt32)

  /// `nil` for a Unix domain socket.
  init?(of address: Address) {
    switch address {
    case .ipv4(let octets, _): self = .ipv4(octets)
    case .ipv6(let octets, _, let scope): self = .ipv6(octets.lowHalf, scope: scope)
    case .unix: return nil
    }
  }
}
