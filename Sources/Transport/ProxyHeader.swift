// The header that a proxy sends before a connection's own bytes: the PROXY protocol, versions 1 and 2.
//
// Sections and lines are those of its specification, proxy-protocol.txt of HAProxy, as of 2026/04/27.

/// For whom a proxy made a connection.
public enum ProxyHeader: Hashable, Sendable {
  /// For itself, mostly to see whether the server lives (LOCAL of version 2).
  case local
  /// For somebody whose address it does not tell, or not as an Internet address: UNKNOWN of version
  /// 1, no address or a Unix domain socket's of version 2.
  case unknown
  /// For a client at `source`, which had connected to `destination`.
  case relayed(source: Address, destination: Address)
}

/// Why a connection does not begin with a PROXY header that is accepted.
public enum ProxyHeaderFlaw: Hashable, Sendable {
  /// It begins with neither version's signature.
  case signature
  /// The line of version 1 is not as section 2.1 says, or has more than 107 bytes.
  case line
  /// The version is not 2, or the command neither LOCAL nor PROXY.
  case command
  /// The address family or the transport protocol is not one of section 2.2.
  case family
  /// The length is too small for the addresses.
  case length
  /// The header is longer than is accepted.
  case tooLarge(limitInBytes: Int)
  /// The peer ended the connection inside the header.
  case cutOff
}

extension ProxyHeader {
  /// The longest header that is accepted unless said otherwise.
  ///
  /// Addresses need 232 bytes at most; the rest is for what a proxy adds, such as a certificate's
  /// name. nginx accepts as many.
  public static let defaultLimitInBytes = 4096

  /// Reads a header from the first bytes of a connection.
  ///
  /// What begins with neither version's signature is refused at once, a line at its end, and a block
  /// where its fixed part shows that it is not valid.
  ///
  /// - Parameters:
  ///   - input: The first bytes of the connection, as far as they are there.
  ///   - limitInBytes: How long a header of version 2 may be; one of version 1 has at most 107 bytes.
  /// - Returns: The header and how many bytes it took, or `nil` if more are needed.
  /// - Throws: ``TransportError/invalidProxyHeader(_:)``.
  /// - Complexity: O(*n*) in the bytes of the header.
  public static func parse(
    _ input: Span<UInt8>, limitInBytes: Int = defaultLimitInBytes
  ) throws(TransportError) -> (header: ProxyHeader, length: Int)? {
    do throws(Flaw) {
      guard !input.isEmpty else { return nil }
      // The signatures differ in their first byte (section 2.2, "Identifying the protocol version").
      return input[0] == UInt8(ascii: "P")
        ? try parseLine(input) : try parseBlock(input, limitInBytes: limitInBytes)
    } catch {
      throw .invalidProxyHeader(error.flaw)
    }
  }

  /// A flaw on its way to `parse`.
  struct Flaw: Error {
    let flaw: ProxyHeaderFlaw

    init(_ flaw: ProxyHeaderFlaw) { self.flaw = flaw }
  }

  /// Whether what there is of `signature` is at the start of the input.
  ///
  /// - Returns: Whether all of it is there.
  static func check(_ signature: [UInt8], in input: Span<UInt8>) throws(Flaw) -> Bool {
    for index in 0..<min(signature.count, input.count) where input[index] != signature[index] {
      throw Flaw(.signature)
    }
    return input.count >= signature.count
  }
}

extension ProxyHeaderFlaw: CustomStringConvertible {
  /// What is wrong, for a log.
  public var description: String {
    switch self {
    case .signature: "no PROXY header"
    case .line: "a PROXY line that is not valid"
    case .command: "a PROXY header of another version or with an unknown command"
    case .family: "a PROXY header with an unknown family or protocol"
    case .length: "a PROXY header too short for its addresses"
    case .tooLarge(let limit): "a PROXY header of more than \(limit) bytes"
    case .cutOff: "a PROXY header that is cut off"
    }
  }
}
