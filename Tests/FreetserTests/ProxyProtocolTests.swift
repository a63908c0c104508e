// The PROXY protocol before HTTP: who must speak it, and what happens to those who do not.

import Freetser
import Testing
import Threads

@Suite("PROXY protocol", .serialized)
struct ProxyProtocolTests {
  private func serve(
    _ endpoints: [Endpoint] = [.tcp(port: 0, proxyProtocol: true)],
    _ proxies: Proxies = Proxies(trusted: ["127.0.0.1"], field: .xForwardedFor),
    _ change: (inout ServerConfiguration) -> Void = { _ in }
  ) throws -> RunningServer {
    try RunningServer(
      endpoints,
      {
        $0.proxies = proxies
        change(&$0)
      }, handler: tellOrigin)
  }

  private let get = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
  private let line = Array("PROXY TCP4 192.0.2.1 198.51.100.7 4711 443\r\n".utf8)
  /// The same in version 2, with a TLV vector behind the addresses.
  private let block: [UInt8] =
    [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 16]
    + [192, 0, 2, 1, 198, 51, 100, 7, 0x12, 0x67, 1, 187] + [0x04, 0, 1, 0]

  @Test("Each request of a connection has the client that the header names")
  func relayed() throws {
    let server = try serve()
    for header in [line, block] {
      let client = try server.connect()
      try client.send(bytes: header + get + get)
      for _ in 1...2 {
        #expect(try client.receive().text == "192.0.2.1:4711 http by 127.0.0.1")
      }
      try client.send(bytes: get)
      #expect(try client.receive().text == "192.0.2.1:4711 http by 127.0.0.1")
    }
  }

  @Test("Header and request byte by byte, and cut at each place", arguments: [false, true])
  func split(isBlock: Bool) throws {
    let server = try serve()
    let wire = (isBlock ? block : line) + get
    let bytewise = try server.connect()
    for byte in wire { try bytewise.send(bytes: [byte]) }
    #expect(try bytewise.receive().text == "192.0.2.1:4711 http by 127.0.0.1")
    for cut in 1..<wire.count {
      let client = try server.connect()
      try client.send(bytes: Array(wire[..<cut]))
      try client.send(bytes: Array(wire[cut...]))
      #expect(try client.receive().text == "192.0.2.1:4711 http by 127.0.0.1")
    }
  }

  @Test("LOCAL and UNKNOWN keep the peer, and fields are not believed there")
  func keepsPeer() throws {
    let server = try serve()
    let local: [UInt8] = Array(block[..<12]) + [0x20, 0x00, 0, 0]
    for header in [local, Array("PROXY UNKNOWN\r\n".utf8)] {
      let client = try server.connect()
      try client.send(bytes: header)
      try client.send("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.9\n\n")
      #expect(try client.receive().text == "\(try client.socket.local) http by 127.0.0.1")
    }
  }

  @Test("A field tells further if the header names somebody who is trusted, and not otherwise")
  func field() throws {
    let server = try serve(
      [.tcp(port: 0, proxyProtocol: true)],
      Proxies(trusted: ["127.0.0.1", "10.0.0.0/8"], field: .xForwardedFor))
    for (source, expected) in [("10.0.0.1", "192.0.2.9:0"), ("192.0.2.1", "192.0.2.1:4711")] {
      let client = try server.connect()
      try client.send("PROXY TCP4 \(source) 198.51.100.7 4711 443\n")
      try client.send("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.9\n\n")
      #expect(try client.receive().text == "\(expected) http by 127.0.0.1")
    }
  }

  @Test(
    "A trusted peer without a valid header is closed without an answer, and the log says so",
    arguments: [
      "GET / HTTP/1.1\nHost: a\n\n", "PROXY TCP4 192.0.2.1\n", "PROXY TCP9 \n", "\n\n\0\n",
      "PROXY UNKNOWN" + String(repeating: " x", count: 100),
    ])
  func refused(wire: String) throws {
    let server = try serve()
    let client = try server.connect()
    try client.send(wire + (wire.hasSuffix("\0\n") ? "QUIX" : ""))
    #expect(try isCut(client))
    server.server.stop(within: .seconds(60))
    #expect(server.log.lines.contains { $0.hasPrefix("warning Connection of 127.0.0.1:") })
  }

  @Test("A header that is too large, and one that does not come in time")
  func limits() throws {
    let server = try serve { configuration in
      configuration.proxies.maximumHeaderSize = 31
      configuration.proxies.headerTimeout = .milliseconds(100)
    }
    let large = try server.connect()
    try large.send(bytes: block)
    #expect(try isCut(large))
    for wire in [[], Array(line[..<10])] {
      let slow = try server.connect()
      try slow.send(bytes: wire)
      #expect(try isCut(slow))
    }
    let patient = try serve { $0.proxies.maximumHeaderSize = 31 }
    let usual = try patient.connect()
    try usual.send(bytes: line + get)
    #expect(try usual.receive().status == 200)
  }

  @Test("Who is not trusted is served without a header, and one it sends is no request")
  func untrusted() throws {
    let server = try serve(
      [.tcp(port: 0, proxyProtocol: true)], Proxies(trusted: ["192.0.2.0/24", .unixSockets]))
    let plain = try server.connect()
    try plain.send(bytes: get)
    #expect(try plain.receive().text == "\(try plain.socket.local) http by 127.0.0.1")
    let liar = try server.connect()
    try liar.send(bytes: line + get)
    #expect(try liar.receive().status == 400)
  }

  @Test("Only endpoints that ask for it read a header; others beside them do not")
  func perEndpoint() throws {
    let path = try makeTemporaryPath(suffix: ".sock")
    let server = try serve(
      [.tcp(port: 0), .unix(path: path, proxyProtocol: true)],
      Proxies(trusted: ["127.0.0.1", .unixSockets]))
    let addresses = server.server.addresses
    let plain = try SocketClient(addresses[0])
    try plain.send(bytes: get)
    #expect(try plain.receive().text == "\(try plain.socket.local) http by 127.0.0.1")
    let refused = try SocketClient(addresses[0])
    try refused.send(bytes: line + get)
    #expect(try refused.receive().status == 400)
    let proxied = try SocketClient(addresses[1])
    try proxied.send(bytes: line + get)
    #expect(try proxied.receive().text == "192.0.2.1:4711 http by unix:")
  }

  @Test("A connection that waits for its header ends at once when the server stops")
  func stop() throws {
    let server = try serve { $0.proxies.headerTimeout = .seconds(60) }
    let waiting = try server.connect()
    let served = try server.connect()
    try served.send(bytes: line + get)
    #expect(try served.receive().status == 200)  // so that the other was accepted too
    server.server.stop(within: .seconds(60))
    #expect(try isCut(waiting))
    #expect(!server.log.lines.contains { $0.hasPrefix("warning") || $0.hasPrefix("error") })
  }

  @Test("A stop lets a request finish that came with its header")
  func drains() throws {
    let server = try serve()
    let idle = try server.connect()
    try idle.send(bytes: line + get)
    #expect(try idle.receive().status == 200)
    let busy = try server.connect()
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
    try busy.send(bytes: line + Array(head.utf8))
    #expect(try busy.receive(interim: 100).status == 100)
    let stopping = server.server
    let thread = try Thread.start(name: "stop") { stopping.stop(within: .seconds(60)) }
    #expect(try idle.isClosedSilently())  // the stop has ended the input of all that are idle
    try busy.send("x")
    #expect(try busy.receive().fields["Connection"] == "close")
    thread.join()
    #expect(!server.log.lines.contains { $0.hasPrefix("warning") })
  }

  @Test("Settings that make no sense end the program with a sentence")
  func settings() async {
    await #expect(processExitsWith: .failure) {
      _ = Server(.tcp(port: 0, proxyProtocol: true)) { _ in .text("never") }
    }
    await #expect(processExitsWith: .failure) {
      var configuration = ServerConfiguration()
      configuration.proxies.headerTimeout = .zero
      _ = Server(.tcp(port: 0), configuration: configuration) { _ in .text("never") }
    }
    await #expect(processExitsWith: .failure) {
      var configuration = ServerConfiguration()
      configuration.proxies.maximumHeaderSize = 65_552
      _ = Server(.tcp(port: 0), configuration: configuration) { _ in .text("never") }
    }
  }

  @Test("The defaults: 5 s, 4,096 bytes, nobody, and off")
  func defaults() {
    let proxies = ServerConfiguration().proxies
    #expect(proxies.headerTimeout == .seconds(5) && proxies.maximumHeaderSize == 4096)
    #expect(proxies.trusted.isEmpty && proxies.field == nil)
    #expect(!Endpoint.tcp(port: 0).proxyProtocol && !Endpoint.unix(path: "/a").proxyProtocol)
  }

  /// Whether the server closes the connection and says nothing; a reset says that there were bytes it did not read.
  private func isCut(_ client: SocketClient) throws -> Bool {
    do {
      return try client.isClosedSilently()
    } catch TransportError.peerGone {
      return true
    }
  }
}
