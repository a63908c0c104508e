// Connections that the system holds back until their clients say something, as it does on Linux while many come and go.

#if !canImport(Darwin)
  import Freetser
  import Glibc
  import Testing
  import Threads

  @Suite("Connections that are held back")
  struct DeferredConnectionTests {
    @Test("A client that says nothing is accepted nevertheless, and has its time from then on")
    func silent() throws {
      let server = try RunningServer(
        .tcp(port: 0),
        {
          $0.listener.deferAccept = true
          $0.timeouts.keepAlive = .milliseconds(10)
        }, handler: { _ in .text("never") })
      try server.holdBackConnections()
      #expect(try server.connect().isClosedSilently())
    }

    @Test("It is counted from then on, and told if there are too many")
    func counted() throws {
      let server = try RunningServer(
        .tcp(port: 0),
        {
          $0.listener.deferAccept = true
          $0.maximumConnectionsPerAddress = 1
        }, handler: { _ in .text("ok") })
      try server.holdBackConnections()
      let first = try server.connect()
      try first.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try first.receive().status == 200)
      #expect(try server.connect().receive().status == 503)
    }

    @Test("A server that is about to stop knows of each, so that none is left without a word")
    func stopping() throws {
      let running = try RunningServer(
        .tcp(port: 0),
        {
          $0.listener.deferAccept = true
          $0.stopDelay = .seconds(1_000_000)
          $0.newConnectionGrace = .zero
        }, handler: { _ in .text("ok") })
      try running.holdBackConnections()
      let server = running.server
      let stopping = try Thread.start(name: "stop") { server.stop() }
      #expect(running.log.hasRecorded("info Server stopping"))
      let silent = try running.connect()
      // Accepted in their order from here on.
      let speaking = try running.connect()
      try speaking.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try speaking.receive().status == 200)
      server.stop()
      stopping.join()
      #expect(try silent.isClosedSilently())
    }
  }

  extension RunningServer {
    /// Has them held back from the first on.
    fileprivate func holdBackConnections() throws {
      guard case .ipv4(_, let port) = address else { preconditionFailure("\(address)") }
      let listening = try #require((3..<10_000).first { isListening($0, at: port) })
      var seconds: Int32 = 1
      let code = unsafe setsockopt(listening, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, &seconds, 4)
      #expect(code == 0)
    }
  }

  private func isListening(_ descriptor: Int32, at port: UInt16) -> Bool {
    var (isListening, size) = (Int32(0), socklen_t(4))
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0,
      isListening != 0
    else { return false }
    var name = sockaddr_in()
    size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let hasName = unsafe withUnsafeMutablePointer(to: &name) { name in
      unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        unsafe getsockname(descriptor, __SOCKADDR_ARG(__sockaddr__: name), &size) == 0
      }
    }
    return hasName && UInt16(bigEndian: name.sin_port) == port
  }
#endif
