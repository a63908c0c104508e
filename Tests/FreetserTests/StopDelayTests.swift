// What a server does between being asked to stop and closing anything.

import Freetser
import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Readiness", .serialized)
struct StopDelayTests {
  private let forever: Duration = .seconds(1_000_000)

  @Test("A server is ready from its start until it is asked to stop")
  func ready() throws {
    var configuration = ServerConfiguration()
    configuration.logger = LogRecorder().logger
    let server = Server(.tcp(port: 0), configuration: configuration) { request in
      .text("ready: \(request.isServerReady)")
    }
    for _ in 1...2 {
      #expect(!server.isReady)
      let client = try SocketClient(server.start())
      #expect(server.isReady)
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().text == "ready: true")
      server.stop()
    }
    #expect(!server.isReady)
  }

  @Test("One that could not start is not ready")
  func notStarted() throws {
    let other = try RunningServer { _ in .text("other") }
    let server = Server(.tcp(port: try #require(other.address.port))) { _ in .text("never") }
    #expect(throws: (any Error).self) { try server.start() }
    #expect(!server.isReady)
  }

  @Test(
    "In the delay requests are served as before, on old connections and new; asking again ends it")
  func delay() throws {
    let running = try RunningServer {
      $0.stopDelay = forever
    } handler: { request in
      .text("ready: \(request.isServerReady)")
    }
    let server = running.server
    let old = try running.connect()
    try old.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try old.receive().text == "ready: true")

    let stopping = try Thread.start(name: "stop") { server.stop() }
    #expect(running.log.hasRecorded("info Server stopping"))
    #expect(!server.isReady)
    #expect(server.addresses == [running.address])
    let new = try running.connect()
    for _ in 1...3 {
      for client in [old, new] {
        try client.send("GET / HTTP/1.1\nHost: a\n\n")
        let response = try client.receive()
        #expect(response.text == "ready: false")
        #expect(response.fields["Connection"] == nil)
      }
    }

    server.stop()
    stopping.join()
    #expect(try old.isClosedSilently())
    #expect(throws: (any Error).self) { try running.connect() }
    #expect(running.log.lines.filter { $0.hasPrefix("info Server stop") }.count == 2)
  }

  @Test("A delay that is over ends by itself")
  func over() throws {
    let running = try RunningServer {
      $0.stopDelay = .milliseconds(20)
    } handler: { _ in
      .text("ok")
    }
    running.server.stop()
    #expect(throws: (any Error).self) { try running.connect() }
  }

  @Test("A second signal ends the delay, and the process")
  func secondSignal() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      var configuration = ServerConfiguration()
      configuration.stopDelay = .seconds(1_000_000)
      let server = Server(.tcp(port: 0), configuration: configuration) { _ in .text("ok") }
      try server.run { _ in
        _ = kill(getpid(), SIGTERM)
        while server.isReady { sched_yield() }
        _ = kill(getpid(), SIGTERM)
      }
    }
  }
}
