// Where one end of a connection is: what it is made of, and how it is written.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The address of one end of a connection.
public enum Address: Hashable, Sendable {
  /// Four octets in the order they are written, and a port.
  case ipv4(octets: SIMD4<UInt8>, port: UInt16)
  /// Sixteen octets in the order they are written, a port, and the number of the network interface
  /// that a link-local address belongs to (0: none).
  case ipv6(octets: SIMD16<UInt8>, port: UInt16, scope: UInt32 = 0)
  /// A Unix domain socket. Clients mostly have no path; a name in Linux's abstract space begins
  /// with a zero character.
  case unix(path: String?)

  /// The numeric host, as in `127.0.0.1` and `::1`; `nil` for a Unix domain socket.
  public var host: String? {
    switch self {
    case .ipv4(let octets, _): dotted(octets)
    case .ipv6(let octets, _, 0): numeric(AF_INET6, octets)
    case .ipv6(let octets, _, let scope): "\(numeric(AF_INET6, octets))%\(scope)"
    case .unix: nil
    }
  }

  /// The port; `nil` for a Unix domain socket.
  public var port: UInt16? {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port, _): port
    case .unix: nil
    }
  }
}

extension Address: CustomStringConvertible {
  /// As in `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/app.sock`; `unix:` alone for a peer without a
  /// path, and `@` for the zero character of an abstract name.
  public var description: String {
    switch self {
    case .ipv4(_, let port): "\(host ?? ""):\(port)"
    case .ipv6(_, let port, _): "[\(host ?? "")]:\(port)"
    case .unix(nil): "unix:"
    case .unix(let path?) where path.utf8.first == 0:
      "unix:@\(onOneLine(String(path.unicodeScalars.dropFirst())))"
    case .unix(let path?): "unix:\(onOneLine(path))"
    }
  }
}

/// The path with escapes for control characters, so that nobody who names a socket can write lines
/// of a log.
package func onOneLine(_ text: String) -> String {
  text.unicodeScalars
    .map { $0.value < 0x20 || $0.value == 0x7F ? $0.escaped(asASCII: true) : String($0) }
    .joined()
}

/// Writes octets as inet_ntop(3) does, which takes ten times as long.
private func dotted(_ octets: SIMD4<UInt8>) -> String {
  unsafe String(unsafeUninitializedCapacity: 15) { text in
    var count = 0
    func add(_ byte: UInt8) {
      unsafe text.initializeElement(at: count, to: byte)
      count += 1
    }
    for index in 0..<4 {
      let octet = octets[index]
      if index > 0 { add(UInt8(ascii: ".")) }
      if octet >= 100 { add(UInt8(ascii: "0") + octet / 100) }
      if octet >= 10 { add(UInt8(ascii: "0") + octet / 10 % 10) }
      add(UInt8(ascii: "0") + octet % 10)
    }
    return count
  }
}

/// Writes octets as inet_ntop(3) does.
private func numeric<Octets: BitwiseCopyable>(_ family: Int32, _ octets: Octets) -> String {
  unsafe withUnsafeBytes(of: octets) { octets in
    // INET6_ADDRSTRLEN is 46, with its zero.
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 46) { text in
      unsafe inet_ntop(family, octets.baseAddress!, text.baseAddress!, 46)
      return unsafe String(cString: text.baseAddress!)
    }
  }
}
