// Where to listen, as a person writes it, and the addresses it stands for.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A place to listen at: `.tcp(port: 8000)` or `.unix(path: "/run/app.sock")`.
public struct Endpoint: Hashable, Sendable {
  /// What is listened at.
  enum Place: Hashable, Sendable {
    case tcp(host: String, port: UInt16, dualStack: Bool)
    case unix(path: String)
  }

  let place: Place
  /// Of a Unix domain socket alone.
  var access = SocketFileAccess()

  /// Whether proxies that are trusted begin each connection here with a PROXY header.
  ///
  /// It is for whoever serves the connections to read it: ``ReceiveBuffer/receiveProxyHeader(from:within:limitInBytes:)``.
  public var proxyProtocol = false

  /// TCP.
  ///
  /// - Parameters:
  ///   - host: A numeric IPv4 or IPv6 address, or a name, of which one address is taken: IPv4 if it
  ///     has one. `0.0.0.0` and `::` are all of this machine's addresses.
  ///   - port: 0 lets the system choose.
  ///   - dualStack: Whether `::` takes IPv4 as well; otherwise IPv6 listeners take IPv6 alone.
  ///   - proxyProtocol: See ``proxyProtocol``.
  public static func tcp(
    host: String = "127.0.0.1", port: UInt16, dualStack: Bool = false, proxyProtocol: Bool = false
  ) -> Endpoint {
    Endpoint(
      place: .tcp(host: host, port: port, dualStack: dualStack), proxyProtocol: proxyProtocol)
  }

  /// A Unix domain socket: a file that only processes on this machine can connect to.
  ///
  /// Who may write to the file may connect, if the directories above let them through. Nobody can
  /// connect before permissions and owners are as they are asked for here. Without `permissions` the
  /// file has those that the process's umask leaves, mostly 0o755: only its owner can connect.
  ///
  /// - Parameters:
  ///   - path: Where the file is made.
  ///   - permissions: As in `0o660`, whatever the umask is; at most `0o777`.
  ///   - user: The file's owner. Only a privileged process can give files away.
  ///   - group: The file's group. Others can give files to the groups that they are in.
  ///   - proxyProtocol: See ``proxyProtocol``.
  public static func unix(
    path: String, permissions: UInt16? = nil, user: Account? = nil, group: Account? = nil,
    proxyProtocol: Bool = false
  ) -> Endpoint {
    precondition(permissions ?? 0 <= 0o777, "a socket's permissions are at most 0o777")
    return Endpoint(
      place: .unix(path: path),
      access: SocketFileAccess(permissions: permissions, user: user, group: group),
      proxyProtocol: proxyProtocol)
  }
}

extension Endpoint: CustomStringConvertible {
  /// As in `127.0.0.1:8000`, `[::1]:8000` and `unix:/run/app.sock`.
  public var description: String {
    switch place {
    case .tcp(let host, let port, _):
      host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(onOneLine(path))"
    }
  }
}

extension Endpoint {
  /// The addresses it stands for, in the resolver's order of preference; never none.
  ///
  /// - Throws: ``TransportError/unresolvable(host:code:)``.
  func resolve() throws(TransportError) -> [Address] {
    switch place {
    case .unix(let path): [.unix(path: path)]
    case .tcp(let host, let port, _): try Endpoint.resolve(host: host, port: port)
    }
  }

  private static func resolve(host: String, port: UInt16) throws(TransportError) -> [Address] {
    // The resolver would see the name only up to there.
    guard !host.utf8.contains(0) else { throw .unresolvable(host: host, code: EAI_NONAME) }
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = streamType
    unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var first: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, "\(port)", &hints, &first)
    guard code == 0 else { throw .unresolvable(host: host, code: code) }
    defer { unsafe freeaddrinfo(first) }

    var addresses: [Address] = []
    var next = unsafe first
    while let entry = unsafe next?.pointee {
      let bytes = unsafe UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
      if let address = unsafe RawAddress(copying: bytes).address { addresses.append(address) }
      unsafe next = entry.ai_next
    }
    guard !addresses.isEmpty else { throw .unresolvable(host: host, code: EAI_NONAME) }
    return addresses
  }
}
