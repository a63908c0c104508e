// Version 2 of the PROXY protocol: a block of bytes (section 2.2).

extension ProxyHeader {
  private static let signature: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]

  /// The signature, version and command, family and protocol, and the length of the rest.
  private static let fixedLength = 16

  /// The 14th byte: what kind of addresses the block has.
  private enum Family: UInt8 {
    case unspecified = 0x0
    case ipv4 = 0x1
    case ipv6 = 0x2
    case unix = 0x3

    /// Both addresses, and both ports where there are some.
    var length: Int {
      switch self {
      case .unspecified: 0
      case .ipv4: 12
      case .ipv6: 36
      case .unix: 216
      }
    }
  }

  /// What follows the addresses, the TLV vectors, is skipped.
  static func parseBlock(
    _ input: Span<UInt8>, limitInBytes: Int
  ) throws(Flaw) -> (header: ProxyHeader, length: Int)? {
    guard try check(signature, in: input), input.count > 12 else { return nil }
    let isLocal: Bool
    switch input[12] {
    case 0x20: isLocal = true
    case 0x21: isLocal = false
    default: throw Flaw(.command)
    }
    guard input.count > 13 else { return nil }
    // "The receiver must … discard the protocol block including the family which is ignored."
    let family = isLocal ? .unspecified : try family(input[13])
    guard input.count >= fixedLength else { return nil }
    let following = Int(input[14]) << 8 | Int(input[15])
    let length = fixedLength + following
    guard following >= family.length else { throw Flaw(.length) }
    guard length <= limitInBytes else { throw Flaw(.tooLarge(limitInBytes: limitInBytes)) }
    guard input.count >= length else { return nil }
    return (isLocal ? .local : addresses(input, family), length)
  }

  /// Stream or datagram makes no difference to addresses. With an unspecified protocol "the receiver
  /// should ignore address information".
  private static func family(_ byte: UInt8) throws(Flaw) -> Family {
    guard byte & 0xF <= 2, let family = Family(rawValue: byte >> 4) else { throw Flaw(.family) }
    return byte & 0xF == 0 ? .unspecified : family
  }

  private static func addresses(_ input: Span<UInt8>, _ family: Family) -> ProxyHeader {
    func port(at index: Int) -> UInt16 { UInt16(input[index]) << 8 | UInt16(input[index + 1]) }
    switch family {
    case .ipv4:
      func octets(at index: Int) -> SIMD4<UInt8> {
        SIMD4(input[index], input[index + 1], input[index + 2], input[index + 3])
      }
      return .relayed(
        source: .ipv4(octets: octets(at: 16), port: port(at: 24)),
        destination: .ipv4(octets: octets(at: 20), port: port(at: 26)))
    case .ipv6:
      func octets(at index: Int) -> SIMD16<UInt8> {
        var octets = SIMD16<UInt8>()
        for place in 0..<16 { octets[place] = input[index + place] }
        return octets
      }
      return .relayed(
        source: Address(ipv6: octets(at: 16), port: port(at: 48)),
        destination: Address(ipv6: octets(at: 32), port: port(at: 50)))
    case .unix, .unspecified:
      // A socket of the proxy's machine is no address here: "falls back to the UNSPEC mode".
      return .unknown
    }
  }
}
