// What a server does with clients that take their time: each test sets one time short and leaves the others far away.
//
// What depends on how long something takes is in virtual time; over sockets there is only what no busy machine changes.

import Logging
import StreamSimulation
import Testing
import Threads

@testable import Freetser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Timeouts in virtual time")
struct VirtualTimeoutTests {
  /// The only time that is not far away.
  private let short: Duration = .milliseconds(60)

  /// A conversation with a server that gives bodies back.
  private func converse(
    _ change: (inout ServerConfiguration.Timeouts) -> Void, capacity: Int = 65_536,
    _ script: [ScriptedClient.Action]
  ) -> Conversation {
    Conversation(script, changing: { change(&$0.timeouts) }, capacity: capacity) { request, body in
      request.path == "/large"
        ? .bytes([UInt8](repeating: 0x62, count: 100_000)) : .bytes(try body.readAll())
    }
  }

  private enum Limit: CaseIterable { case head, idleBody, wholeBody }

  private func set(_ limit: Limit, of timeouts: inout ServerConfiguration.Timeouts) {
    switch limit {
    case .head: timeouts.head = short
    case .idleBody: timeouts.bodyIdle = short
    case .wholeBody:
      timeouts.body = short
      timeouts.minimumBodyRate = 1_000_000_000
    }
  }

  @Test("A client that stops in the middle of a head or of a body gets 408, on the dot")
  func stops() {
    let cases: [(Limit, String)] = [
      (.head, "\n"),  // RFC 9112 2.2: an empty line may come before a request
      (.head, "G"), (.head, "GET / HTTP/1.1\nHost: a\n"),
      (.idleBody, "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\n"),
      (.idleBody, "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nx"),
      (.idleBody, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nx\n"),
      (.wholeBody, "POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\n"),
      (.wholeBody, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n"),
    ]
    for (limit, wire) in cases {
      let conversation = converse(
        { set(limit, of: &$0) },
        [
          // It follows a request that is answered, so that the time cannot have begun before.
          .send("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nok"), .wait(for: "ok"),
          .pause(.seconds(100)), .send(wire), .wait(for: "Connection: close\n\n408 Error"),
        ])
      let times = conversation.client.times
      #expect(conversation.statuses == [200, 408], "\(wire)")
      #expect(times.count == 5 && times[4] - times[3] == short, "\(wire)")
    }
  }

  @Test("A byte now and then prolongs neither a head nor a body")
  func drips() {
    let post = "POST / HTTP/1.1\nHost: a\n"
    for (limit, wire, drip) in [
      (Limit.head, "GET / HTTP/1.1\nA: ", "a"),
      (.wholeBody, post + "Content-Length: 1000000\n\n", "a"),
      (.wholeBody, post + "Transfer-Encoding: chunked\n\n", "1\na\n"),
      (.wholeBody, post + "Transfer-Encoding: chunked\n\n0\n", "A: b\n"),
    ] {
      let conversation = converse(
        { set(limit, of: &$0) }, [.send(wire), .sendRepeatedly(drip, every: .milliseconds(7))])
      #expect(conversation.statuses == [408], "\(wire)")
      let time = conversation.client.lastArrival ?? .zero
      // What has come of the body earned a little.
      #expect(time >= short && time < short + .milliseconds(1), "\(wire)")
    }
  }

  @Test("A body earns time by coming", arguments: [(598, 200), (600, 408)])
  func earns(_ seconds: Int, _ status: Int) {
    let first = String(repeating: "x", count: 599)
    let conversation = converse(
      {
        $0.body = .milliseconds(1)
        $0.minimumBodyRate = 1
      },
      [
        .send("POST / HTTP/1.1\nHost: a\nContent-Length: 600\n\n\(first)"),
        .pause(.seconds(seconds)), .send("y"), .wait(for: "\n\n"),
      ])
    #expect(conversation.statuses == [status])
  }

  @Test("What a handler does between two pieces of a body is not its client's time")
  func busyHandler() {
    let conversation = Conversation(
      [
        .send("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nh"), .pause(.milliseconds(150)),
        .send("i"), .wait(for: "hi"), .close,
      ],
      changing: { $0.timeouts.body = .milliseconds(100) }
    ) { _, body in
      var all = try body.read() ?? []
      // It works for longer than a body may take.
      _ = try body.raw.stream.wait(for: .end, until: body.raw.stream.now() + .milliseconds(120))
      while let piece = try body.read() { all += piece }
      return .bytes(all)
    }
    #expect(conversation.statuses == [200])
  }

  @Test("Each request has its own times, however long the connection lives")
  func fresh() {
    let round: [ScriptedClient.Action] = [
      .send("POST / HTTP/1.1\nHost: a\n"), .pause(.milliseconds(999)),
      .send("Expect: 100-continue\nContent-Length: 2\n\n"), .wait(for: "100 \n\n"),
      .send("h"), .pause(.milliseconds(999)), .send("i"), .wait(for: "hi"),
      .pause(.milliseconds(999)),
    ]
    let conversation = converse(
      {
        $0.head = .seconds(1)
        $0.body = .seconds(1)
        $0.minimumBodyRate = 1_000_000_000
        $0.keepAlive = .seconds(1)
      }, [round, round, round].flatMap { $0 } + [.close])
    #expect(conversation.statuses == [100, 200, 100, 200, 100, 200])
  }

  @Test("A connection on which no request begins is closed silently")
  func idle() {
    let silent = converse({ $0.keepAlive = short }, [])
    #expect(silent.client.count == 0 && silent.client.end == short && !silent.client.sawReset)
    let second = converse(
      { $0.keepAlive = short },
      [
        .pause(.milliseconds(50)), .send("GET / HTTP/1.1\nHost: a\n\n"), .wait(for: "\n\n"),
      ])
    #expect(second.statuses == [200])
    #expect(second.client.end == short + .milliseconds(50) && !second.client.sawReset)
  }

  @Test("A client that reads nothing is cut by a reset, and one that reads a little is not")
  func unread() {
    let request = ScriptedClient.Action.send("GET /large HTTP/1.1\nHost: a\n\n")
    let none = converse({ $0.send = short }, capacity: 1000, [.stopTaking, request])
    #expect(none.wire.wasResetByServer && none.length == short)
    #expect(none.log.lines.contains("debug Connection lost: timed out"))
    let slow = converse(
      { $0.send = short }, capacity: 1000,
      [.take(1, every: .milliseconds(59)), request, .wait(for: "\n\n"), .endSending])
    #expect(slow.client.text.hasSuffix("bbb") && !slow.wire.wasResetByServer)
    #expect(slow.length > .seconds(5000))
  }

  @Test("A client that does not end its half is waited for no longer than linger, silent or not")
  func linger() {
    let request = ScriptedClient.Action.send("GET /large HTTP/1.1\nHost: a\nConnection: close\n\n")
    let silent = converse({ $0.linger = short }, [request])
    #expect(silent.statuses == [200] && silent.length == short)
    let flood = (0..<100).flatMap { _ -> [ScriptedClient.Action] in
      [.send("xxxx"), .pause(.milliseconds(1))]
    }
    let busy = converse({ $0.linger = short }, [request] + flood)
    #expect(busy.statuses == [200] && busy.length == short)
  }

  @Test("A client that called its request the last is not waited for, unless it sends on")
  func lastRequest() {
    let wire = "GET / HTTP/1.1\nHost: a\nConnection: close\n\n"
    let honest = converse({ $0.linger = short }, [.send(wire)])
    #expect(honest.statuses == [200] && honest.length == .zero && !honest.wire.wasResetByServer)
    let other = converse({ $0.linger = short }, [.send(wire + "x")])
    #expect(other.statuses == [200] && other.length == short && !other.wire.wasResetByServer)
  }

  @Test("Nor is one that takes nothing left to the system, if that is more than a little")
  func lastRequestUntaken() {
    let last = "GET / HTTP/1.1\nHost: a\nConnection: close\n\n"
    // The first response is on its way when the last request comes.
    let ahead = converse(
      { ($0.send, $0.linger) = (short, short) },
      [
        .stopTaking, .send("GET / HTTP/1.1\nHost: a\n\n"), .pause(.milliseconds(1)), .send(last),
      ])
    #expect(ahead.wire.wasResetByServer && ahead.length > short)
    // The response itself does not go out.
    let stuck = converse(
      { ($0.send, $0.linger) = (short, short) }, capacity: 10, [.stopTaking, .send(last)])
    #expect(stuck.wire.wasResetByServer && stuck.length == short)
  }

  @Test("A CONNECT that is refused is waited for whatever it says, as more may come of it")
  func lastConnect() {
    let refused = converse(
      { $0.linger = short }, [.send("CONNECT a:1 HTTP/1.1\nHost: a:1\nConnection: close\n\n")])
    #expect(refused.statuses == [501] && refused.length == short)
  }

  @Test(
    "A last response is waited for as long as some of it is taken, however often that is looked at")
  func slowToTake() {
    let slow = converse(
      { ($0.send, $0.linger) = (short, short) },
      [
        .take(1, every: .milliseconds(59)),
        .send("GET /large HTTP/1.1\nHost: a\nConnection: close\n\n"),
      ])
    #expect(slow.client.text.hasSuffix("bbb") && !slow.wire.wasResetByServer)
    #expect(slow.length > .seconds(5000))
  }
}

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
    // How many of each depends on the machine; that nothing else happens does not.
    #expect(outcomes.answered + outcomes.refused >= 64, "\(outcomes)")
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
        } catch TransportError.peerGone, SocketClient.Failure.closedWithoutResponse {
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
        "GET / HTTP/1.1\nHost: a\nConnection: close\n\nx",
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
      #expect(server.log.lines.contains("info Server stopped"))
      for client in clients { #expect(client.isGone()) }
    }
  }

  @Test("A stop does not wait for those that linger")
  func stopLingering() throws {
    let server = try echo { _ in }
    let clients = try (1...3).map { _ in
      let client = try server.connect()
      try client.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\nx")
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
  var response: SocketClient.Received
}

private struct Outcome {
  var answered = 0
  var refused = 0
}

private enum Clients {
  /// Runs so many clients at once, each with four connections one after the other, and sums up what they saw.
  static func run(
    _ count: Int, on address: Address,
    _ body: @escaping @Sendable (SocketClient, Int, inout SeededGenerator) throws -> Outcome
  ) throws -> Outcome {
    let seed = UInt64.random(in: 0...UInt64.max)
    let results = Monitor<[Result<Outcome, any Error>]>([])
    for client in 0..<count {
      try Thread.startDetached(name: "client") {
        for round in 0..<4 {
          let number = round * count + client
          var generator = SeededGenerator(seed: seed &+ UInt64(number))
          let result = Result { try body(SocketClient(address), number, &generator) }
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
