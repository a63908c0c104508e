import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct EndpointTests {
  @Test("an endpoint is written as its address is")
  func text() {
    #expect(Endpoint.tcp(port: 8000).description == "127.0.0.1:8000")
    #expect(Endpoint.tcp(host: "::1", port: 8000).description == "[::1]:8000")
    #expect(Endpoint.tcp(host: "localhost", port: 0).description == "localhost:0")
    #expect(Endpoint.unix(path: "/run/app.sock").description == "unix:/run/app.sock")
    #expect(Endpoint.unix(path: "/a\nb\u{1B}[m").description == "unix:/a\\nb\\u{1B}[m")
  }

  @Test("numeric hosts stand for themselves")
  func numeric() throws {
    #expect(
      try Endpoint.tcp(host: "192.0.2.1", port: 80).resolve()
        == [.ipv4(octets: [192, 0, 2, 1], port: 80)])
    #expect(try Endpoint.tcp(host: "2001:db8::9", port: 1).resolve().map(\.host) == ["2001:db8::9"])
  }

  @Test("localhost is a loopback address")
  func localhost() throws {
    let hosts = try Endpoint.tcp(host: "localhost", port: 80).resolve().map(\.host)
    #expect(!hosts.isEmpty)
    #expect(hosts.allSatisfy { $0 == "127.0.0.1" || $0 == "::1" })
  }

  @Test("a host that no resolver can know is an error that names it")
  func unresolvable() throws {
    let error = try #require(throws: TransportError.self) {
      try Endpoint.tcp(host: "no such host", port: 80).resolve()
    }
    guard case .unresolvable("no such host", _) = error else {
      Issue.record("\(error)")
      return
    }
    let hasEnd = "127.0.0.1\0.example.org"
    #expect(throws: TransportError.unresolvable(host: hasEnd, code: EAI_NONAME)) {
      try Endpoint.tcp(host: hasEnd, port: 80).resolve()
    }
    #expect(error.description.hasPrefix("cannot find the address of \"no such host\": "))
  }
}
