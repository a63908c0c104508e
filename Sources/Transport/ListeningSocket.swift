// What a listener owns, and the steps from an endpoint to a socket that listens.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A listening socket with what belongs to it.
///
/// Dropping it closes all, after the file is removed.
struct ListeningSocket: ~Copyable, Sendable {
  let descriptor: FileDescriptor
  let wakeUp: Pipe
  private let file: UnixSocketFile?

  private init(
    _ descriptor: consuming FileDescriptor, _ wakeUp: consuming Pipe, _ file: UnixSocketFile?
  ) {
    self.descriptor = descriptor
    self.wakeUp = wakeUp
    self.file = file
  }

  deinit {
    file?.remove()
  }

  consuming func close() {}

  /// Binds and listens; nobody can connect before all options are set.
  static func open(
    _ endpoint: Endpoint, _ options: ListenerOptions
  ) throws(TransportError) -> ListeningSocket {
    if case .inherited(let socket) = endpoint.place { return try inherited(socket, options) }
    let socket = try bound(to: endpoint, options)
    guard listen(socket.descriptor.number, Int32(clamping: options.backlog)) == 0 else {
      throw failure(errno, endpoint)
    }
    return socket
  }

  /// Our share of a socket that listens already. Its file is not ours.
  private static func inherited(
    _ socket: InheritedSocket, _ options: ListenerOptions
  ) throws(TransportError) -> ListeningSocket {
    let wakeUp = try Pipe()
    let descriptor = try socket.duplicate()
    try setNonBlocking(descriptor, true)
    if !socket.isUnix { try descriptor.apply(options) }
    try descriptor.setReceiveTimeout(options.receiveTimeout)
    try descriptor.setShortSendTimeout()
    return ListeningSocket(descriptor, wakeUp, nil)
  }

  /// A socket that is bound and ready to listen: connections are refused until it does.
  static func bound(
    to endpoint: Endpoint, _ options: ListenerOptions
  ) throws(TransportError) -> ListeningSocket {
    let access = try endpoint.access.resolved()
    let name = try RawAddress(address(for: endpoint))
    let wakeUp = try Pipe()
    let descriptor = try makeSocket(family: name.family, nonBlocking: true)

    if case .tcp(_, _, let dualStack) = endpoint.place {
      // A restart need not wait for the connections of the last run to leave TIME_WAIT (socket(7)).
      try descriptor.set(SOL_SOCKET, SO_REUSEADDR, to: 1, "SO_REUSEADDR")
      if options.reusePort {
        try descriptor.set(SOL_SOCKET, SO_REUSEPORT, to: 1, "SO_REUSEPORT")
      }
      if name.family == AF_INET6 {
        try descriptor.set(ipv6Level, IPV6_V6ONLY, to: dualStack ? 0 : 1, "IPV6_V6ONLY")
      }
      try descriptor.apply(options)
    }
    try descriptor.setReceiveTimeout(options.receiveTimeout)
    try descriptor.setShortSendTimeout()
    let file = try bind(descriptor, to: name, endpoint)
    let socket = ListeningSocket(descriptor, wakeUp, file)
    try file?.set(access)
    return socket
  }

  /// The one address to bind to: a name that has both kinds gives IPv4, which is what clients of
  /// `localhost` try whatever else they try.
  private static func address(for endpoint: Endpoint) throws(TransportError) -> Address {
    if case .unix(let path) = endpoint.place, path.isEmpty || path.utf8.contains(0) {
      throw .cannotListen(on: endpoint, code: EINVAL)
    }
    let addresses = try endpoint.resolve()
    let ipv4 = addresses.first { if case .ipv4 = $0 { true } else { false } }
    return ipv4 ?? addresses[0]
  }

  /// - Returns: The file that now stands for the socket, if it is a Unix domain socket.
  private static func bind(
    _ descriptor: borrowing FileDescriptor, to name: RawAddress, _ endpoint: Endpoint
  ) throws(TransportError) -> UnixSocketFile? {
    var code = bindSocket(descriptor, to: name)
    guard case .unix(let path) = endpoint.place else {
      if code != 0 { throw failure(code, endpoint) }
      return nil
    }
    if code == EADDRINUSE {
      try UnixSocketFile.removeIfStale(path)
      code = bindSocket(descriptor, to: name)
    }
    if code != 0 { throw failure(code, endpoint) }
    return try UnixSocketFile(boundTo: path)
  }

  private static func failure(_ code: Int32, _ endpoint: Endpoint) -> TransportError {
    code == EADDRINUSE ? .addressInUse(endpoint) : .cannotListen(on: endpoint, code: code)
  }
}
