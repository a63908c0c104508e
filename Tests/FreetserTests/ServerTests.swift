// A server over real sockets: what it sends, when it goes on, and how it stops.

import Freetser
import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Server", .serialized)
struct ServerTests {
  private func echo() throws -> RunningServer {
    try RunningServer { request in
      switch request.path {
      case "/204":
        Response(status: .noContent, fields: [.contentLength: "3"], body: Array("abc".utf8))
      case "/205": Response(status: .resetContent, body: Array("abc".utf8))
      case "/304": Response(status: .notModified, fields: [.eTag: "\"a\""], body: Array("abc".utf8))
      case "/close": .text("bye", fields: [.connection: "close"])
      case "/large": .bytes([UInt8](repeating: 0x62, count: 30_000_000))
      case "/largeclose":
        .bytes([UInt8](repeating: 0x62, count: 30_000_000)).closing()
      default:
        .text("\(request.method) \(request.target) \(request.version) \(request.text ?? "?")")
      }
    }
  }

  @Test("A response, byte for byte but for its date")
  func bytes() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send("POST /a?b HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 2\n\nhi")
    let lines = try client.receiveToEnd().split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 7)
    #expect(lines[0] == "HTTP/1.1 200 OK")
    #expect(lines[1] == "Content-Type: text/plain; charset=utf-8")
    #expect(lines[2].hasPrefix("Date: ") && lines[2].hasSuffix(" GMT"))
    #expect(
      lines[3...] == ["Content-Length: 21", "Connection: close", "", "POST /a?b HTTP/1.1 hi"][...])
  }

  @Test("Requests follow each other on a connection, and pipelined ones are answered in order")
  func keepAlive() throws {
    let server = try echo()
    let client = try server.connect()
    for number in 1...100 {
      try client.send("GET /\(number) HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().text == "GET /\(number) HTTP/1.1 ")
    }
    let many = (1...50).map { "POST /\($0) HTTP/1.1\nHost: a\nContent-Length: 1\n\nx" }.joined()
    try client.send(many)
    for number in 1...50 {
      #expect(try client.receive().text == "POST /\(number) HTTP/1.1 x")
    }
  }

  @Test("A request that comes byte by byte")
  func bytewise() throws {
    let server = try echo()
    let client = try server.connect()
    let wire =
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    for byte in wire.utf8 { try client.send(bytes: [byte]) }
    #expect(try client.receive().text == "POST /a HTTP/1.1 abc")
  }

  @Test(
    "HEAD, 204, 205 and 304 are right whatever the handler returned, and the connection goes on")
  func bodiless() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send("HEAD / HTTP/1.1\nHost: a\n\n")
    let head = try client.receive(to: "HEAD")
    #expect(head.fields["Content-Length"] == "16")
    try client.send("HEAD /large HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive(to: "HEAD").fields["Content-Length"] == "30000000")
    try client.send("GET /204 HTTP/1.1\nHost: a\n\n")
    let noContent = try client.receive()
    #expect(noContent.status == 204 && noContent.fields["Content-Length"] == nil)
    try client.send("GET /205 HTTP/1.1\nHost: a\n\n")
    let reset = try client.receive()
    #expect(reset.status == 205 && reset.fields["Content-Length"] == "0" && reset.body.isEmpty)
    try client.send("GET /304 HTTP/1.1\nHost: a\n\n")
    let notModified = try client.receive()
    #expect(notModified.status == 304 && notModified.fields["ETag"] == "\"a\"")
    #expect(notModified.fields["Content-Length"] == nil)
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().status == 200)
  }

  @Test("HEAD that is refused or fails has no body either")
  func failingHead() throws {
    let server = try RunningServer { _ in throw BadInputTests.HandlerError.thrown }
    let client = try server.connect()
    try client.send("HEAD / HTTP/1.1\nHost: a\n\nHEAD / HTTP/1.1\nHost: a\nExpect: wonders\n\n")
    #expect(try client.receive(to: "HEAD").status == 500)
    #expect(try client.receive(to: "HEAD").status == 417)
    client.socket.shutdown(.sending)
    #expect(try client.isClosedSilently())
  }

  @Test("A large body is sent whole")
  func large() throws {
    let server = try echo()
    let client = try server.connect()
    for _ in 1...3 {
      try client.send("GET /large HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().body == [UInt8](repeating: 0x62, count: 30_000_000))
    }
  }

  @Test("RFC 9112 9.6: what a client sends behind its last request does not destroy the response")
  func strayBytes() throws {
    let server = try echo()
    for request in ["Connection: close", "Connection: keep-alive\nX: /close"] {
      let client = try server.connect()
      let path = request.contains("/close") ? "/largeclose" : "/large"
      try client.send("GET \(path) HTTP/1.1\nHost: a\n\(request)\n\n")
      var first: [UInt8] = []
      // The response has begun, and is larger than what the system takes at once.
      try first.append(addingCapacity: 1) { _ = try client.socket.receive(into: &$0) }
      try client.send("\n\n")
      let rest = try client.receiveToEnd()
      #expect(rest.hasSuffix(String(repeating: "b", count: 30_000_000)))
    }
  }

  @Test("An idle connection does not keep the last response's memory")
  func memory() async {
    await #expect(processExitsWith: .exitCode(0)) {
      // Larger than what malloc(3) may keep for itself (32 MiB).
      let size = 40_000_000
      let server = try RunningServer { _ in .bytes([UInt8](repeating: 0x62, count: size)) }
      let before = try residentBytes()
      let clients = try (1...10).map { _ in try server.connect() }
      for client in clients {
        try client.send("GET / HTTP/1.1\nHost: a\n\n")
        try client.drop(size)
      }
      // 400 MB would be held otherwise.
      exit(try residentBytes() - before < 200_000_000 ? 0 : 1)
    }
  }

  @Test("RFC 9112 9.3: who closes, and when")
  func closing() throws {
    let server = try echo()
    for (wire, goesOn) in [
      ("GET / HTTP/1.1\nHost: a\nConnection: close\n\n", false),
      ("GET /close HTTP/1.1\nHost: a\n\n", false),
      ("GET / HTTP/1.0\n\n", false),
      ("GET http://h/ HTTP/1.1\nHost: a\nConnection: close\n\n", false),
      ("GET / HTTP/1.0\nConnection: keep-alive\n\n", true),
      ("GET / HTTP/1.1\nHost: a\n\n", true),
    ] {
      let client = try server.connect()
      try client.send(wire)
      let response = try client.receive()
      #expect(response.status == 200)
      #expect((response.fields["Connection"] == "close") == !goesOn, "\(wire)")
      if goesOn {
        try client.send("GET / HTTP/1.1\nHost: a\n\n")
        #expect(try client.receive().status == 200)
      } else {
        #expect(try client.isClosedSilently())
      }
    }
  }

  @Test("minimumVersion refuses HTTP/1.0 with 505")
  func minimumVersion() throws {
    let server = try RunningServer(.tcp(port: 0), { $0.minimumVersion = .http11 }) { _ in
      .text("ok")
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.0\nConnection: keep-alive\n\n")
    let response = try client.receive()
    #expect(response.text == "505 Error: HTTP Version Not Supported\n")
    #expect(response.fields["Connection"] == "close")
  }

  @Test("RFC 9110 10.1.1: 100 Continue goes out when the body is waited for, and not before a 413")
  func expectContinue() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send("POST /a HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 2\n\n")
    #expect(try client.receive(interim: 100).status == 100)
    try client.send("hi")
    #expect(try client.receive().text == "POST /a HTTP/1.1 hi")

    let large = try server.connect()
    try large.send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3000000\n\n")
    #expect(try large.receive(interim: 100).status == 413)
  }

  @Test("CONNECT is refused before any handler sees it")
  func connect() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send("CONNECT a:80 HTTP/1.1\nHost: a:80\n\n")
    #expect(try client.receive(to: "CONNECT").status == 501)
    #expect(!server.log.lines.contains { $0.hasPrefix("error") })
  }

  @Test("Handlers of many connections run at the same time")
  func concurrency() throws {
    let meeting = Monitor(0)
    let server = try RunningServer { _ in
      meeting.withLock { $0 += 1 }
      meeting.wakeAll()
      // All must be here before any goes on.
      let met: Void? = meeting.wait(until: .now() + .seconds(60)) { $0 == 8 ? () : nil }
      return .text(met == nil ? "alone" : "met")
    }
    let clients = try (1...8).map { _ in try server.connect() }
    for client in clients { try client.send("GET / HTTP/1.1\nHost: a\n\n") }
    for client in clients { #expect(try client.receive().text == "met") }
  }

  @Test("A Unix domain socket, and a handler that sees its peer")
  func unixSocket() throws {
    let path = try makeTemporaryPath(suffix: ".sock")
    let server = try RunningServer(.unix(path: path)) { .text("from \($0.peer)") }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "from unix:")
  }

  @Test("A handler sees who is at the other end of a Unix domain socket, and of TCP sees nobody")
  func peerCredentials() throws {
    let path = try makeTemporaryPath(suffix: ".sock")
    let server = try RunningServer([.unix(path: path), .tcp(port: 0)]) { request in
      guard let peer = request.peerCredentials else { return .text("nobody") }
      return .text("\(peer.process ?? 0) \(peer.user) \(peer.group)")
    }
    let texts = try server.server.addresses.map { address in
      let client = try SocketClient(address)
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      return try client.receive().text
    }
    #expect(texts == ["\(getpid()) \(geteuid()) \(getegid())", "nobody"])
  }

  @Test("Two servers share a store")
  func sharedStore() throws {
    let store = try Store.inMemory(tables: ["counts"])
    let servers = [1, 2].map { number in
      Server(.tcp(port: 0), store: store) { request, store in
        try store.execute { try $0.add("counts", "server \(number)", "1") }
        return .text(try store.execute { try $0.listKeys("counts").joined(separator: ", ") })
      }
    }
    for (server, expected) in zip(servers, ["server 1", "server 1, server 2"]) {
      let client = try SocketClient(server.start())
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().text == expected)
    }
    for server in servers { server.stop() }
    try store.close()
  }

  @Test("A port that is taken")
  func addressInUse() throws {
    let server = try echo()
    let port = try #require(server.address.port)
    let second = Server(.tcp(port: port)) { _ in .text("never") }
    #expect(throws: TransportError.addressInUse(.tcp(port: port))) { try second.start() }
    #expect(
      TransportError.addressInUse(.tcp(port: port)).description
        == "cannot listen on 127.0.0.1:\(port): address already in use")
  }
}

@Suite("Stopping", .serialized)
struct StoppingTests {
  @Test("run blocks, tells its address, and returns after a stop from another thread")
  func run() throws {
    var configuration = ServerConfiguration()
    configuration.logger = LogRecorder().logger
    let server = Server(.tcp(port: 0), configuration: configuration) { _ in .text("ok") }
    let address = Monitor<Address?>(nil)
    let thread = try Thread.start(name: "server") {
      try? server.run { bound in
        address.withLock { $0 = bound }
        address.wakeAll()
      }
    }
    let bound = try #require(address.wait(until: .now() + .seconds(60)) { $0 })
    let client = try SocketClient(bound)
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "ok")
    server.stop()
    thread.join()
    #expect(throws: (any Error).self) { try SocketClient(bound) }
  }

  @Test("An idle connection ends at once, a busy one finishes and is told that it is the last")
  func drains() throws {
    let gate = Monitor((entered: false, open: false))
    let server = try RunningServer { _ in
      gate.withLock { $0.entered = true }
      gate.wakeAll()
      _ = gate.wait(until: .now() + .seconds(60)) { $0.open ? () : nil }
      return .text("finished")
    }
    let idle = try server.connect()
    let busy = try server.connect()
    try busy.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(gate.wait(until: .now() + .seconds(60)) { $0.entered ? () : nil } != nil)
    let stopping = server.server
    let thread = try Thread.start(name: "stop") { stopping.stop(within: .seconds(60)) }
    #expect(try idle.isClosedSilently())
    gate.withLock { $0.open = true }
    gate.wakeAll()
    let response = try busy.receive()
    #expect(response.text == "finished" && response.fields["Connection"] == "close")
    thread.join()
    #expect(!server.log.lines.contains { $0.contains("Connections cut") })
  }

  @Test("A client that reads nothing is cut at the deadline")
  func cuts() throws {
    let server = try RunningServer { _ in .bytes([UInt8](repeating: 0, count: 64 << 20)) }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    // One byte shows that the response has begun; it cannot end, as nobody reads the rest.
    var byte: [UInt8] = []
    try byte.append(addingCapacity: 1) { _ = try client.socket.receive(into: &$0) }
    server.server.stop(within: .milliseconds(50))
    #expect(server.log.lines.contains("warning Connections cut: 1"))
  }

  @Test("A handler may stop its server, and its own response is sent")
  func stopFromHandler() throws {
    let servers = Monitor<[Server]>([])
    let server = try RunningServer { _ in
      servers.withLock { $0.first }?.stop(within: .seconds(60))
      return .text("stopping")
    }
    servers.withLock { $0 = [server.server] }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "stopping")
    server.server.waitUntilStopped()
    #expect(!server.log.lines.contains { $0.hasPrefix("warning") || $0.hasPrefix("error") })
    servers.withLock { $0 = [] }
  }

  @Test(
    "A stop that comes while the server starts is not lost: of a handler, and of who could connect",
    arguments: [true, false])
  func stopWhileStarting(isHandlers: Bool) throws {
    let path = try makeTemporaryPath(suffix: ".sock")
    let servers = Monitor<[Server]>([])
    var configuration = ServerConfiguration()
    configuration.logger = LogRecorder().logger
    // It can be connected to when the first is open, and each that follows takes time.
    let endpoints = [Endpoint.unix(path: path)] + Array(repeating: .tcp(port: 0), count: 20)
    let server = Server(endpoints, configuration: configuration) { _ in
      if isHandlers { servers.withLock { $0.first }?.stop(within: .zero) }
      return .text("ok")
    }
    servers.withLock { $0 = [server] }
    defer { servers.withLock { $0 = [] } }
    for round in 1...30 {
      let client = try Thread.start(name: "client") {
        var client: SocketClient?
        while client == nil {
          client = try? SocketClient(.unix(path: path))
          sched_yield()
        }
        guard isHandlers else { return server.stop(within: .zero) }
        // It may be cut before its response is sent.
        try? client?.send("GET / HTTP/1.1\nHost: a\n\n")
        _ = try? client?.receive()
      }
      try server.start()
      let hasStopped = Monitor(false)
      let waiting = try Thread.start(name: "wait") {
        server.waitUntilStopped()
        hasStopped.withLock { $0 = true }
        hasStopped.wakeAll()
      }
      let inTime: Void? = hasStopped.wait(until: .now() + .seconds(60)) { $0 ? () : nil }
      #expect(inTime != nil, "round \(round)")
      server.stop(within: .zero)
      waiting.join()
      client.join()
      if inTime == nil { return }
    }
  }

  @Test("A server can run again as soon as run has returned")
  func runAgain() throws {
    let log = LogRecorder()
    var configuration = ServerConfiguration()
    configuration.logger = log.logger
    let server = Server(.tcp(port: 0), configuration: configuration) { _ in .text("ok") }
    for round in 1...100 {
      try server.run { _ in
        do {
          try Thread.startDetached(name: "stop") { server.stop() }
        } catch {
          Issue.record("no thread: \(error)")
        }
      }
      #expect(log.lines.filter { $0 == "info Server stopped" }.count == round)
    }
  }

  @Test("A server can be started again after it has stopped")
  func restart() throws {
    let server = try RunningServer { _ in .text("ok") }
    server.server.stop()
    let client = try SocketClient(server.server.start())
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "ok")
  }

  @Test("SIGTERM ends run, and the program goes on to its end")
  func signal() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let server = Server(.tcp(port: 0)) { _ in .text("ok") }
      try server.run { _ in _ = kill(getpid(), SIGTERM) }
      exit(7)
    }
  }

  @Test("A signal that comes as soon as one can connect stops the server in order")
  func earlySignal() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let path = try makeTemporaryPath(suffix: ".sock")
      let server = Server(.unix(path: path)) { _ in .text("ok") }
      try Thread.startDetached(name: "client") {
        while (try? SocketClient(.unix(path: path))) == nil { sched_yield() }
        _ = kill(getpid(), SIGTERM)
      }
      try server.run()
      exit(7)
    }
  }

  @Test("A signal that comes while the server starts is one stop, which does not end its own delay")
  func earlySignalAndDelay() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let path = try makeTemporaryPath(suffix: ".sock")
      var configuration = ServerConfiguration()
      configuration.stopDelay = .seconds(1_000_000)
      for _ in 1...20 {
        let server = Server(.unix(path: path), configuration: configuration) { _ in .text("ok") }
        let client = try Thread.start(name: "client") {
          while (try? SocketClient(.unix(path: path))) == nil { sched_yield() }
          _ = kill(getpid(), SIGTERM)
          while server.addresses.isEmpty || server.isReady { sched_yield() }
          for _ in 1...100 {
            if (try? SocketClient(.unix(path: path))) == nil { exit(1) }
          }
          server.stop()
        }
        try server.run()
        client.join()
      }
      exit(7)
    }
  }

  #if os(Linux)
    @Test("Signals for which there is no thread leave no pipe")
    func noThreadForSignals() async {
      await #expect(processExitsWith: .exitCode(7)) {
        func pipes() -> Int {
          var status = stat()
          return (0..<256).count {
            unsafe fstat($0, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
          }
        }
        let before = pipes()
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, 1 << 46)  // no machine has that
        precondition(unsafe pthread_setattr_default_np(&attributes) == 0)
        let server = Server(.tcp(port: 0)) { _ in .text("never") }
        for _ in 1...3 { precondition(findsNoThread(server)) }
        exit(pipes() == before ? 7 : 1)
      }
    }
  #endif

  @Test("A signal that was ignored when the program started stays ignored")
  func ignoredSignal() async {
    await #expect(processExitsWith: .exitCode(7)) {
      ignoreSignal(SIGINT)
      let server = Server(.tcp(port: 0)) { _ in .text("ok") }
      // The first would stop it, and the second end the process.
      try server.run { _ in for signal in [SIGINT, SIGTERM] { _ = kill(getpid(), signal) } }
      exit(7)
    }
  }

  @Test("A handler that never returns is left behind, and the log says so")
  func neverReturns() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let entered = Monitor(false)
      let server = try RunningServer { _ in
        entered.withLock { $0 = true }
        entered.wakeAll()
        _ = entered.wait { _ in nil as Void? }
        return .text("never")
      }
      let client = try server.connect()
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      entered.wait { $0 ? () : nil }
      server.server.stop(within: .zero)
      precondition(server.log.lines.contains("error Handlers that did not return: 1"))
      exit(7)
    }
  }

  @Test("A second signal ends the process at once, by that signal")
  func secondSignal() async {
    await #expect(processExitsWith: .signal(SIGINT)) {
      let entered = Monitor(false)
      let server = Server(.tcp(port: 0)) { _ in
        entered.withLock { $0 = true }
        entered.wakeAll()
        _ = entered.wait { _ in nil as Void? }
        return .text("never")
      }
      try server.run { address in
        do {
          let client = try SocketClient(address)
          try client.send("GET / HTTP/1.1\nHost: a\n\n")
          _ = entered.wait { $0 ? () : nil }
          _ = kill(getpid(), SIGINT)
          // The first signal stops the server, which the client sees; it then waits for the handler.
          while (try? SocketClient(address)) != nil {}
          _ = kill(getpid(), SIGINT)
          _ = entered.wait { _ in nil as Void? }
          withExtendedLifetime(client) {}
        } catch {
          exit(1)
        }
      }
    }
  }
}

/// signal(3), by a name that no test has.
private func ignoreSignal(_ number: Int32) { _ = signal(number, SIG_IGN) }

#if os(Linux)
  /// Whether a server does not run for want of a thread. Beside the test: Swift 6.3.1 crashes when it optimises this there.
  private func findsNoThread(_ server: Server) -> Bool {
    do throws(TransportError) {
      try server.run()
      return false
    } catch {
      return if case .cannotStartThread = error { true } else { false }
    }
  }
#endif
