// What a server makes of bad input: each gets its status, and the next client is served.

import Freetser
import Testing

@Suite("Bad input", .serialized)
struct BadInputTests {
  struct Example: CustomTestStringConvertible, Sendable {
    var name: String
    var wire: String
    var status: Int
    var testDescription: String { name }

    init(_ name: String, _ wire: String, _ status: Int) {
      (self.name, self.wire, self.status) = (name, wire, status)
    }
  }

  static func server() throws -> RunningServer {
    try RunningServer { request in
      switch request.path {
      case "/throws": throw HandlerError.thrown
      case "/smuggle":
        .text("hidden", fields: [.location: "/\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK"])
      case "/interim": Response(status: .continue)
      case "/chunked": .text("hidden", fields: [.transferEncoding: "chunked"])
      case "/length": .text("hidden", fields: [.contentLength: "7"])
      default: .bytes(request.body)
      }
    }
  }

  enum HandlerError: Error { case thrown }

  static let examples: [Example] = {
    let get = "GET / HTTP/1.1\nHost: a\n"
    let post = "POST / HTTP/1.1\nHost: a\n"
    let long = String(repeating: "a", count: 20_000)
    return [
      Example("no Host", "GET / HTTP/1.1\n\n", 400),
      Example("two Hosts", get + "Host: b\n\n", 400),
      Example(
        "both framings", post + "Content-Length: 1\nTransfer-Encoding: chunked\n\n1\na\n0\n\n", 400),
      Example("two lengths", post + "Content-Length: 1\nContent-Length: 2\n\nab", 400),
      Example("+5", post + "Content-Length: +5\n\nhello", 400),
      Example("5, 6", post + "Content-Length: 5, 6\n\nhello!", 400),
      Example("a space before the colon", get + "A : b\n\n", 400),
      Example("folding", get + "A: b\n c\n\n", 400),
      Example("NUL", get + "A: \0\n\n", 400),
      Example("TLS", "\u{16}\u{03}\u{01}\u{02}", 400),
      Example("a malformed chunk", post + "Transfer-Encoding: chunked\n\nz\na\n0\n\n", 400),
      Example("a head that is too large", get + "A: \(long)\n\n", 431),
      Example("too many fields", get + String(repeating: "A: b\n", count: 101) + "\n", 431),
      Example("a target that is too long", "GET /\(long) HTTP/1.1\nHost: a\n\n", 414),
      Example("a transfer coding we do not speak", post + "Transfer-Encoding: gzip\n\n", 501),
      Example(
        "an expectation we do not know", post + "Expect: wonders\nContent-Length: 1\n\n", 417),
      Example("HTTP/2.0", "GET / HTTP/2.0\nHost: a\n\n", 505),
      Example("HTTP/0.9", "GET / HTTP/0.9\n\n", 505),
      Example("a declared body that is too large", post + "Content-Length: 2097153\n\n", 413),
      Example("a huge declared body", post + "Content-Length: 9223372036854775807\n\n", 413),
      Example("a handler that throws", "GET /throws HTTP/1.1\nHost: a\n\n", 500),
      Example("a response field with CR LF", "GET /smuggle HTTP/1.1\nHost: a\n\n", 500),
      Example("a response that is interim", "GET /interim HTTP/1.1\nHost: a\n\n", 500),
      Example("a response that frames itself", "GET /chunked HTTP/1.1\nHost: a\n\n", 500),
      Example("a response of another length", "GET /length HTTP/1.1\nHost: a\n\n", 500),
    ]
  }()

  private func expectNextClientServed(_ server: RunningServer) throws {
    let client = try server.connect()
    try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 4\n\nnext")
    #expect(try client.receive().text == "next")
  }

  @Test("Each gets its status", arguments: examples)
  func statuses(_ example: Example) throws {
    let server = try Self.server()
    let client = try server.connect()
    try client.send(example.wire)
    let response = try client.receive()
    #expect(response.status == example.status)
    #expect(response.fields["Date"] != nil)
    #expect(response.text.hasPrefix("\(example.status) Error: "))
    #expect(!response.text.contains("hidden") && !response.text.contains("thrown"))
    if example.status != 500 {
      #expect(response.fields["Connection"] == "close")
      client.socket.shutdown(.sending)
      #expect(try client.isClosedSilently())
    }
    try expectNextClientServed(server)
  }

  @Test("A bare LF")
  func bareLineFeed() throws {
    let server = try Self.server()
    let client = try server.connect()
    try client.send(bytes: Array("GET / HTTP/1.1\nHost: a\n\n".utf8))
    #expect(try client.receive().status == 400)
    try expectNextClientServed(server)
  }

  @Test("A head that is too large, in one-byte pieces")
  func largeHeadInPieces() throws {
    let server = try Self.server()
    let client = try server.connect()
    let wire = "GET / HTTP/1.1\r\nHost: a\r\nA: " + String(repeating: "a", count: 16_384)
    for byte in wire.utf8 { try client.send(bytes: [byte]) }
    #expect(try client.receive().status == 431)
    try expectNextClientServed(server)
  }

  @Test(
    "A body that is too large, with a declared length and without, is refused so that the client can read why"
  )
  func largeBodies() throws {
    let server = try Self.server()
    let body = [UInt8](repeating: 0x61, count: 3 << 20)
    for _ in 1...10 {
      let declared = try server.connect()
      try declared.send("POST / HTTP/1.1\nHost: a\nContent-Length: \(body.count)\n\n")
      try declared.send(bytes: body)
      #expect(
        try declared.receive().text == "413 Error: Payload Too Large: Exceeded limit 2097152\n")

      let chunked = try server.connect()
      try chunked.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n300000\n")
      try chunked.send(bytes: body)
      try chunked.send("\n0\n\n")
      #expect(try chunked.receive().status == 413)
    }
    let largest = try server.connect()
    try largest.send("POST / HTTP/1.1\nHost: a\nContent-Length: 2097152\n\n")
    try largest.send(bytes: Array(body.prefix(2_097_152)))
    #expect(try largest.receive().body.count == 2_097_152)
  }

  @Test("A client that leaves in the middle of a head or a body reaches no handler")
  func leaves() throws {
    let server = try RunningServer { _ in .text("reached", fields: [:]) }
    for wire in ["GET / HTTP/1.1\nHo", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nhell"] {
      let polite = try server.connect()
      try polite.send(wire)
      polite.socket.shutdown(.sending)
      #expect(throws: (any Error).self) { try polite.receive() }
      let rude = try server.connect()
      try rude.send(wire)
      rude.socket.resetOnClose()
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "reached")
  }

  @Test("What a handler threw is in the log and nowhere else")
  func handlerErrorIsLogged() throws {
    let server = try Self.server()
    let client = try server.connect()
    try client.send("GET /throws HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "500 Error: Internal Server Error\n")
    #expect(server.log.lines.contains("error Handler error: GET /throws: thrown"))
    // A handler's mistake is no reason to end the connection.
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().status == 200)
  }

  @Test("A response with CR LF in a field: nothing of it reaches the client")
  func nothingSmuggled() throws {
    let server = try Self.server()
    let client = try server.connect()
    try client.send("GET /smuggle HTTP/1.1\nHost: a\nConnection: close\n\n")
    let wire = try client.receiveToEnd()
    #expect(wire.hasPrefix("HTTP/1.1 500 Internal Server Error\n"))
    #expect(!wire.contains("Set-Cookie") && !wire.contains("200 OK") && !wire.contains("hidden"))
  }
}
