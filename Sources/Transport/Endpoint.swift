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
    case inherited(InheritedSocket)
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

  /// The sockets that a service manager opened before it started this program, as systemd does for a
  /// socket unit.
  ///
  /// They listen whether the program runs or not: while it is started again, and after it has crashed,
  /// connections wait for the next one. Closing a listener lets go of our share of the socket and does
  /// not disturb the manager's; the file of a Unix domain socket stays. A listener sets its options on
  /// the socket, for all who share it, and on each connection, as one that waited before has none of them;
  /// but `backlog`, `reusePort` and `deferAccept` are the manager's.
  ///
  /// The manager says in the environment what it passes (sd_listen_fds(3)): LISTEN_FDS, LISTEN_PID and
  /// LISTEN_FDNAMES. The variables are left as they are, as an environment cannot be changed safely
  /// while other threads may read it; programs that this one starts are not misled, as LISTEN_PID is
  /// not theirs. The sockets themselves are closed in such programs, and stay open here until the
  /// process ends, so that a server that was stopped can be started again.
  ///
  /// - Parameters:
  ///   - name: Takes those of this name (`FileDescriptorName=` of a socket unit); `nil` takes all.
  ///   - proxyProtocol: See ``proxyProtocol``.
  /// - Returns: An endpoint for each socket, in the manager's order; at least one.
  /// - Throws: ``TransportError/cannotInherit(_:)``, ``TransportError/systemCall(_:code:)``.
  public static func inherited(
    named name: String? = nil, proxyProtocol: Bool = false
  ) throws(TransportError) -> [Endpoint] {
    var endpoints: [Endpoint] = []
    for number in try PassedDescriptors.ofThisProcess().numbers(named: name) {
      let socket = try InheritedSocket(number)
      endpoints.append(Endpoint(place: .inherited(socket), proxyProtocol: proxyProtocol))
    }
    return endpoints
  }
}

extension Endpoint: CustomStringConvertible {
  /// As in `127.0.0.1:8000`, `[::1]:8000` and `unix:/run/app.sock`; of an inherited socket, where it listens.
  public var description: String {
    switch place {
    case .tcp(let host, let port, _):
      host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(onOneLine(path))"
    case .inherited(let socket): socket.address
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
    case .inherited(let socket): [try socket.duplicate().boundAddress()]
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
