// The server behind nginx, HAProxy and Caddy, each as docs/deploy.md shows it.

import Foundation
import Freetser
import HTTPTypes
import Testing
import Threads

@Suite("Behind a proxy", .serialized, .needs(.curl))
struct ProxyTests {
  @Test(
    "Requests share a connection to the server, which is kept alive", arguments: Proxy.installed)
  func keepAlive(proxy: Proxy) throws {
    try withProxy(proxy) { request, _ in
      .text("\(request.path)\n")
    } test: { proxy, server in
      let pages = try proxy.curl("http://localhost/[1-200]").text
      #expect(pages == (1...200).map { "/\($0)\n" }.joined())
      for client in 1...20 {
        #expect(try proxy.curl("http://localhost/\(client)").text == "/\(client)\n")
      }
      #expect(server.requests.count == 220)
      // Now and then a connection is not free again when the next client asks.
      #expect(server.connections < 10)
    }
  }

  @Test(
    "A body as large as the limit comes back byte for byte, and one byte more is refused",
    arguments: Proxy.installed)
  func bodies(proxy: Proxy) throws {
    try withProxy(proxy) { _, body in
      .bytes(try body.readAll())
    } test: { proxy, _ in
      let url = "http://localhost/echo"
      let most = mebibyte + mebibyte
      for framing in ["Content-Length: \(most.count)", "Transfer-Encoding: chunked"] {
        for expect in ["Expect:", "Expect: 100-continue"] {
          let echo = try proxy.curl(
            "-H", framing, "-H", expect, "--data-binary", "@-", url, input: most)
          #expect(echo.bytes == most)
        }
      }
      for framing in ["Content-Length: \(most.count + 1)", "Transfer-Encoding: chunked"] {
        let refused = try proxy.curl(
          "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", "-H", framing,
          "--data-binary", "@-", url, input: most + [0])
        #expect(refused.text == "413")
      }
    }
  }

  @Test("A head of 12 KB passes, and one of 24 KB is refused", arguments: Proxy.installed)
  func heads(proxy: Proxy) throws {
    try withProxy(proxy) { request, _ in
      .text("\(request.fields["X-Part"]?.utf8.count ?? 0)")
    } test: { proxy, _ in
      let part = ["-H", "X-Part: \(String(repeating: "x", count: 5_999))"]
      let passed = try proxy.curl(part + part + ["http://localhost/"])
      #expect(passed.text == "\(2 * 5_999 + 2)")
      let refused = try proxy.curl(
        part + part + part + part
          + ["-o", "/dev/null", "-w", "%{http_code}", "http://localhost/"])
      #expect(["400", "431"].contains(refused.text))
    }
  }

  @Test("A large response comes byte for byte, declared or not", arguments: Proxy.installed)
  func download(proxy: Proxy) throws {
    let count = 16
    let expected = Data((1...count).flatMap { _ in mebibyte })
    try withProxy(proxy) { request, _ in
      .stream(
        "application/octet-stream",
        length: request.path == "/declared" ? expected.count : nil
      ) { body in
        for _ in 1...count { try body.write(mebibyte) }
      }
    } test: { proxy, _ in
      for path in ["/declared", "/chunked"] {
        let isWhole = Data(try proxy.curl("http://localhost\(path)").bytes) == expected
        #expect(isWhole)
      }
    }
  }

  @Test("What a handler flushes reaches the client while it goes on", arguments: Proxy.installed)
  func pieces(proxy: Proxy) throws {
    let gates = [Gate(), Gate(), Gate()]
    try withProxy(proxy) { _, _ in
      .stream("text/plain", fields: unbuffered) { body in
        for (number, gate) in gates.enumerated() {
          try body.write("piece \(number).")
          try body.flush()
          #expect(gate.wait())
        }
      }
    } test: { proxy, _ in
      var client = try proxy.connect()
      try client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
      for (number, gate) in gates.enumerated() {
        _ = try client.receive(through: "piece \(number).")
        gate.open()
      }
      _ = try client.receive(through: "\n0\n\n")
    }
  }

  @Test("After 101 bytes go both ways, and each end sees the other's", arguments: Proxy.installed)
  func upgrade(proxy: Proxy) throws {
    let hasEnded = Gate()
    try withProxy(proxy) { _, _ in
      .switchingProtocols(to: "websocket", fields: [.init("Sec-WebSocket-Accept")!: "x"]) {
        stream in
        try stream.send(Array("hello ".utf8))
        while true {
          let bytes = try stream.receive()
          if bytes.isEmpty { break }
          try stream.send(Array("<".utf8) + bytes + Array(">".utf8))
        }
        hasEnded.open()
      }
    } test: { proxy, _ in
      do {
        var client = try proxy.connect()
        try client.send(
          "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        let head = try client.receive(through: "\n\n")
        #expect(head.hasPrefix("HTTP/1.1 101 "))
        #expect(head.contains(/(?i)\nUpgrade: websocket\n/))
        _ = try client.receive(through: "hello ")
        for message in ["one", "GET / HTTP/1.1", "\0\u{81}"] {
          try client.send(message)
          #expect(try client.receive(through: "<\(message)>") == "<\(message)>")
        }
      }
      // The client is gone.
      #expect(hasEnded.wait())
    }
  }

  @Test("A handler that waits learns that the client has left", arguments: Proxy.installed)
  func leftWhileWaiting(proxy: Proxy) throws {
    let (hasBegun, hasLeft) = (Gate(), Gate())
    try withProxy(proxy) { _, body in
      hasBegun.open()
      let end = MonotonicTime.now() + .seconds(50)
      let pause = Gate()
      while !body.clientHasLeft, .now() < end { _ = pause.wait(within: .milliseconds(10)) }
      if body.clientHasLeft { hasLeft.open() }
      return .text("late")
    } test: { proxy, _ in
      do {
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        #expect(hasBegun.wait())
      }
      #expect(hasLeft.wait())
    }
  }

  @Test("A handler that streams learns that the client has left", arguments: Proxy.installed)
  func leftWhileStreaming(proxy: Proxy) throws {
    let hasLeft = Gate()
    try withProxy(proxy) { _, _ in
      .stream("text/event-stream", fields: unbuffered) { body in
        try body.write("data: first\n\n")
        if try body.wait(for: .seconds(50)) == .clientLeft { hasLeft.open() }
      }
    } test: { proxy, _ in
      do {
        var client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        _ = try client.receive(through: "data: first")
      }
      #expect(hasLeft.wait())
    }
  }

  @Test(
    "A client that leaves in the middle of its body is not served as if it had sent it",
    arguments: Proxy.installed, ["Content-Length: 100000", "Transfer-Encoding: chunked"])
  func leftWhileSending(proxy: Proxy, framing: String) throws {
    let wasRead = Gate()
    try withProxy(proxy) { request, body in
      if request.path == "/upload" {
        _ = try body.readAll()
        wasRead.open()
      }
      return .text("read")
    } test: { proxy, server in
      do {
        let client = try proxy.connect()
        let content = String(repeating: "x", count: 65_536)
        try client.send(
          "POST /upload HTTP/1.1\r\nHost: test\r\n\(framing)\r\n\r\n"
            + (framing.hasPrefix("T") ? "10000\r\n\(content)\r\n" : content))
      }
      for _ in 1...3 { #expect(try proxy.curl("http://localhost/").text == "read") }
      server.stop()
      #expect(!wasRead.wait(within: .zero))
    }
  }

  @Test(
    "A kept connection that closes when a request comes: GET is sent again, POST never",
    arguments: Proxy.installed)
  func retries(proxy: Proxy) throws {
    for method in ["GET", "POST"] {
      let directory = try TemporaryDirectory()
      let server = try ClosingServer(at: directory.file("server"))
      defer { server.stop() }
      let running = try RunningProxy(
        proxy, at: ProxyFront(place: .unix(path: directory.file("front"))),
        before: directory.file("server"))
      defer { running.process.kill() }
      #expect(try running.curl("http://localhost/first").text == "ok")
      let second = try running.curl(
        "-X", method, "-o", "/dev/null", "-w", "%{http_code}", "http://localhost/second")
      if method == "GET" {
        #expect(second.text == "200")
        #expect(server.requests == ["GET /first", "GET /second", "GET /second"])
      } else {
        #expect(second.text == "502")
        #expect(server.requests == ["GET /first", "POST /second"])
      }
    }
  }

  @Test(
    "Behind a proxy too, a server is replaced under load and no GET is lost",
    arguments: Proxy.installed)
  func replaced(proxy: Proxy) throws {
    let directory = try TemporaryDirectory()
    let listener = try HeldListener(.unix(path: directory.file("server")))
    func start() throws -> RunningExample {
      try RunningExample.start(
        .testServer, ["--inherited"], in: TemporaryDirectory(), passing: [listener.number])
    }
    var server = try start()
    defer { server.process.kill() }
    let running = try RunningProxy(
      proxy, at: ProxyFront(place: .unix(path: directory.file("front"))),
      before: directory.file("server"))
    defer { running.process.kill() }
    let load = try Load(on: running.front.endpoint, [.connectionForEachRequest, .keptConnection])
    for _ in 1...3 {
      load.wait(forAnswers: 100)
      let next = try start()
      load.wait(forAnswers: 100)
      let previous = server
      server = next
      try previous.stop()
    }
    load.wait(forAnswers: 100)
    let result = load.finish()
    #expect(result.failures.isEmpty)
    #expect(result.answered >= 700)
    try running.stop()
    try server.stop()
  }
}

/// Has nginx hand on at once what comes, though it gathers what others stream.
private let unbuffered: ResponseFields = [.init("X-Accel-Buffering")!: "no"]
