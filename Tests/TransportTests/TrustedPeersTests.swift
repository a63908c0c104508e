import Testing

@testable import Transport

/// A network, and addresses on both sides of its borders.
struct NetworkRow: Sendable, CustomTestStringConvertible {
  var network: Network
  var inside: [String]
  var outside: [String]

  var testDescription: String { network.description }

  static let all = [
    NetworkRow(
      network: "10.0.0.0/8", inside: ["10.0.0.0", "10.255.255.255"],
      outside: ["9.255.255.255", "11.0.0.0", "::a00:1", "a00::"]),
    NetworkRow(
      network: "192.0.2.128/25", inside: ["192.0.2.128", "192.0.2.255"],
      outside: ["192.0.2.127", "192.0.3.128"]),
    NetworkRow(network: "192.0.2.1", inside: ["192.0.2.1"], outside: ["192.0.2.0", "192.0.2.2"]),
    NetworkRow(network: "192.0.2.1/32", inside: ["192.0.2.1"], outside: ["192.0.2.0"]),
    NetworkRow(network: "0.0.0.0/0", inside: ["0.0.0.0", "255.1.2.3"], outside: ["::", "::1"]),
    NetworkRow(network: "::/0", inside: ["::", "ffff::"], outside: ["0.0.0.0", "127.0.0.1"]),
    NetworkRow(
      network: "2001:db8::/33", inside: ["2001:db8::", "2001:db8:7fff::1"],
      outside: ["2001:db8:8000::", "2001:db7:ffff::"]),
    NetworkRow(network: "::1", inside: ["::1"], outside: ["::", "::2", "0.0.0.1"]),
  ]
}

@Suite struct TrustedPeersTests {
  @Test("RFC 4632 3.1: what is in a network, and what is beside it", arguments: NetworkRow.all)
  func contains(_ row: NetworkRow) throws {
    for text in row.inside { #expect(row.network.contains(try address(text)), "\(text)") }
    for text in row.outside { #expect(!row.network.contains(try address(text)), "\(text)") }
    #expect(!row.network.contains(.unix(path: nil)))
    #expect(Network(row.network.description) == row.network)
  }

  @Test("networks are written as they are read, and one address is a network of its own")
  func text() {
    #expect(("10.0.0.0/8" as Network).description == "10.0.0.0/8")
    #expect(("2001:DB8:0::/32" as Network).description == "2001:db8::/32")
    #expect("192.0.2.1" as Network == "192.0.2.1/32")
    #expect(("::1" as Network).prefixLength == 128)
  }

  @Test(
    "what is no network",
    arguments: [
      "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8 ",
      " 10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/8/8", "10/8", "::/129", "::1/127", "2001:db8::1/32",
      "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "fe80::%1/64", "localhost", "10.0.0.0/255.0.0.0",
    ])
  func noNetwork(_ text: String) {
    #expect(Network(text) == nil)
  }

  @Test("a network in the program that is none ends it")
  func literal() async {
    await #expect(processExitsWith: .failure) { _ = Network(stringLiteral: "10.0.0.1/8") }
  }

  @Test("nobody is trusted unless they are named")
  func nobody() throws {
    let nobody = TrustedPeers()
    #expect(nobody.isEmpty && nobody == [])
    for peer in [try address("127.0.0.1"), try address("::1"), .unix(path: nil)] {
      #expect(!nobody.contains(peer))
    }
  }

  @Test("networks and Unix domain sockets")
  func members() throws {
    let trusted: TrustedPeers = ["10.0.0.0/8", "fe80::/10", .unixSockets]
    #expect(trusted.contains(try address("10.1.2.3")))
    #expect(!trusted.contains(try address("192.0.2.1")))
    #expect(trusted.contains(.unix(path: nil)))
    #expect(trusted.contains(.unix(path: "/tmp/client")))
    // On whatever interface: the scope is this machine's number for it.
    let octets: SIMD16<UInt8> = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    #expect(trusted.contains(.ipv6(octets: octets, port: 1, scope: 3)))
    #expect(!(["10.0.0.0/8"] as TrustedPeers).contains(.unix(path: nil)))
  }

  private func address(_ text: String) throws -> Address {
    let address = Address(numeric: Array(text.utf8).span)
    return try #require(address)
  }
}
