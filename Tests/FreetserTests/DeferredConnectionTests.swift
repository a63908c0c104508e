// Connections that the system holds back until their clients say something, as it does on Linux while they come and go.

#if !canImport(Darwin)
  import Freetser
  import Glibc
  import Testing
  import Threads

  @Suite("Connections that are held back")
  struct DeferredConnectionTests {
    @Test("They are while clients come and go, and not any more when the server is about to stop")
    func stopping() throws {
      let running = try RunningServer(
        .tcp(port: 0),
        {
          $0.listener.deferAccept = true
          $0.stopDelay = .seconds(1_000_000)
        }, handler: { _ in .text("ok") })
      let server = running.server
      let listening = try #require(descriptor(listeningAt: running.address))
      try withClients(4, of: running) {
        try #require(waits { deferAccept(of: listening) > 0 })
      }
      let stopping = try Thread.start(name: "stop") { server.stop() }
      #expect(running.log.hasRecorded("info Server stopping"))
      #expect(deferAccept(of: listening) == 0)
      server.stop()
      stopping.join()
    }

    /// Does it while so many clients come, ask for something and go.
    private func withClients(
      _ count: Int, of server: RunningServer, _ body: () throws -> Void
    ) throws {
      let address = server.address
      let clients = Monitor((running: 0, shallStop: false))
      defer {
        clients.withLock { $0.shallStop = true }
        _ = clients.wait { $0.running == 0 ? true : nil }
      }
      for number in 1...count {
        clients.withLock { $0.running += 1 }
        try Thread.startDetached(name: "client-\(number)") {
          while !clients.withLock({ $0.shallStop }) {
            // One that finds no port comes again.
            guard let client = try? SocketClient(address) else { continue }
            try? client.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
            _ = try? client.receive()
          }
          clients.withLock { $0.running -= 1 }
          clients.wakeAll()
        }
      }
      try body()
    }

    private func waits(for condition: () -> Bool) -> Bool {
      let deadline = MonotonicTime.now() + .seconds(60)
      while !condition(), .now() < deadline { sched_yield() }
      return condition()
    }
  }

  /// TCP_DEFER_ACCEPT, in seconds.
  private func deferAccept(of listening: Int32) -> Int32 {
    option(listening, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT) ?? -1
  }

  private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32? {
    var (value, size) = (Int32(0), socklen_t(4))
    let code = unsafe getsockopt(descriptor, level, name, &value, &size)
    return code == 0 ? value : nil
  }

  /// The descriptor of the program's socket that listens there, at an IPv4 address.
  private func descriptor(listeningAt address: Address) -> Int32? {
    guard case .ipv4(_, let port) = address else { return nil }
    return (3..<10_000).first { descriptor in
      guard option(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1,
        option(descriptor, SOL_SOCKET, SO_DOMAIN) == AF_INET
      else { return false }
      var (name, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
      let hasName = unsafe withUnsafeMutablePointer(to: &name) { name in
        unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
          unsafe getsockname(descriptor, __SOCKADDR_ARG(__sockaddr__: name), &size) == 0
        }
      }
      return hasName && UInt16(bigEndian: name.sin_port) == port
    }
  }
#endif
