import Testing

@testable import Transport

/// An address, how it is written, and its parts.
struct AddressRow: Sendable, CustomTestStringConvertible {
  var address: Address
  var text: String
  var host: String?
  var port: UInt16?

  var testDescription: String { text }

  static let all = [
    AddressRow(
      address: .ipv4(octets: [127, 0, 0, 1], port: 8000),
      text: "127.0.0.1:8000", host: "127.0.0.1", port: 8000),
    AddressRow(
      address: .ipv4(octets: [255, 254, 0, 9], port: 65535),
      text: "255.254.0.9:65535", host: "255.254.0.9", port: 65535),
    AddressRow(
      address: .ipv6(octets: loopback, port: 8000),
      text: "[::1]:8000", host: "::1", port: 8000),
    AddressRow(
      address: .ipv6(octets: documentation, port: 1),
      text: "[2001:db8::9]:1", host: "2001:db8::9", port: 1),
    AddressRow(
      address: .ipv6(octets: linkLocal, port: 80, scope: 3),
      text: "[fe80::1%3]:80", host: "fe80::1%3", port: 80),
    AddressRow(address: .unix(path: "/run/app.sock"), text: "unix:/run/app.sock"),
    AddressRow(address: .unix(path: nil), text: "unix:"),
    AddressRow(
      address: .unix(path: "/" + String(repeating: "é", count: 51)),
      text: "unix:/" + String(repeating: "é", count: 51)),
  ]

  private static let loopback: SIMD16<UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
  private static let documentation: SIMD16<UInt8> =
    [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]
  private static let linkLocal: SIMD16<UInt8> =
    [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
}

@Suite struct AddressTests {
  @Test("an address has one way to be written", arguments: AddressRow.all)
  func text(_ row: AddressRow) {
    #expect(row.address.description == row.text)
    #expect(row.address.host == row.host)
    #expect(row.address.port == row.port)
  }

  @Test("an address survives the form of system calls", arguments: AddressRow.all)
  func roundTrip(_ row: AddressRow) throws {
    #expect(try RawAddress(row.address).address == row.address)
  }

  @Test("an IPv4 address inside IPv6 is an IPv4 address")
  func mapped() throws {
    let mapped = Address.ipv6(
      octets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1], port: 7)
    #expect(try RawAddress(mapped).address == .ipv4(octets: [192, 0, 2, 1], port: 7))
  }

  @Test("a path that the system would cut off is refused")
  func containsNUL() {
    #expect(throws: TransportError.pathContainsNUL(path: "/tmp/a\0b")) {
      try RawAddress(.unix(path: "/tmp/a\0b"))
    }
  }

  #if !canImport(Darwin)
    @Test("an abstract name is kept and shown")
    func abstract() throws {
      let address = Address.unix(path: "\0freetser")
      #expect(try RawAddress(address).address == address)
      #expect(address.description == "unix:@freetser")
      let odd = Address.unix(path: "\0a\0b\nc")  // a peer chooses its name
      #expect(try RawAddress(odd).address == odd)
      #expect(odd.description == "unix:@a\\0b\\nc")
    }
  #endif

  @Test("a path may be as long as the system has room for, and no longer")
  func longPath() throws {
    let longest = String(repeating: "x", count: RawAddress.pathLimit)
    #expect(try RawAddress(.unix(path: longest)).address == .unix(path: longest))
    #expect(throws: TransportError.pathTooLong(path: longest + "x", limitInBytes: longest.count)) {
      try RawAddress(.unix(path: longest + "x"))
    }
  }

  @Test("every octet is written as a number without zeros before it")
  func octets() {
    for octet in UInt8.min...UInt8.max {
      let address = Address.ipv4(octets: [octet, 0, 255 - octet, octet], port: 1)
      #expect(address.host == "\(octet).0.\(255 - octet).\(octet)")
    }
  }
}
