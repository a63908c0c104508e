// Responses that are sent while they are made.

import Freetser
import Testing
import Threads

@Suite("Response bodies", .serialized)
struct ResponseBodyTests {
  private static let large = [UInt8](repeating: 0x62, count: 100_000)

  private func streaming() throws -> RunningServer {
    try RunningServer { request in
      switch request.path {
      case "/pieces":
        .stream("text/plain") { body in
          try body.write("one ")
          try body.write([])
          try body.write(Self.large)
          try body.write(" two")
        }
      case "/sized":
        .stream("text/plain", length: 8) { body in
          try body.write("one ")
          try body.flush()
          try body.write("more")
        }
      case "/empty": .stream("text/plain") { _ in }
      case "/trailers":
        .stream("text/plain") { body in
          try body.write("counted")
          try body.end(trailers: [.init("Count")!: "7"])
        }
      case "/204": .stream("text/plain", status: .noContent) { _ in Issue.record("called") }
      default: .text("plain")
      }
    }
  }

  @Test(
    "A text arrives whole, however it is kept and sent; 204 has none",
    arguments: [0, 1, 15, 16, 16_383, 16_384, 16_385, 100_000])
  func text(size: Int) throws {
    let text = String(repeating: "ü", count: size / 2) + String(repeating: "1", count: size % 2)
    let response = Response.text(text)
    #expect(response.bytes == Array(text.utf8))
    let server = try RunningServer { request in
      request.path == "/204" ? .text(text, status: .noContent) : response
    }
    let client = try server.connect()
    for _ in 1...2 {
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      let received = try client.receive()
      #expect(received.body == Array(text.utf8))
      #expect(received.fields["Content-Length"] == "\(size)")
      try client.send("GET /204 HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().body.isEmpty)
    }
  }

  @Test("Pieces arrive as one body, in chunks, and the connection goes on")
  func chunked() throws {
    let server = try streaming()
    let client = try server.connect()
    for _ in 1...3 {
      try client.send("GET /pieces HTTP/1.1\nHost: a\n\n")
      let response = try client.receive()
      #expect(response.fields["Transfer-Encoding"] == "chunked")
      #expect(response.fields["Content-Length"] == nil)
      #expect(response.fields["Content-Type"] == "text/plain")
      let isWhole = response.body == Array("one ".utf8) + Self.large + Array(" two".utf8)
      #expect(isWhole)
      try client.send("GET /empty HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().body.isEmpty)
    }
  }

  @Test("Streams and other responses to requests that were sent ahead come in order")
  func pipelined() throws {
    let server = try streaming()
    let client = try server.connect()
    let paths = ["/", "/pieces", "/", "/sized", "/trailers", "/", "/empty"]
    try client.send(paths.map { "GET \($0) HTTP/1.1\nHost: a\n\n" }.joined())
    for path in paths {
      let response = try client.receive()
      switch path {
      case "/": #expect(response.text == "plain")
      case "/pieces": #expect(response.body.count == 100_008)
      case "/sized": #expect(response.text == "one more")
      case "/trailers": #expect(response.text == "counted" && response.trailers["Count"] == "7")
      default: #expect(response.text == "")
      }
    }
  }

  @Test("A declared length is sent, and the body is not in chunks")
  func sized() throws {
    let server = try streaming()
    let client = try server.connect()
    try client.send("GET /sized HTTP/1.1\nHost: a\n\n")
    let response = try client.receive()
    #expect(response.fields["Content-Length"] == "8")
    #expect(response.fields["Transfer-Encoding"] == nil)
    #expect(response.text == "one more")
  }

  @Test("A client of HTTP/1.0 gets the body until the connection closes, and no trailers")
  func untilClose() throws {
    let server = try streaming()
    for (path, text) in [("/pieces", nil), ("/trailers", "counted")] {
      let client = try server.connect()
      try client.send("GET \(path) HTTP/1.0\nConnection: keep-alive\n\n")
      let head = try client.receive(through: "\n\n")
      #expect(head.contains("Connection: close\n") && !head.contains("chunked"))
      let body = try client.receiveToEnd()
      #expect(text == nil ? body.utf8.count == 100_008 : body == text)
    }
  }

  @Test("No body is made for HEAD, and none for 204")
  func noBody() throws {
    let server = try RunningServer { request in
      .stream("text/plain", length: request.path == "/sized" ? 8 : nil) { _ in
        Issue.record("called")
      }
    }
    let client = try server.connect()
    try client.send("HEAD /sized HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive(to: "HEAD").fields["Content-Length"] == "8")
    try client.send("HEAD / HTTP/1.1\nHost: a\n\n")
    let unsized = try client.receive(to: "HEAD")
    #expect(unsized.status == 200 && unsized.fields["Content-Length"] == nil)

    let streaming = try streaming()
    let other = try streaming.connect()
    try other.send("GET /204 HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\nHost: a\n\n")
    #expect(try other.receive().status == 204)
    #expect(try other.receive().text == "plain")
  }

  @Test("What is flushed arrives while the handler goes on")
  func flushed() throws {
    let mayEnd = Monitor(false)
    let server = try RunningServer { _ in
      .stream("text/plain") { body in
        try body.write("now")
        try body.flush()
        _ = mayEnd.wait { $0 ? true : nil }
        try body.write("then")
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    _ = try client.receive(through: "\n\n3\nnow")
    mayEnd.withLock { $0 = true }
    mayEnd.wakeAll()
    #expect(try client.receive(through: "0\n\n") == "\n4\nthen\n0\n\n")
  }

  @Test("A request's body can be read while the response is written")
  func echoed() throws {
    let server = try RunningServer { (_, _) in
      .stream("text/plain") { body in
        while let piece = try body.request.read() { try body.write(piece) }
      }
    }
    let client = try server.connect()
    for _ in 1...2 {
      try client.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n2\nhi\n")
      // The read sends what was written before it waits.
      _ = try client.receive(through: "\n\n2\nhi")
      try client.send("3\nyou\n0\n\n")
      #expect(try client.receive(through: "0\n\n") == "\n3\nyou\n0\n\n")
    }
  }

  enum HandlerError: Error { case thrown }

  @Test("A closure that throws before anything was sent becomes a 500", arguments: [nil, 100])
  func throwsEarly(_ length: Int?) throws {
    let server = try RunningServer { _ in
      .stream("text/plain", length: length) { body in
        try body.write("hidden")
        throw HandlerError.thrown
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    let response = try client.receive()
    #expect(response.status == 500 && !response.text.contains("hidden"))
    #expect(server.log.hasRecorded("error Handler error: GET /: thrown"))
  }

  @Test("A head that cannot be sent becomes a 500")
  func headRefused() throws {
    let server = try RunningServer { request in
      .stream("text/plain", fields: [request.path == "/length" ? .contentLength : .allow: "\r"]) {
        try $0.write("hidden")
      }
    }
    for path in ["/length", "/other"] {
      let client = try server.connect()
      try client.send("GET \(path) HTTP/1.1\nHost: a\n\n")
      let response = try client.receive()
      #expect(response.status == 500 && !response.text.contains("hidden"))
      let line = "error Handler error: GET \(path): the response cannot be sent: "
      #expect(server.log.hasRecorded(line))
    }
  }

  @Test("A body that is shorter or longer than declared is never taken for a whole one")
  func wrongLength() throws {
    let server = try RunningServer { request in
      .stream("text/plain", length: 10) { body in
        try body.write("12345")
        if request.path == "/flushed" { try body.flush() }
        if request.query == "long" { try body.write("6789012345") }
      }
    }
    for query in ["short", "long"] {
      let client = try server.connect()
      try client.send("GET /?\(query) HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().status == 500)
      let other = try server.connect()
      try other.send("GET /flushed?\(query) HTTP/1.1\nHost: a\n\n")
      #expect(throws: (any Error).self) { try other.receive() }
    }
  }

  @Test("A closure that throws later cuts the body, so that the client sees it")
  func throwsLate() throws {
    let server = try RunningServer { _ in
      .stream("text/plain") { body in
        try body.write("begun")
        try body.flush()
        throw HandlerError.thrown
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(throws: (any Error).self) { try client.receive() }

    // Its end would be the connection's: only a reset tells.
    let old = try server.connect()
    try old.send("GET / HTTP/1.0\n\n")
    #expect(old.isReset())
  }

  @Test("Nothing is written after the end, and an error is thrown again")
  func ended() throws {
    let errors = Monitor<[StreamError]>([])
    let server = try RunningServer { _ in
      .stream("text/plain") { body in
        try body.write("all")
        try body.end()
        for _ in 1...2 {
          do throws(StreamError) { try body.write("more") } catch {
            errors.withLock { $0.append(error) }
          }
        }
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "all")
    #expect(client.isGone())
    let found = errors.withLock { $0 }
    #expect(found.count == 2 && found.first == found.last)
    guard case .unsendable = found.first else {
      Issue.record("\(found)")
      return
    }
  }

  @Test("A handler learns that the client has left, by waiting and by writing")
  func clientLeaves() throws {
    let learned = Monitor<[String]>([])
    let server = try RunningServer { request in
      .stream("text/plain") { body in
        do {
          if request.path == "/waits" {
            let end = try body.wait(for: .seconds(60))
            learned.withLock { $0.append("\(end)") }
          } else {
            while true { try body.write(Self.large) }
          }
        } catch {
          learned.withLock { $0.append("threw") }
        }
        learned.wakeAll()
      }
    }
    for (path, word) in [("/waits", "clientLeft"), ("/writes", "threw")] {
      do {
        let client = try server.connect()
        try client.send("GET \(path) HTTP/1.1\nHost: a\n\n")
        _ = try client.receive(through: "\n\n")
      }
      let found = learned.wait(until: .now() + .seconds(60)) { $0.contains(word) ? true : nil }
      #expect(found == true)
    }
  }

  @Test("A stop ends a wait")
  func stopEndsWait() throws {
    let waits = Monitor<[ResponseBody.WaitEnd]>([])
    let server = try RunningServer { _ in
      .stream("text/plain") { body in
        let early = try body.wait(for: .milliseconds(1))
        waits.withLock { $0.append(early) }
        try body.write("waiting")
        let end = try body.wait(for: .seconds(60))
        waits.withLock { $0.append(end) }
        try body.write(" no more")
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    _ = try client.receive(through: "7\nwaiting")
    server.server.stop(within: .seconds(60))
    #expect(waits.withLock { $0 } == [.timeOver, .serverStopping])
    #expect(try client.receive(through: "0\n\n") == "\n8\n no more\n0\n\n")
  }

  @Test("A reader that takes nothing ends the handler's write")
  func slowReader() throws {
    let failure = Monitor<StreamError?>(nil)
    let server = try RunningServer(.tcp(port: 0), { $0.timeouts.send = .milliseconds(50) }) { _ in
      .stream("text/plain") { body in
        do throws(StreamError) {
          while true { try body.write(Self.large) }
        } catch {
          failure.withLock { $0 = error }
          failure.wakeAll()
          throw error
        }
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    let found = failure.wait(until: .now() + .seconds(60)) { $0 }
    #expect(found == .clientGone(.timedOut))
    #expect(client.isReset())
  }
}
