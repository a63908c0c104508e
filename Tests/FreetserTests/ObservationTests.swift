// What observers are told of each way in which an exchange can end.

import Freetser
import StreamSimulation
import Testing
import Threads

@Suite("Observation")
struct ObservationTests {
  /// A conversation, and what was seen of it.
  private struct Observed {
    let conversation: Conversation
    let recorder: ExchangeRecorder

    init(
      _ script: [ScriptedClient.Action], faults: Faults = Faults(),
      changing change: (inout ServerConfiguration) -> Void = { _ in },
      handler: @escaping @Sendable (Request, inout RequestBody) throws -> Response
    ) {
      let recorder = ExchangeRecorder()
      self.recorder = recorder
      conversation = Conversation(
        script,
        changing: {
          $0.observers = [recorder]
          change(&$0)
        }, faults: faults, handler: handler)
    }
  }

  private struct Failure: Error {}

  /// Answers by the path, in each way that there is.
  @Sendable private static func answer(
    _ request: Request, _ body: inout RequestBody
  ) throws -> Response {
    switch request.path {
    case "/whole", "whole:1": return .text("whole")
    case "/large": return .bytes([UInt8](repeating: 0x61, count: 100_000))
    case "/bad": return .text("never", fields: [.server: "a\r\nb"])
    case "/none": return Response(status: .noContent, body: [1, 2])
    case "/same": return Response(status: .notModified, body: [1, 2])
    case "/throws": throw Failure()
    case "/refuses": throw HTTPError.notFound
    case "/reads": return .bytes(try body.readAll())
    case "/stream":
      return .stream("a/b") { body in
        try body.write("one")
        try body.flush()
        try body.write("two")
      }
    case "/long": return .stream("a/b", length: 3) { try $0.write("four") }
    case "/breaks":
      return .stream("a/b") { body in
        try body.write("some")
        try body.flush()
        throw Failure()
      }
    case "/waits":
      return .stream("a/b") { body in
        try body.write("first")
        while try body.wait(for: .seconds(1)) == .timeOver { try body.write("next") }
        throw StreamError.clientGone(.peerGone(code: 0))
      }
    case "/other":
      return .switchingProtocols(to: "x") { stream in
        _ = try stream.receive(within: .seconds(60))
        try stream.send([1, 2, 3])
      }
    default: throw HTTPError.notFound
    }
  }

  private struct Row: CustomTestStringConvertible, Sendable {
    var line: String
    var fields = ""
    var body = ""
    /// What is told of it; `*` stands for the size of the body that the client got.
    var seen: String
    var testDescription: String { "\(line) \(fields)" }
  }

  /// One request each, whose client stays until the server closes.
  private static let rows: [Row] = [
    Row(line: "GET /whole", seen: "GET /whole 200 5 whole"),
    Row(line: "HEAD /whole", seen: "HEAD /whole 200 0 whole"),
    Row(line: "GET /large", seen: "GET /large 200 100000 whole"),
    Row(line: "GET /none", seen: "GET /none 204 0 whole"),
    Row(line: "GET /same", seen: "GET /same 304 0 whole"),
    Row(line: "GET /stream", seen: "GET /stream 200 6 whole"),
    Row(line: "HEAD /stream", seen: "HEAD /stream 200 0 whole"),
    // What is sent, and not what the handler meant to send.
    Row(line: "GET /bad", seen: "GET /bad 500 * whole"),
    Row(line: "HEAD /bad", seen: "HEAD /bad 500 0 whole"),
    Row(line: "GET /throws", seen: "GET /throws 500 * whole"),
    Row(line: "GET /refuses", seen: "GET /refuses 404 * whole"),
    Row(line: "GET /long", seen: "GET /long 500 * whole"),
    Row(line: "GET /breaks", seen: "GET /breaks 200 4 cut"),
    Row(line: "GET /other", seen: "GET /other 500 * whole"),
    Row(
      line: "GET /other", fields: "Connection: upgrade\nUpgrade: x\n", body: "ahead",
      seen: "GET /other 101 0 whole"),
    // Refused once the head is there.
    Row(line: "GET /whole", fields: "Expect: x\n", seen: "GET /whole 417 * whole"),
    Row(
      line: "POST /reads", fields: "Content-Length: 9999999\n", seen: "POST /reads 413 * whole"),
    Row(
      line: "POST /reads", fields: "Transfer-Encoding: chunked\n", body: "x\n",
      seen: "POST /reads 400 * whole"),
    Row(line: "CONNECT b:1", seen: "CONNECT b:1 404 * whole"),
    Row(line: "CONNECT whole:1", seen: "CONNECT whole:1 501 * whole"),
    // Refused before.
    Row(line: "GET whole", seen: "? 400 * whole"),
    Row(line: "GET /whole", fields: "a b: c\n", seen: "? 400 * whole"),
  ]

  @Test("Status, size and end are those of what is sent", arguments: rows)
  private func ending(_ row: Row) throws {
    let request = "\(row.line) HTTP/1.1\nHost: b\nAccept: text/plain\n\(row.fields)\n\(row.body)"
    let observed = Observed([.send(request), .endSending], handler: Self.answer)
    #expect(observed.recorder.opened == 1 && observed.recorder.closed == 1)
    let text = observed.conversation.client.text
    let head = try #require(text.firstRange(of: "\n\n"))
    let size = text[head.upperBound...].utf8.count
    #expect(observed.recorder.summaries == [row.seen.replacing("*", with: "\(size)")])
    let exchange = try #require(observed.recorder.exchanges.first)
    #expect(observed.conversation.statuses == [exchange.status?.code])
    #expect(exchange.timeToResponse == .zero && exchange.duration == .zero)
  }

  @Test("A client that stays after a refusal does not make its exchange longer")
  func lingering() {
    let observed = Observed([.send("GET / HTTP/1.1\n\n")], handler: Self.answer)
    #expect(observed.recorder.exchanges.map(\.duration) == [.zero])
    #expect(observed.conversation.length > .seconds(1))
  }

  @Test("Requests that were sent ahead are told of one by one, in order, each with its own size")
  func sentAhead() {
    let paths = ["/whole", "/stream", "/none", "/large", "/whole"]
    let requests = paths.map { "GET \($0) HTTP/1.1\nHost: b\n\n" }.joined()
    let observed = Observed([.send(requests), .endSending], handler: Self.answer)
    #expect(
      observed.recorder.summaries == [
        "GET /whole 200 5 whole", "GET /stream 200 6 whole", "GET /none 204 0 whole",
        "GET /large 200 100000 whole", "GET /whole 200 5 whole",
      ])
    #expect(Set(observed.recorder.exchanges.map { $0.request!.id }).count == paths.count)
  }

  @Test("A client that leaves before it has said all is told of once its head was there")
  func leaving() {
    let whole = "GET /stream HTTP/1.1\nHost: b\n\n"
    for rest in ["", "GET / HTTP/1.1\nHo"] {
      let observed = Observed([.send(whole + rest), .endSending], handler: Self.answer)
      #expect(observed.recorder.summaries == ["GET /stream 200 6 whole"])
    }
    let body = "POST /reads HTTP/1.1\nHost: b\nContent-Length: 4\n\nab"
    let observed = Observed([.send(whole + body), .endSending], handler: Self.answer)
    #expect(
      observed.recorder.summaries == ["GET /stream 200 6 whole", "POST /reads - 0 cut"])
    #expect(observed.recorder.exchanges.last?.timeToResponse == nil)
  }

  @Test("Clients that say nothing, or too little, in time")
  func slow() {
    let silent = Observed([], handler: Self.answer)
    #expect(silent.recorder.exchanges.isEmpty)
    #expect(silent.recorder.opened == 1 && silent.recorder.closed == 1)
    let head = Observed(
      [.send("GET / HTTP/1.1\n")], changing: { $0.timeouts.head = .seconds(5) },
      handler: Self.answer)
    #expect(head.recorder.exchanges.map(\.status) == [.requestTimeout])
    let body = Observed(
      [.send("POST /reads HTTP/1.1\nHost: b\nContent-Length: 4\n\n")],
      changing: { $0.timeouts.bodyIdle = .seconds(5) }, handler: Self.answer)
    #expect(body.recorder.exchanges.map(\.status) == [.requestTimeout])
    #expect(body.recorder.exchanges.map(\.duration) == [.seconds(5)])
  }

  @Test("A client that takes nothing any more has its response cut")
  func takingNothing() {
    let observed = Observed(
      [.stopTaking, .send("GET /large HTTP/1.1\nHost: b\n\n")],
      changing: { $0.timeouts.send = .seconds(30) }, handler: Self.answer)
    #expect(observed.recorder.summaries == ["GET /large 200 100000 cut"])
    #expect(observed.recorder.exchanges.map(\.timeToResponse) == [.zero])
    #expect(observed.recorder.exchanges.map(\.duration) == [.seconds(30)])
  }

  @Test("A response that is written for long begins at once, and ends when its client leaves")
  func stream() {
    let observed = Observed(
      [.send("GET /waits HTTP/1.1\nHost: b\n\n"), .pause(.milliseconds(2500)), .close],
      handler: Self.answer)
    #expect(observed.recorder.summaries == ["GET /waits 200 13 cut"])
    #expect(observed.recorder.exchanges.map(\.timeToResponse) == [.zero])
    #expect(observed.recorder.exchanges.map(\.duration) == [.milliseconds(2500)])
  }

  @Test("What took the connection over ends with it, or is cut")
  func takeOver() {
    let request = "GET /other HTTP/1.1\nHost: b\nConnection: upgrade\nUpgrade: x\n\n"
    let ended = Observed(
      [.send(request), .pause(.seconds(3)), .send("x"), .endSending], handler: Self.answer)
    #expect(ended.recorder.summaries == ["GET /other 101 0 whole"])
    #expect(ended.recorder.exchanges.map(\.duration) == [.seconds(3)])
    let reset = Observed([.send(request), .pause(.seconds(3)), .reset], handler: Self.answer)
    #expect(reset.recorder.summaries == ["GET /other 101 0 cut"])
  }
}

@Suite("Observation of a running server", .serialized)
struct RunningObservationTests {
  @Test("A handler that is overdue is seen as its client sees it: answered for, or cut")
  func overdue() throws {
    let recorder = ExchangeRecorder()
    let gate = Monitor(false)
    @Sendable func waitAtGate() {
      _ = gate.wait(until: .now() + .seconds(60)) { $0 ? true : nil }
    }
    let server = try RunningServer({
      $0.timeouts.handler = .milliseconds(50)
      $0.observers = [recorder]
    }) { request, _ in
      guard request.path == "/stream" else {
        waitAtGate()
        return .text("late")
      }
      return .stream("text/plain") { body in
        try body.write("first")
        try body.flush()
        waitAtGate()
        try body.write("last")
      }
    }
    for line in ["GET /", "HEAD /", "GET /stream"] {
      let client = try server.connect()
      try client.send("\(line) HTTP/1.1\nHost: a\n\n")
      _ = try client.receiveToEnd()
    }
    gate.withLock { $0 = true }
    gate.wakeAll()
    #expect(recorder.hasSeen(exchanges: 3))
    #expect(
      recorder.summaries.sorted() == [
        "GET / 503 50 whole", "GET /stream 200 9 cut", "HEAD / 503 0 whole",
      ])
  }

  @Test("The body of a request is not told, whatever came of it")
  func bodies() throws {
    let recorder = ExchangeRecorder()
    let server = try RunningServer(.tcp(port: 0), { $0.observers = [recorder] }) { request in
      guard request.path == "/breaks" else { return .text(request.text ?? "") }
      return .stream("a/b") { body in
        try body.write(request.body)
        try body.flush()
        throw CancellationError()
      }
    }
    for path in ["/echo", "/breaks"] {
      let client = try server.connect()
      try client.send(
        "POST \(path) HTTP/1.1\nHost: a\nConnection: close\nContent-Length: 4\n\nabcd")
      _ = try client.receiveToEnd()
    }
    #expect(recorder.hasSeen(exchanges: 2))
    #expect(recorder.summaries.sorted() == ["POST /breaks 200 4 cut", "POST /echo 200 4 whole"])
    #expect(recorder.exchanges.map(\.request?.body) == [[], []])
  }

  @Test(
    "A client has its response, or is refused, before others hear of it",
    arguments: [("GET / HTTP/1.1\nHost: a\n\n", 200), ("GET / HTTP/1.2x\n\n", 400)])
  func order(_ request: String, _ status: Int) throws {
    final class Blocking: ServerObserver {
      let isReleased = Monitor(false)
      func exchangeEnded(_ exchange: Exchange) {
        _ = isReleased.wait(until: .now() + .seconds(60)) { $0 ? true : nil }
      }
    }
    let (blocking, recorder) = (Blocking(), ExchangeRecorder())
    let server = try RunningServer(.tcp(port: 0), { $0.observers = [blocking, recorder] }) {
      .text($0.id)
    }
    let client = try server.connect()
    try client.send(request)
    let response = try client.receive()
    #expect(response.status == status && recorder.exchanges.isEmpty)
    blocking.isReleased.withLock { $0 = true }
    blocking.isReleased.wakeAll()
    #expect(recorder.hasSeen(exchanges: 1))
    #expect(status != 200 || recorder.exchanges[0].request?.id == response.text)
    #expect(recorder.exchanges[0].client.host == "127.0.0.1")
  }
}
