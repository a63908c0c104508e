// How many connections a server takes, how many requests on each, and what the others are told.

import Freetser
import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Connection limits", .serialized)
struct ConnectionLimitsTests {
  /// Answers with the path.
  private func server(_ change: (inout ServerConfiguration) -> Void) throws -> RunningServer {
    try RunningServer(.tcp(port: 0), change) { .text($0.path) }
  }

  private func exchange(_ path: String, with client: SocketClient) throws {
    try client.send("GET \(path) HTTP/1.1\nHost: a\n\n")
    let response = try client.receive()
    try #require(response.text == path)
  }

  @Test("Over the limit, with all busy: 503, when to come back, and a close")
  func refused() throws {
    let work = Monitor((begun: 0, mayFinish: false))
    let server = try RunningServer(.tcp(port: 0), { $0.maximumConnections = 2 }) { request in
      work.withLock { $0.begun += 1 }
      work.wakeAll()
      _ = work.wait(until: .now() + .seconds(60)) { $0.mayFinish ? true : nil }
      return .text(request.path)
    }
    let busy = try (0..<2).map { _ in
      let client = try server.connect()
      try client.send("GET /wait HTTP/1.1\nHost: a\n\n")
      return client
    }
    try #require(work.wait(until: .now() + .seconds(60)) { $0.begun == 2 ? true : nil } != nil)
    for sendsFirst in [true, false] {
      let client = try server.connect()
      if sendsFirst { try client.send("GET / HTTP/1.1\nHost: a\n\n") }
      let response = try client.receive()
      #expect(response.status == 503)
      #expect(response.fields["Retry-After"] == "5")
      #expect(response.fields["Connection"] == "close")
      #expect(response.fields["Content-Type"] == "text/plain; charset=utf-8")
      #expect(response.text == "503 Error: Service Unavailable\n")
      #expect(try client.isClosedSilently())
    }
    #expect(server.log.hasRecorded("warning refused a connection from 127.0.0.1:"))
    #expect(server.log.lines.count { $0.contains("refused a connection") } == 1)
    work.withLock { $0.mayFinish = true }
    work.wakeAll()
    for client in busy { #expect(try client.receive().text == "/wait") }
  }

  @Test("Over the limit, the connection that has waited longest for a request leaves")
  func longestIdle() throws {
    let server = try server { $0.maximumConnections = 1 }
    var last = try server.connect()
    try exchange("/0", with: last)
    for number in 1...5 {
      let next = try served(by: server)
      #expect(try last.isClosedSilently())
      try exchange("/\(number)", with: next)
      last = next
    }
  }

  /// A client that got a place: the one before is idle only some time after its response was received.
  private func served(by server: RunningServer) throws -> SocketClient {
    let deadline = MonotonicTime.now() + .seconds(60)
    while true {
      let client = try server.connect()
      try client.send("GET /first HTTP/1.1\nHost: a\n\n")
      let response = try client.receive()
      if response.text == "/first" { return client }
      try #require(response.status == 503 && .now() < deadline)
    }
  }

  @Test("A limit per address holds for the connection's own address, and not for trusted proxies")
  func perAddress() throws {
    let limited = try server { $0.maximumConnectionsPerAddress = 1 }
    let first = try limited.connect()
    try exchange("/", with: first)
    #expect(try limited.connect().receive().status == 503)
    try exchange("/", with: first)

    let trusting = try server {
      $0.maximumConnectionsPerAddress = 1
      $0.proxies = Proxies(trusted: ["127.0.0.1"])
    }
    let proxies = try (0..<3).map { _ in try trusting.connect() }
    for proxy in proxies { try exchange("/", with: proxy) }
  }

  @Test(
    "After the last request that a connection may make, the response says so", arguments: [1, 3])
  func requests(limit: Int) throws {
    let server = try server { $0.maximumRequestsPerConnection = limit }
    let client = try server.connect()
    // All are sent ahead; what is beyond the limit is not answered.
    let wire = (1...limit + 1).map { "GET /\($0) HTTP/1.1\nHost: a\n\n" }.joined()
    try client.send(wire)
    for number in 1...limit {
      let response = try client.receive()
      #expect(response.text == "/\(number)")
      #expect(response.fields["Connection"] == (number == limit ? "close" : nil))
    }
    #expect(try client.isClosedSilently())
    try exchange("/again", with: server.connect())
  }

  @Test("A response that cannot be sent counts among the requests of its connection")
  func unsendable() throws {
    let server = try RunningServer(.tcp(port: 0), { $0.maximumRequestsPerConnection = 1 }) { _ in
      .text("", fields: [.contentType: "a\r\nb"])
    }
    let client = try server.connect()
    try client.send(String(repeating: "GET / HTTP/1.1\nHost: a\n\n", count: 3))
    let response = try client.receive()
    #expect(response.status == 500 && response.fields["Connection"] == "close")
    #expect(try client.isClosedSilently())
  }

  @Test("A response that waits in the middle keeps its place")
  func waiting() throws {
    let news = Monitor(false)
    let server = try RunningServer(
      { $0.maximumConnections = 1 },
      streaming: { _, _ in
        .stream("text/event-stream") { body in
          try body.write("first")
          while !news.withLock({ $0 }) {
            guard try body.wait(for: .milliseconds(1)) == .timeOver else { return }
          }
          try body.write("last")
        }
      })
    let listener = try server.connect()
    try listener.send("GET / HTTP/1.1\nHost: a\n\n")
    _ = try listener.receive(through: "first")
    for _ in 1...3 { #expect(try server.connect().receive().status == 503) }
    news.withLock { $0 = true }
    _ = try listener.receive(through: "last\n0\n\n")
  }

  @Test("Who begins a request and stops gives way like who is idle, a little later")
  func begun() throws {
    let server = try server {
      $0.maximumConnections = 1
      $0.newConnectionGrace = .milliseconds(10)
    }
    var slow = try server.connect()
    for _ in 1...2 {
      try slow.send("G")
      let client = try served(by: server)
      #expect(try slow.isClosedSilently())
      // The next one that begins and stops has been answered before.
      slow = client
    }
  }

  @Test("The limits in force are told by the server and in one line of its log")
  func ceilings() throws {
    let server = try server { _ in }
    let system = SystemLimits.current
    let ceilings = server.server.ceilings
    #expect(ceilings.connections == system.connections && !ceilings.isConfigured)
    #expect(ceilings.connectionsPerAddress == nil && ceilings.system == system)
    #expect(!ceilings.exceedSystem)
    #expect(server.log.lines.contains("info Ceilings: \(ceilings)"))
    let narrowest = system.narrowest.source
    #expect(
      ceilings.description.hasPrefix(
        "connections=\(system.connections) (\(narrowest)) per-address=none "
          + "descriptors=\(system.descriptors.count) (RLIMIT_NOFILE) threads="))
    server.server.stop()
    #expect(server.server.ceilings == ceilings, "those that would hold")
  }

  @Test("A limit that is configured holds as it is, and is warned of where the system has less")
  func configured() throws {
    let modest = try server {
      $0.maximumConnections = 7
      $0.maximumConnectionsPerAddress = 3
    }
    #expect(modest.server.ceilings.isConfigured && modest.server.ceilings.connections == 7)
    #expect(
      modest.server.ceilings.description.hasPrefix("connections=7 (configured) per-address=3 "))
    #expect(!modest.log.lines.contains { $0.hasPrefix("warning") })

    let immodest = try server { $0.maximumConnections = .max }
    #expect(immodest.server.ceilings.connections == .max)
    #expect(
      immodest.log.lines.contains {
        $0.hasPrefix("warning More connections configured than the system allows: ")
      })
    try exchange("/", with: immodest.connect())
  }

  @Test("Limits below one end the program with a sentence")
  func senseless() async {
    await #expect(processExitsWith: .failure) {
      var configuration = ServerConfiguration()
      configuration.maximumConnections = 0
      _ = Server(.tcp(port: 0), configuration: configuration) { _ in .text("never") }
    }
    await #expect(processExitsWith: .failure) {
      var configuration = ServerConfiguration()
      configuration.maximumConnectionsPerAddress = 0
      _ = Server(.tcp(port: 0), configuration: configuration) { _ in .text("never") }
    }
    await #expect(processExitsWith: .failure) {
      var configuration = ServerConfiguration()
      configuration.maximumRequestsPerConnection = 0
      _ = Server(.tcp(port: 0), configuration: configuration) { _ in .text("never") }
    }
  }
}
