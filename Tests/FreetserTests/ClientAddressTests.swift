// What handlers are told of peers and clients, over real sockets.

import Freetser
import Testing

/// Answers with all that a handler is told of where a request comes from.
@Sendable func tellOrigin(_ request: Request) -> Response {
  let peer = request.peer.host ?? "\(request.peer)"
  return .text("\(request.client) \(request.scheme) by \(peer)")
}

@Suite("Client addresses", .serialized)
struct ClientAddressTests {
  static let hasIPv6 = (try? Listener(.tcp(host: "::1", port: 0))) != nil

  @Test("By default the client is the peer, whatever the fields say")
  func nobodyIsTrusted() throws {
    let server = try RunningServer(handler: tellOrigin)
    let client = try server.connect()
    try client.send(
      "GET / HTTP/1.1\nHost: a\nForwarded: for=192.0.2.1;proto=https\nX-Forwarded-For: 192.0.2.2\n"
        + "X-Forwarded-Proto: https\n\n")
    #expect(try client.receive().text == "\(try client.socket.local) http by 127.0.0.1")
  }

  @Test("Each request of a proxy's connection has its own client")
  func trusted() throws {
    let server = try RunningServer(
      .tcp(port: 0), { $0.proxies = Proxies(trusted: ["127.0.0.0/8"], field: .forwarded) },
      handler: tellOrigin)
    let client = try server.connect()
    let own = try client.socket.local.description
    for (value, expected) in [
      ("for=192.0.2.1;proto=https", "192.0.2.1:0 https"),
      ("for=192.0.2.9, for=\"192.0.2.2:80\", for=127.0.0.1", "192.0.2.2:80 http"),
      ("for=192.0.2.1 ;proto=https", "\(own) http"), ("for=unknown;proto=https", "\(own) https"),
      ("for=\"[2001:db8::1]\"", "[2001:db8::1]:0 http"),
    ] {
      try client.send("GET / HTTP/1.1\nHost: a\nForwarded: \(value)\n\n")
      #expect(try client.receive().text == "\(expected) by 127.0.0.1")
    }
    try client.send("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.1\n\n")
    #expect(try client.receive().text == "\(own) http by 127.0.0.1")
  }

  @Test("A proxy on a Unix domain socket")
  func unixSocket() throws {
    let path = try makeTemporaryPath(suffix: ".sock")
    let server = try RunningServer(
      [.unix(path: path), .tcp(port: 0)],
      { $0.proxies = Proxies(trusted: [.unixSockets], field: .xForwardedFor) },
      handler: tellOrigin)
    let answers = try server.server.addresses.map { address in
      let client = try SocketClient(address)
      try client.send(
        "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.1\nX-Forwarded-Proto: https\n\n")
      return try client.receive().text
    }
    #expect(answers[0] == "192.0.2.1:0 https by unix:")
    #expect(answers[1].hasPrefix("127.0.0.1:") && answers[1].hasSuffix(" http by 127.0.0.1"))
  }

  @Test(
    "Dual stack: both kinds of client reach one endpoint, and are trusted as what they are",
    .enabled(if: hasIPv6, "this machine has no IPv6"))
  func dualStack() throws {
    let server = try RunningServer(
      .tcp(host: "::", port: 0, dualStack: true),
      { $0.proxies = Proxies(trusted: ["127.0.0.1"], field: .xForwardedFor) }, handler: tellOrigin)
    let port = try #require(server.address.port)
    for (host, isTrusted) in [("127.0.0.1", true), ("::1", false)] {
      let socket = try Socket.connect(to: .tcp(host: host, port: port))
      let client = try SocketClient(socket)
      try client.send("GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.1\n\n")
      let own = isTrusted ? "192.0.2.1:0" : try client.socket.local.description
      #expect(try client.receive().text == "\(own) http by \(host)")
    }
  }
}
