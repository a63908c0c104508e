// What a server does with clients that take their time: each test sets one time short and leaves the others far away.

import Freetser
import Logging
import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Timeouts", .serialized)
struct TimeoutTests {
  /// Answers with the body; logs all there is.
  private func echo(
    _ change: @escaping (inout ServerConfiguration.Timeouts) -> Void
  ) throws -> RunningServer {
    try RunningServer(
      .tcp(port: 0),
      { configuration in
        configuration.logger.logLevel = .debug
        configuration.timeouts.setAll(to: .seconds(600))
        change(&configuration.timeouts)
      },
      handler: { request in
        request.path == "/large"
          ? .bytes([UInt8](repeating: 0x62, count: 64 << 20)) : .bytes(request.body)
      })
  }

  @Test("The defaults")
  func defaults() {
    let timeouts = ServerConfiguration.Timeouts()
    #expect(timeouts.head == .seconds(10))
    #expect(timeouts.bodyIdle == .seconds(10))
    #expect(timeouts.body == .seconds(20))
    #expect(timeouts.minimumBodyRate == 500)
    #expect(timeouts.keepAlive == .seconds(15))
    #expect(timeouts.send == .seconds(30))
    #expect(timeouts.linger == .seconds(5))
  }

  @Test(
    "A client that stops in the middle of a head or of a body gets 408, neither sooner nor much later"
  )
  func stops() throws {
    let short: Duration = .milliseconds(60)
    let head = try echo { $0.head = short }
    let idleBody = try echo { $0.bodyIdle = short }
    let wholeBody = try echo { $0.body = short }
    let cases = [
      (head, ""), (head, "G"), (head, "GET / HTTP/1.1\nHost: a\n"),
      (idleBody, "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\n"),
      (idleBody, "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nx"),
      (idleBody, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nx\n"),
      (wholeBody, "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\n"),
      (wholeBody, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n"),
    ]
    for (server, wire) in cases {
      let client = try server.connect()
      // It follows a request that is answered, so that the time cannot have begun before.
      try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nok")
      #expect(try client.receive().text == "ok")
      let begin = ContinuousClock.now
      if wire.isEmpty {
        try client.send("\n")  // RFC 9112 2.2: an empty line may come before a request
      } else {
        try client.send(wire)
      }
      let response = try client.receive()
      #expect(response.status == 408 && response.fields["Connection"] == "close", "\(wire)")
      let time = begin.duration(to: .now)
      #expect(time >= short && time < .seconds(60), "\(wire)")
    }
  }

  @Test("A byte now and then prolongs neither a head nor a body")
  func drips() throws {
    let short: Duration = .milliseconds(100)
    let head = try echo { $0.head = short }
    let body = try echo {
      $0.body = short
      $0.minimumBodyRate = 1_000_000
    }
    for (server, wire, drip) in [
      (head, "GET / HTTP/1.1\nA: ", "a"),
      (body, "POST / HTTP/1.1\nHost: a\nContent-Length: 1000000\n\n", "a"),
      (body, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n", "1\na\n"),
      (body, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n", "A: b\n"),
    ] {
      let client = try server.connect()
      try client.socket.setReceiveTimeout(.milliseconds(5))
      let begin = ContinuousClock.now
      try client.send(wire)
      while true {
        try #require(begin.duration(to: .now) < .seconds(60), "waited for without end: \(wire)")
        do {
          // The connection lingers for ten minutes, so that sending is never an error.
          try client.send(drip)
          #expect(try client.receive().status == 408)
          break
        } catch TransportError.timedOut {
          continue
        }
      }
      #expect(begin.duration(to: .now) >= short)
    }
  }

  @Test("A body earns time by coming")
  func earns() throws {
    let server = try echo {
      $0.body = .milliseconds(1)
      $0.minimumBodyRate = 1
    }
    let client = try server.connect()
    let first = String(repeating: "x", count: 599)
    try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 600\n\n\(first)")
    try client.socket.setReceiveTimeout(.milliseconds(50))
    #expect(throws: TransportError.timedOut) { try client.receive() }
    try client.socket.setReceiveTimeout(.seconds(60))
    try client.send("y")
    #expect(try client.receive().text == first + "y")
  }

  @Test("Each request has its own times, however long the connection lives")
  func fresh() throws {
    let server = try echo {
      $0.head = .seconds(1)
      $0.body = .seconds(1)
      $0.minimumBodyRate = 1_000_000
    }
    let client = try server.connect()
    let begin = ContinuousClock.now
    while begin.duration(to: .now) < .milliseconds(2200) {
      // Far less than a second each. A client that waits for an answer in the middle makes the server wait for it.
      for piece in ["POST / HTTP/1.1\nHost: a\n", "Expect: 100-continue\nContent-Length: 2\n\n"] {
        try client.send(piece)
      }
      #expect(try client.receive(interim: 100).status == 100)
      try client.send("h")
      try client.send("i")
      #expect(try client.receive().text == "hi")
    }
  }

  @Test("A connection on which no request begins is closed silently")
  func idle() throws {
    let short: Duration = .milliseconds(60)
    let path = try makeTemporaryPath(suffix: ".sock")
    for endpoint in [Endpoint.tcp(port: 0), .unix(path: path)] {
      let server = try RunningServer(endpoint, { $0.timeouts.keepAlive = short }) { _ in
        .text("ok")
      }
      let begin = ContinuousClock.now
      #expect(try server.connect().isClosedSilently())
      #expect(begin.duration(to: .now) >= short)

      let client = try server.connect()
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().status == 200)
      #expect(try client.isClosedSilently())
    }
  }

  @Test("A client that reads nothing is cut by a reset")
  func unread() throws {
    let server = try echo { $0.send = .milliseconds(60) }
    let client = try server.connect()
    try client.send("GET /large HTTP/1.1\nHost: a\n\n")
    try #require(client.isReset(), "a close would leave what was not sent in the system's memory")
    #expect(server.log.hasRecorded("debug Connection lost: timed out"))
    #expect(throws: TransportError.peerGone(code: ECONNRESET)) { try client.receiveToEnd() }
  }

  @Test("A 408 reaches a client that goes on sending")
  func reaches() throws {
    let server = try echo { $0.head = .milliseconds(20) }
    let client = try server.connect()
    try client.send("GET / HT")
    try #require(server.log.hasRecorded("debug Refused: 408"))
    for _ in 1...100 { try client.send("x") }
    #expect(try client.receiveToEnd().hasPrefix("HTTP/1.1 408 Request Timeout\n"))
    for _ in 1...100 { try client.send("x") }
    #expect(!server.log.lines.contains("debug Connection closed"))
    client.socket.shutdown(.sending)
    #expect(server.log.hasRecorded("debug Connection closed"))
  }

  @Test("A client that does not end its half is waited for no longer than linger, silent or not")
  func linger() throws {
    let server = try echo { $0.linger = .milliseconds(60) }
    let silent = try server.connect()
    let begin = ContinuousClock.now
    try silent.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
    #expect(try silent.receive().status == 200)
    #expect(server.log.hasRecorded("debug Connection closed"))
    #expect(begin.duration(to: .now) >= .milliseconds(60))

    let busy = try server.connect()
    try busy.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
    let flood = [UInt8](repeating: 0x78, count: 100_000)
    #expect(throws: TransportError.self) {
      while begin.duration(to: .now) < .seconds(60) { try busy.send(bytes: flood) }
    }
    #expect(server.log.hasRecorded("debug Connection closed", times: 2))
  }

  @Test("A handler has all the time it wants")
  func handler() throws {
    let limit: Duration = .milliseconds(20)
    let server = try RunningServer(
      .tcp(port: 0),
      {
        $0.timeouts.setAll(to: limit)
        $0.timeouts.keepAlive = .seconds(600)
      }
    ) { _ in
      let begin = ContinuousClock.now
      while begin.duration(to: .now) < limit * 5 { sched_yield() }
      return .text("done")
    }
    let client = try server.connect()
    // The one sent ahead begins when its turn comes: it does not grow old in the system's memory.
    let request = "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nhi"
    try client.send(request + request)
    #expect(try client.receive().text == "done")
    #expect(try client.receive().text == "done")
  }

  @Test("Progress beside a deadline: each request gets its own answer or 408, and nothing else")
  func races() throws {
    let limit: Duration = .milliseconds(20)
    let server = try echo {
      $0.head = limit
      $0.bodyIdle = limit
      $0.body = limit * 3
    }
    let outcomes = try Clients.run(16, on: server.address) { client, number, generator in
      var outcome = Outcome()
      for request in 0..<4 {
        let fill = String(repeating: "x", count: .random(in: 0...50, using: &generator))
        let body = "\(number).\(request).\(fill)"
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        var rest = Array((head + body).utf8)[...]
        while !rest.isEmpty {
          let piece = rest.prefix(.random(in: 1...120, using: &generator))
          rest = rest.dropFirst(piece.count)
          try client.send(bytes: Array(piece))
          // Around the limit: some pieces come just before it, some just behind.
          usleep(UInt32.random(in: 0...24_000, using: &generator))
        }
        let response = try client.receive()
        switch response.status {
        case 200 where response.text == body: outcome.answered += 1
        case 408 where response.fields["Connection"] == "close":
          outcome.refused += 1
          return outcome
        default: throw Unexpected(response: response)
        }
      }
      return outcome
    }
    #expect(outcomes.answered > 0 && outcomes.refused > 0, "both ends are to be met: \(outcomes)")
  }

  @Test(
    "Requests beside the end of keep-alive: each gets its own answer, or the connection is gone")
  func idleRaces() throws {
    let server = try echo { $0.keepAlive = .milliseconds(10) }
    let outcomes = try Clients.run(16, on: server.address) { client, number, generator in
      var outcome = Outcome()
      for request in 0..<10 {
        usleep(UInt32.random(in: 0...12_000, using: &generator))
        let body = "\(number).\(request)"
        do {
          try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: \(body.utf8.count)\n\n\(body)")
          let response = try client.receive()
          guard response.status == 200, response.text == body else {
            throw Unexpected(response: response)
          }
          outcome.answered += 1
        } catch TransportError.peerGone, TestClient.Failure.closedWithoutResponse {
          outcome.refused += 1
          return outcome
        }
      }
      return outcome
    }
    #expect(outcomes.answered + outcomes.refused >= 64)
  }

  @Test("A stop ends clients of every kind in time")
  func stop() throws {
    for limit in [Duration.zero, .milliseconds(50)] {
      let server = try echo { _ in }
      let clients = try [
        "", "GET / HT", "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nx",
        "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nx\n",
        "GET /large HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\nHost: a\nConnection: close\n\n",
      ].map { wire in
        let client = try server.connect()
        try client.send(wire)
        return client
      }
      // These two are idle and lingering now; the large one has begun, and cannot end.
      #expect(try clients[5].receive().status == 200)
      #expect(try clients[6].receive().status == 200)
      var byte: [UInt8] = []
      try byte.append(addingCapacity: 1) { _ = try clients[4].socket.receive(into: &$0) }
      server.server.stop(within: limit)
      #expect(!server.log.lines.contains { $0.hasPrefix("error") }, "\(server.log.lines)")
      #expect(server.log.lines.last == "info Server stopped")
      for client in clients { #expect(client.isGone()) }
    }
  }

  @Test("A stop does not wait for those that linger")
  func stopLingering() throws {
    let server = try echo { _ in }
    let clients = try (1...3).map { _ in
      let client = try server.connect()
      try client.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
      #expect(try client.receive().status == 200)
      return client
    }
    let begin = ContinuousClock.now
    server.server.stop(within: .seconds(600))
    #expect(begin.duration(to: .now) < .seconds(60))
    #expect(!server.log.lines.contains { $0.contains("Connections cut") })
    withExtendedLifetime(clients) {}
  }
}

private struct Unexpected: Error {
  var response: TestClient.Received
}

private struct Outcome {
  var answered = 0
  var refused = 0
}

private enum Clients {
  /// Runs so many clients at once, each with four connections one after the other, and sums up what they saw.
  static func run(
    _ count: Int, on address: Address,
    _ body: @escaping @Sendable (TestClient, Int, inout SeededGenerator) throws -> Outcome
  ) throws -> Outcome {
    let seed = UInt64.random(in: 0...UInt64.max)
    let results = Monitor<[Result<Outcome, any Error>]>([])
    for client in 0..<count {
      try Thread.startDetached(name: "client") {
        for round in 0..<4 {
          let number = round * count + client
          var generator = SeededGenerator(seed: seed &+ UInt64(number))
          let result = Result { try body(TestClient(address), number, &generator) }
          results.withLock { $0.append(result) }
        }
        results.wakeAll()
      }
    }
    let all = results.wait(until: .now() + .seconds(300)) { $0.count == count * 4 ? $0 : nil }
    var sum = Outcome()
    for result in try #require(all, "a connection hangs, seed \(seed)") {
      do {
        let outcome = try result.get()
        sum.answered += outcome.answered
        sum.refused += outcome.refused
      } catch {
        Issue.record(error, "seed \(seed)")
      }
    }
    return sum
  }
}

extension ServerConfiguration.Timeouts {
  fileprivate mutating func setAll(to time: Duration) {
    (head, bodyIdle, body, keepAlive, send, linger) = (time, time, time, time, time, time)
  }
}
