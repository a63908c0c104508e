// Networks, as operators write them: an address and how many of its bits are the network's.

/// All addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`.
public struct Network: Hashable, Sendable {
  /// The octets of the first address; of IPv4 the first four.
  private let octets: SIMD16<UInt8>
  private let mask: SIMD16<UInt8>
  private let isIPv6: Bool

  /// How many bits all addresses have in common.
  public let prefixLength: Int

  /// Reads a network in CIDR form (RFC 4632 section 3.1, RFC 4291 section 2.3), or one address.
  ///
  /// `nil` if it is neither, and if bits are set behind the prefix, as in `10.0.0.1/8`: whoever wrote
  /// that meant either less or more. An IPv4 network is written as IPv4, not as `::ffff:…`.
  public init?(_ text: String) {
    self.init(Array(text.utf8).span)
  }

  private init?(_ text: Span<UInt8>) {
    let slash = text.first(UInt8(ascii: "/"), in: 0..<text.count)
    let addressEnd = slash ?? text.count
    guard let address = Address(numeric: text.extracting(..<addressEnd)) else { return nil }
    let isMapped = address.isIPv4 && text.first(UInt8(ascii: ":"), in: 0..<addressEnd) != nil
    guard !isMapped, let octets = address.octets else { return nil }
    let bitCount = address.isIPv4 ? 32 : 128
    var length = bitCount
    if let slash {
      guard let number = decimal(text, (slash + 1)..<text.count, atMost: bitCount) else {
        return nil
      }
      length = number
    }
    var mask = SIMD16<UInt8>()
    for bit in 0..<length { mask[bit / 8] |= 0x80 >> UInt8(bit % 8) }
    guard octets & mask == octets else { return nil }
    self.octets = octets
    self.mask = mask
    isIPv6 = !address.isIPv4
    prefixLength = length
  }

  /// Whether the address is one of the network's.
  ///
  /// An IPv4 address is never in an IPv6 network, whatever the peer used to get here; a link-local
  /// address is in its network on every interface.
  public func contains(_ address: Address) -> Bool {
    guard let octets = address.octets, address.isIPv4 != isIPv6 else { return false }
    return octets & mask == self.octets
  }
}

extension Network: ExpressibleByStringLiteral {
  /// A network that is written in the program; one that is not valid ends it with a sentence.
  public init(stringLiteral text: String) {
    guard let network = Network(text) else {
      preconditionFailure("\"\(text)\" is no network: write it as 10.0.0.0/8 or 2001:db8::/32")
    }
    self = network
  }
}

extension Network: CustomStringConvertible {
  /// As in `10.0.0.0/8`.
  public var description: String {
    let first: Address =
      isIPv6
      ? .ipv6(octets: octets, port: 0) : .ipv4(octets: octets.lowHalf.lowHalf, port: 0)
    return "\(first.host ?? "")/\(prefixLength)"
  }
}

extension Address {
  fileprivate var isIPv4: Bool { if case .ipv4 = self { true } else { false } }

  /// The octets from the first place on; `nil` for a Unix domain socket.
  fileprivate var octets: SIMD16<UInt8>? {
    switch self {
    case .ipv4(let octets, _):
      SIMD16(
        lowHalf: SIMD8(lowHalf: octets, highHalf: SIMD4()), highHalf: SIMD8())
    case .ipv6(let octets, _, _): octets
    case .unix: nil
    }
  }
}
