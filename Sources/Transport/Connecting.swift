// The client's side: how tests, tools and clients get a connected socket.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Socket {
  /// Connects to an address, as a listener's ``Listener/boundAddress``.
  ///
  /// TCP sockets send at once.
  ///
  /// - Throws: ``TransportError/cannotConnect(to:code:)``,
  ///   ``TransportError/pathTooLong(path:limitInBytes:)``,
  ///   ``TransportError/pathContainsNUL(path:)``.
  public static func connect(to address: Address) throws(TransportError) -> Socket {
    let name = try RawAddress(address)
    let descriptor = try makeSocket(family: name.family)
    var code = connectSocket(descriptor, to: name)
    while code == EINTR {
      // TCP goes on by itself and refuses a second call; a Unix domain socket has given up.
      code =
        name.family == AF_UNIX
        ? connectSocket(descriptor, to: name) : finishConnecting(descriptor.number)
    }
    guard code == 0 else { throw .cannotConnect(to: address, code: code) }
    if address.port != nil { try descriptor.set(tcpLevel, TCP_NODELAY, to: 1, "TCP_NODELAY") }
    try descriptor.setShortSendTimeout()
    return Socket(descriptor, peer: address)
  }

  /// Connects to the first address of the endpoint that answers.
  ///
  /// - Throws: As ``connect(to:)-(Address)`` does for the last address, and
  ///   ``TransportError/unresolvable(host:code:)``.
  public static func connect(to endpoint: Endpoint) throws(TransportError) -> Socket {
    let addresses = try endpoint.resolve()
    for address in addresses.dropLast() {
      do throws(TransportError) {
        return try connect(to: address)
      } catch {
        continue
      }
    }
    return try connect(to: addresses[addresses.count - 1])
  }

  /// Waits for an interrupted connect(2) that goes on by itself.
  ///
  /// - Returns: 0, or why it failed.
  private static func finishConnecting(_ number: Int32) -> Int32 {
    var wanted = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    while unsafe poll(&wanted, 1, -1) < 0, errno == EINTR {}
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return errno }
    return code
  }
}
