import StreamSimulation
import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct NumericAddressTests {
  @Test(
    "RFC 3986 3.2.2: addresses as they may be written",
    arguments: [
      ("0.0.0.0", "0.0.0.0"), ("192.0.2.255", "192.0.2.255"),
      ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::9", "2001:db8::9"),
      ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
      ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("0001::000a", "1::a"),
      ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
      ("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"),
      ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
    ])
  func accepted(text: String, host: String) {
    #expect(numeric(text)?.host == host)
    #expect(numeric(text)?.port == 7)
  }

  @Test(
    "what is no address",
    arguments: [
      "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1", "01.2.3.4",
      "1.2.3.04", "00.0.0.0", "1.2.3.4 ", "+1.2.3.4", "0x1.2.3.4", "1.2.3.4\0", "1.2.3.4/8",
      "1.2.3.99999999999999999999", ":", ":::", "1:", ":1", "1:2", "1:2:3:4:5:6:7", "::1::",
      "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::",
      "g::", "::1%1", "fe80::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::",
      "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.256", "localhost", "::-1", "1:2:3:4:5:6:7:",
    ])
  func refused(_ text: String) {
    #expect(numeric(text) == nil)
  }

  @Test("agrees with inet_pton(3) on random text", arguments: [1, 2, 3] as [UInt64])
  func agreesWithSystem(_ seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let pieces = ["1", "0", "25", "255", "a", "ffff", ":", ":", "::", ".", ".", "1.2.3.4", "g"]
    var addresses = 0
    for _ in 0..<100_000 {
      let count = Int.random(in: 1...16, using: &random)
      let text = (0..<count).map { _ in pieces.randomElement(using: &random)! }.joined()
      let ours = numeric(text) != nil
      if ours != isAddress(text) {
        Issue.record("\(text): \(ours), but the system says otherwise (seed \(seed))")
        return
      }
      if ours { addresses += 1 }
    }
    #expect(addresses > 100)  // the text is not all garbage
  }

  @Test(
    "ports",
    arguments: [
      ("0", 0), ("80", 80), ("65535", 65_535), ("65536", nil), ("", nil), ("080", nil), ("-1", nil),
      ("1 ", nil), ("99999999999999999999", nil), ("00", nil), ("a", nil),
    ] as [(String, UInt16?)])
  func ports(text: String, port: UInt16?) {
    #expect(portNumber(Array(text.utf8).span) == port)
  }

  private func numeric(_ text: String) -> Address? {
    Address(numeric: Array(text.utf8).span, port: 7)
  }

  private func isAddress(_ text: String) -> Bool {
    var octets = in6_addr()
    return [AF_INET, AF_INET6].contains { unsafe inet_pton($0, text, &octets) == 1 }
  }
}
