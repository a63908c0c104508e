// Connections that handlers take over: after 101, and after a 2xx to CONNECT.

import Freetser
import StreamSimulation
import Testing
import Threads

@Suite("Take-over", .serialized)
struct TakeOverTests {
  /// Sends back what comes, in pieces as it comes.
  private func echo() throws -> RunningServer {
    try RunningServer { request in
      let use: @Sendable (inout RawStream) throws -> Void = { stream in
        while true {
          let bytes = try stream.receive(atMost: 1000)
          if bytes.isEmpty { break }
          try stream.send(bytes)
        }
        try stream.send(Array("bye".utf8))
      }
      return request.method == .connect
        ? .connected(use)
        : .switchingProtocols(to: "echo", fields: [.init("X-Extra")!: "1"], use)
    }
  }

  private static let upgrade = "GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: echo\n\n"

  @Test("The handler has the connection after 101, with the bytes that were sent ahead")
  func upgrade() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send(Self.upgrade + "ahead")
    let head = try client.receive(through: "\n\n")
    #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\n"))
    for line in ["Upgrade: echo", "Connection: upgrade", "X-Extra: 1"] {
      #expect(head.contains("\n\(line)\n"))
    }
    #expect(!head.contains("Content-Length") && !head.contains("chunked"))
    #expect(try client.receive(through: "ahead") == "ahead")
    try client.send("GET is not HTTP here")
    #expect(try client.receive(through: "here") == "GET is not HTTP here")
    client.socket.shutdown(.sending)
    #expect(try client.receiveToEnd() == "bye")
  }

  @Test("A tunnel after CONNECT")
  func connect() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send("CONNECT b:443 HTTP/1.1\nHost: b:443\n\nahead")
    let head = try client.receive(through: "\n\n")
    #expect(head.hasPrefix("HTTP/1.1 200 OK\n"))
    #expect(!head.contains("Content-Length") && !head.contains("chunked"))
    client.socket.shutdown(.sending)
    #expect(try client.receiveToEnd() == "aheadbye")
  }

  @Test("A request's body is not the other protocol's")
  func bodyBefore() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send(
      "POST / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: echo\nContent-Length: 4\n\nbodyraw")
    _ = try client.receive(through: "\n\n")
    client.socket.shutdown(.sending)
    #expect(try client.receiveToEnd() == "rawbye")
  }

  @Test("What the client did not ask for is a 500")
  func unasked() throws {
    let server = try echo()
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().status == 500)
    let connected = try RunningServer { _ in .connected { _ in Issue.record("called") } }
    let other = try connected.connect()
    try other.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try other.receive().status == 500)
  }

  @Test("A handler that does not know CONNECT")
  func unknown() throws {
    let server = try RunningServer { request in
      request.target == "b:1" ? .text("no", status: .notFound) : .text("yes")
    }
    let refused = try server.connect()
    try refused.send("CONNECT b:2 HTTP/1.1\nHost: b:2\n\n")
    #expect(try refused.receive(to: "CONNECT").status == 501)
    let other = try server.connect()
    try other.send("CONNECT b:1 HTTP/1.1\nHost: b:1\n\n")
    #expect(try other.receive(to: "CONNECT").status == 404)
  }

  @Test("Behind a refused CONNECT nothing is read as a request: it was meant for the tunnel")
  func refusedTunnel() throws {
    let handled = Monitor<[String]>([])
    let server = try RunningServer { request in
      handled.withLock { $0.append(request.target) }
      // What cannot be sent is a refusal too.
      return .text(
        "no", status: .methodNotAllowed, fields: request.target == "b:2" ? [.allow: "a\r\n"] : [:])
    }
    for fields in ["", "Content-Length: 0\n", "Transfer-Encoding: chunked\n"] {
      let body = fields.hasPrefix("T") ? "0\n\n" : ""
      let client = try server.connect()
      try client.send(
        "CONNECT b:1 HTTP/1.1\nHost: b:1\n\(fields)\n\(body)GET /inside HTTP/1.1\nHost: b\n\n")
      let refused = try client.receive(to: "CONNECT")
      #expect(refused.status == 405)
      #expect(refused.fields["Connection"] == "close")
      #expect(try client.isClosedSilently())
    }
    let client = try server.connect()
    try client.send("CONNECT b:2 HTTP/1.1\nHost: b:2\n\nGET /inside HTTP/1.1\nHost: b\n\n")
    #expect(try client.receive(to: "CONNECT").status == 500)
    #expect(try client.isClosedSilently())
    #expect(handled.withLock { $0 } == ["b:1", "b:1", "b:1", "b:2"])
  }

  @Test("An upgrade that the handler does not care for is an ordinary request")
  func declined() throws {
    let server = try RunningServer { _ in .text("plain") }
    let client = try server.connect()
    for _ in 1...2 {
      try client.send(Self.upgrade)
      #expect(try client.receive().text == "plain")
    }
  }

  @Test("Receiving can be given a limit, and a stop cuts what goes on")
  func limits() throws {
    let found = Monitor<[TransportError]>([])
    let server = try RunningServer { _ in
      .switchingProtocols(to: "echo") { stream in
        do throws(TransportError) {
          _ = try stream.receive(within: .milliseconds(1))
        } catch {
          found.withLock { $0.append(error) }
          found.wakeAll()
        }
        _ = try stream.receive()
        let isStopping = stream.isStopping
        #expect(isStopping)
      }
    }
    let client = try server.connect()
    try client.send(Self.upgrade)
    _ = try client.receive(through: "\n\n")
    #expect(found.wait { $0.isEmpty ? nil : $0 } == [.timedOut])
    server.server.stop(within: .zero)
    #expect(client.isGone())
  }

  @Test("An error in the closure is logged, and the connection ends")
  func closureThrows() throws {
    struct Failed: Error {}
    let server = try RunningServer { _ in
      .switchingProtocols(to: "echo") { stream in
        try stream.send(Array("x".utf8))
        throw Failed()
      }
    }
    let client = try server.connect()
    try client.send(Self.upgrade)
    _ = try client.receive(through: "\n\nx")
    client.socket.shutdown(.sending)
    #expect(client.isGone())
    #expect(server.log.hasRecorded("error Handler error: GET /: Failed()"))
  }

  @Test(
    "A handler that waits in vain loses nothing of what it said; one whose client takes nothing does"
  )
  func timeouts() {
    func converse(
      _ script: [ScriptedClient.Action],
      _ use: @escaping @Sendable (inout RawStream) throws -> Void
    ) -> Conversation {
      Conversation(script, changing: { $0.timeouts.send = .seconds(1) }, capacity: 1000) { _, _ in
        .switchingProtocols(to: "echo", use)
      }
    }
    let patient = converse([.send(Self.upgrade), .wait(for: "bye"), .pause(.seconds(9)), .close]) {
      try $0.send(Array("bye".utf8))
      _ = try $0.receive(within: .seconds(5))
    }
    #expect(patient.client.text.hasSuffix("bye"))
    #expect(patient.wire.wasResetByServer == false && patient.client.end == .seconds(5))

    let large = [UInt8](repeating: 0x62, count: 10_000)
    for isCareless in [true, false] {
      let stuck = converse([.stopTaking, .send(Self.upgrade)]) { stream in
        do throws(TransportError) {
          try stream.send(large)
        } catch {
          if !isCareless { throw error }
        }
      }
      #expect(stuck.wire.wasResetByServer)
    }
  }
}
