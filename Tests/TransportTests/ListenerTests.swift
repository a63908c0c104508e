import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Whether this machine can listen on `::1`.
private let hasIPv6 = (try? Listener(.tcp(host: "::1", port: 0))) != nil

@Suite(.serialized, .onOwnThread) struct ListenerTests {
  @Test("port 0 gives a port, and boundAddress tells which")
  func port() throws {
    let listener = try loopbackListener()
    defer { listener.close() }
    #expect(listener.boundAddress.host == "127.0.0.1")
    #expect(try #require(listener.boundAddress.port) > 0)
    let client = try connect(to: listener.boundAddress)
    let server = try listener.next()
    #expect(try server.peer == client.local)
  }

  @Test("IPv6", .enabled(if: hasIPv6, "this machine has no IPv6"))
  func ipv6() throws {
    let listener = try Listener(.tcp(host: "::1", port: 0))
    defer { listener.close() }
    let port = try #require(listener.boundAddress.port)
    #expect(listener.boundAddress.description == "[::1]:\(port)")
    _ = try connect(to: listener.boundAddress)
    #expect(try listener.next().peer.host == "::1")
  }

  @Test("dual stack takes both, and reports IPv4 as IPv4", .enabled(if: hasIPv6, "no IPv6"))
  func dualStack() throws {
    let listener = try Listener(.tcp(host: "::", port: 0, dualStack: true))
    defer { listener.close() }
    let port = try #require(listener.boundAddress.port)
    _ = try Socket.connect(to: .tcp(host: "127.0.0.1", port: port))
    #expect(try listener.next().peer.host == "127.0.0.1")
    _ = try Socket.connect(to: .tcp(host: "::1", port: port))
    #expect(try listener.next().peer.host == "::1")
  }

  @Test("IPv6 alone leaves IPv4 to others", .enabled(if: hasIPv6, "no IPv6"))
  func ipv6Only() throws {
    let listener = try Listener(.tcp(host: "::", port: 0))
    defer { listener.close() }
    let port = try #require(listener.boundAddress.port)
    let other = try Listener(.tcp(host: quietHost, port: port))
    other.close()
  }

  @Test("an address in use is said to be, with the address")
  func inUse() throws {
    let listener = try loopbackListener()
    defer { listener.close() }
    let endpoint = Endpoint.tcp(port: try #require(listener.boundAddress.port))
    let error = #expect(throws: TransportError.self) { try Listener(endpoint) }
    #expect(error == .addressInUse(endpoint))
    #expect(error?.description == "cannot listen on \(endpoint): address already in use")
  }

  @Test("an address that is not this machine's cannot be listened on")
  func foreignAddress() {
    let endpoint = Endpoint.tcp(host: "192.0.2.1", port: 0)  // RFC 5737: nobody's
    #expect(throws: TransportError.cannotListen(on: endpoint, code: EADDRNOTAVAIL)) {
      try Listener(endpoint)
    }
  }

  @Test("a port can be listened on again at once, though old connections linger")
  func reuse() async {
    // In a process of its own: a program that another test starts has this one's listener too, until its exec.
    await #expect(processExitsWith: .success) {
      let first = try Listener(.tcp(host: quietHost, port: 0))
      let address = first.boundAddress
      let client = try connect(to: address)
      let server = try first.next()
      server.close()  // this side closes first, so its end stays in TIME_WAIT
      let rest = try client.receiveToEnd()
      precondition(rest.isEmpty)
      client.close()
      first.close()
      let second = try Listener(.tcp(host: quietHost, port: address.port!))
      second.close()
    }
  }

  @Test("two listeners share a port if both ask for it, and each connection reaches one of them")
  func reusePort() throws {
    var options = ListenerOptions()
    #expect(!options.reusePort)
    options.reusePort = true
    let first = try loopbackListener(options: options)
    let endpoint = Endpoint.tcp(port: try #require(first.boundAddress.port))
    let second = try Listener(endpoint, options: options)
    #expect(second.boundAddress == first.boundAddress)
    let firstGreets = try Background { try greet("1", connectionsOf: first) }
    let secondGreets = try Background { try greet("2", connectionsOf: second) }
    let greetings = try (0..<60).map { _ in try greeting(from: first.boundAddress) }
    #if !canImport(Darwin)
      #expect(Set(greetings) == ["1", "2"])  // each connection is given to one by a hash
    #endif
    second.close()  // the other goes on alone
    #expect(try (0..<20).allSatisfy { _ in try lastingGreeting(from: first.boundAddress) == "1" })

    #expect(throws: TransportError.addressInUse(endpoint)) { try Listener(endpoint) }
    first.close()
    #expect(try firstGreets.value() + secondGreets.value() == 80)
    let selfish = try loopbackListener()
    defer { selfish.close() }
    let taken = Endpoint.tcp(port: try #require(selfish.boundAddress.port))
    #expect(throws: TransportError.addressInUse(taken)) { try Listener(taken, options: options) }
  }

  @Test("the defaults are those of Python's freetser, on the accepted socket")
  func defaults() throws {
    let options = ListenerOptions()
    #expect(options.backlog == 1024)
    let socket = try accepted(options)
    #expect(socket.option(tcpLevel, TCP_NODELAY) != 0)
    #expect(socket.option(SOL_SOCKET, SO_KEEPALIVE) != 0)
    #expect(socket.option(tcpLevel, TCP_KEEPINTVL) == 10)
    #expect(socket.option(tcpLevel, TCP_KEEPCNT) == 3)
    #if !canImport(Darwin)
      #expect(socket.option(tcpLevel, TCP_KEEPIDLE) == 60)
      #expect(socket.option(tcpLevel, TCP_USER_TIMEOUT) == 90_000)
    #endif
  }

  @Test("options that are changed reach the accepted socket")
  func changed() throws {
    var options = ListenerOptions()
    options.noDelay = false
    options.keepAlive?.idle = .seconds(61)
    options.keepAlive?.interval = .milliseconds(1)
    options.keepAlive?.probes = 4
    options.userTimeout = .milliseconds(1500)
    let socket = try accepted(options)
    #expect(socket.option(tcpLevel, TCP_NODELAY) == 0)
    #expect(socket.option(tcpLevel, TCP_KEEPINTVL) == 1, "whole seconds, at least one")
    #expect(socket.option(tcpLevel, TCP_KEEPCNT) == 4)
    #if !canImport(Darwin)
      #expect(socket.option(tcpLevel, TCP_KEEPIDLE) == 61)
      #expect(socket.option(tcpLevel, TCP_USER_TIMEOUT) == 1500)
    #endif
  }

  @Test("options that are off are off")
  func off() throws {
    var options = ListenerOptions()
    options.keepAlive = nil
    options.userTimeout = .zero
    let socket = try accepted(options)
    #expect(socket.option(SOL_SOCKET, SO_KEEPALIVE) == 0)
    #if !canImport(Darwin)
      #expect(socket.option(tcpLevel, TCP_USER_TIMEOUT) == 0)
    #endif
  }

  #if !canImport(Darwin)
    @Test("connections are held back until their clients send or leave, or a second or so is over")
    func deferAccept() throws {
      var options = ListenerOptions()
      #expect(!options.deferAccept)
      options.deferAccept = true
      let listener = try loopbackListener(options: options)
      defer { listener.close() }
      #expect(try !holdsBack(listener))
      for end in [{ $0.needsThread() }, { $0.forbid() }] as [(inout DeferredAccept) -> Void] {
        listener.deferAccept { $0.foundWaiting(.distantFuture) }
        // Where a second passes in between, as on a busy machine, it does not show: then it is tried again.
        #expect(try (1...20).contains { _ in try holdsBack(listener) })
        listener.deferAccept(end)
        #expect(try !holdsBack(listener))
      }
    }

    /// - Returns: Whether of three clients the one that said nothing was accepted last, though it was first to connect.
    private func holdsBack(_ listener: Listener) throws -> Bool {
      let silent = try connect(to: listener.boundAddress)
      let speaking = try connect(to: listener.boundAddress)
      try speaking.send("?")
      let leaving = try connect(to: listener.boundAddress)
      leaving.shutdown(.sending)
      let peers = try (1...3).map { _ in try listener.next().peer }
      #expect(try Set(peers) == [silent.local, speaking.local, leaving.local])
      return try peers[2] == silent.local
    }
  #endif

  @Test("an option that the system refuses names itself")
  func refusedOption() {
    var options = ListenerOptions()
    options.keepAlive?.probes = 1000
    #expect(throws: TransportError.systemCall("setsockopt TCP_KEEPCNT", code: EINVAL)) {
      try loopbackListener(options: options)
    }
  }

  @Test("accepted sockets wait for bytes, though the listening one does not wait")
  func blocking() throws {
    let socket = try accepted(ListenerOptions())
    #expect(fcntl(socket.descriptor.number, F_GETFL) & O_NONBLOCK == 0)
  }

  @Test("accepted sockets have the receive timeout from their birth")
  func receiveTimeout() throws {
    let directory = TemporaryDirectory()
    var options = ListenerOptions()
    options.receiveTimeout = .milliseconds(30)
    for endpoint in [Endpoint.tcp(port: 0), .unix(path: "\(directory.path)/socket")] {
      let listener = try Listener(endpoint, options: options)
      let client = try connect(to: listener.boundAddress)
      let server = try listener.next()
      #expect(throws: TransportError.timedOut) { try server.receive(exactly: 1) }
      client.close()
    }
  }

  @Test("a close wakes every thread that accepts, and each gets nil", arguments: 0..<20)
  func closeWakes(_ round: Int) throws {
    let listener = try loopbackListener()
    let first = try Background { try listener.isClosed() }
    let second = try Background { try listener.isClosed() }
    listener.close()
    #expect(try first.value())
    #expect(try second.value())
    #expect(try listener.isClosed())
    listener.close()
  }

  @Test("every descriptor is closed in programs that are started, and none is left")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      do {
        let directory = TemporaryDirectory()
        let listener = try loopbackListener()
        let unixListener = try Listener(.unix(path: "\(directory.path)/socket"))
        let client = try connect(to: listener.boundAddress)
        let unixClient = try connect(to: unixListener.boundAddress)
        let server = try listener.next()
        let unixServer = try unixListener.next()

        let opened = openDescriptors().subtracting(before)
        // Two pipes, two listeners, two connections with two ends each.
        precondition(opened.count == 10, "\(opened.count) descriptors")
        for descriptor in opened {
          precondition(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        }
        client.close()
        unixClient.close()
        server.close()
        unixServer.close()
        listener.close()
        unixListener.close()
      }
      requireDescriptors(before)
    }
  }

  @Test("a listener that is dropped is closed")
  func dropped() async {
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      _ = try loopbackListener()
      requireDescriptors(before)
    }
  }

  /// The server's end of a connection to a listener with these options.
  private func accepted(_ options: ListenerOptions) throws -> Socket {
    let listener = try loopbackListener(options: options)
    defer { listener.close() }
    _ = try connect(to: listener.boundAddress)
    return try listener.next()
  }
}

/// Sends a text to each connection, until the listener is closed.
///
/// - Returns: How many there were.
private func greet(_ text: String, connectionsOf listener: Listener) throws -> Int {
  var count = 0
  while let socket = try listener.accept() {
    try socket.send(text)
    count += 1
  }
  return count
}

/// A greeting by a listener that is not closed.
///
/// A process that another test is starting has a copy of the closed one until it executes, and then the system resets
/// what it was given.
private func lastingGreeting(from address: Address) throws -> String {
  let deadline = MonotonicTime.now() + .seconds(120)
  while true {
    do {
      return try greeting(from: address)
    } catch TransportError.peerGone where .now() < deadline {
      continue
    }
  }
}

private func greeting(from address: Address) throws -> String {
  String(decoding: try connect(to: address).receiveToEnd(), as: UTF8.self)
}
