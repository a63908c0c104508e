// Connections that the system holds back until their clients say something, as it does by default on Linux.

#if !canImport(Darwin)
  import Freetser
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
#endif
