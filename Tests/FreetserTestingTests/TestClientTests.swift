// What a test of a handler sees of it, without a port.

import Foundation
import Freetser
import Logging
import Testing
import Threads

@testable import FreetserTesting

func makeServer(store: Store) -> Server {
  Server(.tcp(port: 8000), store: store) { request, store in
    switch (request.method, request.path) {
    case (.get, "/user"):
      return .text(try store.execute(getOrCreate))
    default:
      return .text("Not found!", status: .notFound)
    }
  }
}

@Sendable private func getOrCreate(_ storage: borrowing Storage) throws -> String {
  let key = "my_user_email"
  if let entry = try storage.get("users", key) {
    return "Found: \(key), counter=\(entry.counter)\n"
  }
  try storage.add("users", key, "my.user@freetser.com")
  return "Created: \(key)\n"
}

@Test func createsTheUserOnce() throws {
  let app = try TestClient(makeServer(store: .inMemory(tables: ["users"])))  // no port, no sleep
  #expect(try app.get("/user").text == "Created: my_user_email\n")
  #expect(try app.get("/user").text == "Found: my_user_email, counter=0\n")
}

@Test("The documentation's examples are those that run here")
func documentation() throws {
  let here = URL(filePath: #filePath)
  let repository = here.deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  let article = try String(
    contentsOf: repository.appending(
      path: "Sources/FreetserTesting/FreetserTesting.docc/FreetserTesting.md"), encoding: .utf8)
  let source = try String(contentsOf: here, encoding: .utf8)
  let blocks = article.matches(of: /```swift\n([\s\S]*?)```/).map { $0.1 }
  #expect(blocks.count == 3)
  for block in blocks {
    for line in block.split(separator: "\n") { #expect(source.contains(line), "\(line)") }
  }
}

@Suite("A test client", .serialized)
struct TestClientTests {
  private func server(
    _ handler: @escaping @Sendable (Request) throws -> Response
  ) -> Server {
    Server(.tcp(port: 0), configuration: .quiet, handler: handler)
  }

  private let echo = Server(.tcp(port: 0), configuration: .quiet) { request in
    let type = request.fields[.contentType] ?? "nothing"
    return .text("\(request.method) \(request.target) \(type): \(request.text ?? "?")")
  }

  @Test("Each method, with its target, fields and body")
  func requests() throws {
    let app = try TestClient(echo)
    #expect(try app.get("/a?b=c").text == "GET /a?b=c nothing: ")
    #expect(try app.delete("/a").text == "DELETE /a nothing: ")
    #expect(
      try app.post("/a", .text("b")).text == "POST /a text/plain; charset=utf-8: b")
    #expect(try app.put("/a", .json(["b": 1])).text == #"PUT /a application/json: {"b":1}"#)
    #expect(
      try app.post("/", .form(["a b": "c&d=ä", "e": "~"])).text
        == "POST / application/x-www-form-urlencoded: a%20b=c%26d%3D%C3%A4&e=~")
    #expect(
      try app.post("/", fields: [.contentType: "a/b"], .bytes([0x78])).text == "POST / a/b: x")
    #expect(
      try app.send(.patch, "/", .bytes([])).text.hasPrefix("PATCH / application/octet-stream"))
    let head = try app.send(.head, "/")
    #expect(head.fields[.contentLength] == "16" && head.body.isEmpty)
  }

  @Test("What is received has a status, fields and JSON")
  func responses() throws {
    let app = try TestClient(
      server { request in
        try .json(["host": request.host ?? ""], status: .created, fields: [.eTag: "\"1\""])
      })
    let host = try #require(HTTPField.Name("Host"))
    let response = try app.get("/", fields: [host: "example.org"])
    #expect(response.status == .created)
    #expect(response.fields[.eTag] == "\"1\"" && response.fields[.date] != nil)
    #expect(try response.json() == ["host": "example.org"])
    #expect(try app.get("/").json([String: String].self) == ["host": "localhost"])
  }

  @Test("A server that is not started is ready for test clients")
  func ready() throws {
    let app = try TestClient(server { .text("\($0.isServerReady)") })
    #expect(try app.get("/").text == "true")
  }

  @Test("One connection carries what may follow, and a new one what may not")
  func connections() throws {
    let app = try TestClient(
      server { .text("ok", fields: $0.path == "/close" ? [.connection: "close"] : [:]) })
    let first = app.connection
    for _ in 1...3 { _ = try app.get("/") }
    _ = try app.get("/close")
    #expect(app.connection === first && !first.isOpen)
    #expect(try app.get("/").text == "ok")
    #expect(app.connection !== first)
  }

  @Test("Bodies larger than any buffer, written and read piece by piece")
  func streams() throws {
    let server = Server(
      [.tcp(port: 0)], configuration: .quiet,
      streaming: { request, _ in
        .stream("a/b") { body in
          while let piece = try body.request.read() { try body.write(piece) }
          try body.end(trailers: [.init("Sum")!: "\(body.request.count)"])
        }
      })
    let app = try TestClient(server)
    let bytes = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    for _ in 1...2 {
      let response = try app.post("/", .bytes(bytes))
      let isSame = response.body == bytes
      #expect(isSame && response.fields[.transferEncoding] == "chunked")
      #expect(response.trailers["Sum"] == "1500000")
    }
  }

  @Test("A server refuses, and does not wait for the body")
  func refusals() throws {
    let app = try TestClient(echo)
    #expect(try app.post("/", .bytes([UInt8](repeating: 0, count: 3_000_000))).status.code == 413)
    #expect(try app.get("/", fields: [.expect: "wonders"]).status == .expectationFailed)
    #expect(try app.get("/").status == .ok)
    let failing = try TestClient(server { _ in throw Failure() })
    #expect(try failing.get("/").status == .internalServerError)
  }

  @Test("A response that is cut is an error, with what came of it")
  func cuts() throws {
    let app = try TestClient(
      server { _ in
        .stream("a/b") { body in
          try body.write("half")
          try body.flush()
          throw Failure()
        }
      })
    let error = #expect(throws: TestClientError.self) { try app.get("/") }
    guard case .cut(let response) = error else {
      Issue.record("a cut response gave \(error as Any)")
      return
    }
    #expect(response.text == "half" && response.status == .ok)
  }

  @Test("A request that must not be sent is an error, and the connection goes on")
  func unsendable() throws {
    let app = try TestClient(echo)
    let first = app.connection
    for (target, fields) in [
      ("no slash", HTTPFields()), ("/", [.contentLength: "3"]), ("/", [.contentLength: "x"]),
    ] {
      let error = #expect(throws: TestClientError.self) {
        try app.post(target, fields: fields, .bytes([1]))
      }
      guard case .unsendable = error else {
        Issue.record("\(target) \(fields) gave \(error as Any)")
        continue
      }
    }
    #expect(try app.get("/").status == .ok)
    #expect(app.connection === first)
  }

  @Test("A handler that does not answer ends in an error, and others answer on")
  func hangs() throws {
    let gate = Monitor(false)
    let app = try TestClient(
      server { request in
        if request.path == "/hangs" { _ = gate.wait { $0 ? () : nil } }
        return .text("ok")
      }, within: .milliseconds(20))
    #expect(throws: TestClientError.timedOut(after: .milliseconds(20))) { try app.get("/hangs") }
    gate.withLock { $0 = true }
    gate.wakeAll()
    let patient = try TestClient(server { _ in .text("ok") })
    #expect(try patient.get("/").text == "ok")
  }

  @Test("A response without end is an error")
  func large() throws {
    let endless = server { _ in
      .stream("a/b") { body in
        while true { try body.write([UInt8](repeating: 0, count: 10_000)) }
      }
    }
    let app = try TestClient(endless, maximumBodySize: 100_000)
    #expect(throws: TestClientError.tooLarge(limitInBytes: 100_000)) { try app.get("/") }
  }

  @Test("A connection that is taken over: what the handler says")
  func takeOver() throws {
    let app = try TestClient(
      server { request in
        let use: @Sendable (inout RawStream) throws -> Void = { stream in
          try stream.send(Array("hello".utf8))
          while try !stream.receive().isEmpty {}
          try stream.send(Array(" and goodbye".utf8))
        }
        return request.method == .connect ? .connected(use) : .switchingProtocols(to: "talk", use)
      })
    let switched = try app.get("/", fields: [.connection: "upgrade", .upgrade: "talk"])
    #expect(switched.status.code == 101 && switched.text == "hello and goodbye")
    #expect(try app.send(.connect, "a:80").text == "hello and goodbye")
    #expect(try app.get("/").status == .internalServerError, "nothing was asked for")
  }

  @Test("When a client is gone, its handler is too")
  func end() throws {
    let running = Monitor(0)
    let server = server { _ in
      running.withLock { $0 += 1 }
      return .stream("a/b") { body in
        defer { running.withLock { $0 -= 1 } }
        while true { try body.write([UInt8](repeating: 0, count: 10_000)) }
      }
    }
    for _ in 1...10 {
      _ = try? TestClient(server, maximumBodySize: 1000).get("/")
      #expect(running.withLock { $0 } == 0)
    }
  }

  @Test("Many clients of one server, each on a thread")
  func concurrency() throws {
    let server = echo
    let texts = Monitor<Set<String>>([])
    let threads = 8
    for number in 0..<threads {
      try Thread.startDetached(name: "client") {
        let response = Result { try TestClient(server).post("/\(number)", .text("\(number)")).text }
        texts.withLock { _ = $0.insert("\(response)") }
        texts.wakeAll()
      }
    }
    let all = texts.wait(until: .now() + .seconds(60)) { $0.count == threads ? $0 : nil }
    let expected = (0..<threads).map { number in
      Result<String, any Error>.success("POST /\(number) text/plain; charset=utf-8: \(number)")
    }
    #expect(all == Set(expected.map { "\($0)" }))
  }
}

@Suite("Server.respond(to:)")
struct RespondTests {
  private let peer = Address.ipv4(octets: [192, 0, 2, 1], port: 99)

  @Test("A request goes through the whole server, and its response is bytes")
  func bytes() throws {
    let server = Server(.tcp(port: 0), configuration: .quiet) { request in
      .stream("text/plain") { try $0.write("\(request.method) \(request.path) \(request.peer)") }
    }
    let request = Request(head: try RequestHead(method: "GET", target: "/a"), peer: peer)
    let response = try server.respond(to: request)
    #expect(response.status == .ok && response.fields[.contentType] == "text/plain")
    #expect(response.bytes == Array("GET /a 192.0.2.1:99".utf8))
  }

  @Test("A request of the peer's choice")
  func one() throws {
    let server = try makeServer(store: .inMemory(tables: ["users"]))
    let head = try RequestHead(method: "GET", target: "/user")
    let response = try server.respond(to: Request(head: head, peer: .unix(path: nil)))
    #expect(response.bytes == Array("Created: my_user_email\n".utf8))
  }

  @Test("A handler that reads its body itself gets it")
  func body() throws {
    let server = Server(
      [.tcp(port: 0)], configuration: .quiet,
      streaming: { _, body in
        .text("\(body.declaredLength ?? -1) \(try body.readAll().count)")
      })
    let plain = try RequestHead(method: "POST", target: "/", fields: [("Host", "a")])
    let chunked = try RequestHead(
      method: "POST", target: "/", fields: [("Transfer-Encoding", "chunked")])
    for (head, expected) in [(plain, "3 3"), (chunked, "-1 3")] {
      let response = try server.respond(to: Request(head: head, body: [1, 2, 3], peer: peer))
      #expect(response.bytes == Array(expected.utf8))
    }
  }

  @Test("The client is found out as the server's configuration says")
  func client() throws {
    var configuration = ServerConfiguration.quiet
    configuration.proxies = Proxies(trusted: ["192.0.2.1"], field: .xForwardedFor)
    let server = Server(
      .tcp(port: 0, proxyProtocol: true), configuration: configuration
    ) { .text("\($0.client)") }
    let head = try RequestHead(
      method: "GET", target: "/", fields: [("X-Forwarded-For", "198.51.100.7")])
    let response = try server.respond(to: Request(head: head, peer: peer))
    #expect(response.bytes == Array("198.51.100.7:0".utf8))
  }
}

private struct Failure: Error {}

extension ServerConfiguration {
  /// Says nothing of what is meant to fail here.
  fileprivate static var quiet: ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return configuration
  }
}
