import Testing
import Threads

@testable import Transport

/// A header of the PROXY protocol, and what it says.
struct ProxyHeaderRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var bytes: [UInt8]
  var header: ProxyHeader

  static let source = Address.ipv4(octets: [192, 0, 2, 1], port: 56_324)
  static let destination = Address.ipv4(octets: [198, 51, 100, 7], port: 443)
  static let source6 = Address.ipv6(
    octets: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], port: 65_535)
  static let destination6 = Address.ipv6(
    octets: [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], port: 0)

  static func line(_ text: String, _ header: ProxyHeader) -> ProxyHeaderRow {
    ProxyHeaderRow(testDescription: text, bytes: Array("\(text)\r\n".utf8), header: header)
  }

  static func block(
    _ command: UInt8, _ family: UInt8, _ rest: [UInt8], _ header: ProxyHeader
  ) -> ProxyHeaderRow {
    ProxyHeaderRow(
      testDescription: "\(command) \(family) \(rest.count)",
      bytes: proxyBlock(command, family, rest), header: header)
  }

  static let all: [ProxyHeaderRow] = {
    let relayed = ProxyHeader.relayed(source: source, destination: destination)
    let relayed6 = ProxyHeader.relayed(source: source6, destination: destination6)
    let mapped = ProxyHeader.relayed(
      source: .ipv4(octets: [192, 0, 2, 1], port: 1), destination: destination6)
    let tlvs: [UInt8] = [0x04, 0, 3, 1, 2, 3, 0xEE, 0xFF, 0xFF]  // the last is longer than it is
    return [
      line("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443", relayed),
      line("PROXY TCP6 2001:db8::1 2001:DB8:0::2 65535 0", relayed6),
      line("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 0", mapped),
      line("PROXY UNKNOWN", .unknown),
      line("PROXY UNKNOWN ffff::ffff anything  (at) all 0", .unknown),
      line("PROXY UNKNOWN " + String(repeating: "x", count: 107 - 16), .unknown),
      line(
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
          + "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
        .relayed(
          source: .ipv6(octets: SIMD16(repeating: 0xFF), port: 65_535),
          destination: .ipv6(octets: SIMD16(repeating: 0xFF), port: 65_535))),
      block(0x21, 0x11, addresses4, relayed), block(0x21, 0x12, addresses4, relayed),
      block(0x21, 0x11, addresses4 + tlvs, relayed),
      block(0x21, 0x21, addresses6, relayed6), block(0x21, 0x22, addresses6 + tlvs, relayed6),
      block(0x21, 0x31, pattern(216), .unknown), block(0x21, 0x32, pattern(217), .unknown),
      block(0x21, 0x00, [], .unknown), block(0x21, 0x00, tlvs, .unknown),
      block(0x21, 0x01, [], .unknown), block(0x21, 0x10, [], .unknown),
      block(0x20, 0x00, [], .local), block(0x20, 0x11, addresses4, .local),
      block(0x20, 0xFF, [1], .local), block(0x20, 0x21, addresses4 + tlvs, .local),
    ]
  }()

  static let addresses4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xDC, 0x04, 0x01, 0xBB]
  static let addresses6: [UInt8] =
    [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    + [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2] + [0xFF, 0xFF, 0, 0]
}

/// A header of version 2, put together as section 2.2 says.
func proxyBlock(
  _ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil
) -> [UInt8] {
  let length = length ?? rest.count
  return [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A] + Array("QUIT\n".utf8)
    + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
}

/// Bytes that are no header, and why.
struct BadProxyHeaderRow: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var bytes: [UInt8]
  var flaw: ProxyHeaderFlaw

  static func line(_ text: String, _ flaw: ProxyHeaderFlaw = .line) -> BadProxyHeaderRow {
    BadProxyHeaderRow(
      testDescription: text.debugDescription, bytes: Array(text.utf8), flaw: flaw)
  }

  static func block(
    _ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil, _ flaw: ProxyHeaderFlaw
  ) -> BadProxyHeaderRow {
    BadProxyHeaderRow(
      testDescription: "\(command) \(family) \(length ?? rest.count)",
      bytes: proxyBlock(command, family, rest, length: length), flaw: flaw)
  }

  static let all: [BadProxyHeaderRow] = [
    // Section 2.2: "otherwise the protocol is not covered … and the connection must be dropped".
    line("GET / HTTP/1.1\r\n", .signature), line("POST", .signature), line("PROXX", .signature),
    line("proxy TCP4 ", .signature), line("\r\n\r\nG", .signature), line(" PROXY", .signature),
    line("PROXY\tTCP4", .signature), line("PROXY\r\n", .signature), line("\u{16}\u{3}", .signature),
    // Section 2.1: exactly one space, addresses of the family, no zeros before a number.
    line("PROXY \r\n"), line("PROXY TCP4\r\n"), line("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"),
    line("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"), line("PROXY unknown\r\n"),
    line("PROXY UNKNOWNX\r\n"), line("PROXY  UNKNOWN\r\n"),
    line("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
    line("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"),
    line("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"),
    line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"),
    line("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"),
    line("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"),
    line("PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n"),
    line("PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"),
    line("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"),
    line("PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n"), line("PROXY TCP4 ::1 ::2 1 2\r\n"),
    line("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), line("PROXY TCP6 ::1 192.0.2.2 1 2\r\n"),
    line("PROXY TCP6 ::1%1 ::2 1 2\r\n"), line("PROXY TCP6 [::1] ::2 1 2\r\n"),
    line("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::2 1 2\r\n"),
    // "must not tolerate a single CR or LF character to end the line"
    line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n"), line("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n"),
    line("PROXY UNKNOWN\n"), line("PROXY UNKNOWN x\ny\r\n"), line("PROXY UNKNOWN\rGET"),
    line("PROXY UNKNOWN \u{1}\r\n"), line("PROXY UNKNOWN é\r\n"), line("PROXY UNKNOWN \0\r\n"),
    line("PROXY TCP4\t192.0.2.1\t192.0.2.2\t1\t2\r\n"),
    // "not found in the first 107 characters"
    line("PROXY UNKNOWN " + String(repeating: "x", count: 107 - 15) + "\r\n"),
    line("PROXY UNKNOWN " + String(repeating: "x", count: 107 - 14)),
    line("PROXY TCP6 " + String(repeating: "0", count: 500)),
    // Section 2.2: "Receivers must drop connections presenting unexpected values here."
    block(0x11, 0x11, ProxyHeaderRow.addresses4, .command), block(0x31, 0x11, [], .command),
    block(0x22, 0x11, ProxyHeaderRow.addresses4, .command), block(0x2F, 0x00, [], .command),
    block(0x00, 0x00, [], .command), block(0x10, 0x00, [], .command),
    block(0x21, 0x41, [], .family), block(0x21, 0xF0, [], .family), block(0x21, 0x13, [], .family),
    block(0x21, 0x0F, [], .family), block(0x21, 0x40, [], .family),
    block(0x21, 0x11, pattern(11), .length), block(0x21, 0x12, [], .length),
    block(0x21, 0x21, pattern(35), .length), block(0x21, 0x22, pattern(12), .length),
    block(0x21, 0x31, pattern(215), .length),
    block(0x21, 0x11, [], length: 4081, .tooLarge(limitInBytes: 4096)),
    block(0x21, 0x00, [], length: 65_535, .tooLarge(limitInBytes: 4096)),
    block(0x20, 0x00, [], length: 4081, .tooLarge(limitInBytes: 4096)),
  ]
}

@Suite struct ProxyHeaderTests {
  @Test("what a header says, and how long it is", arguments: ProxyHeaderRow.all)
  func accepted(_ row: ProxyHeaderRow) throws {
    for tail in [[], Array("GET / HTTP/1.1\r\n".utf8), row.bytes] as [[UInt8]] {
      let parsed = try #require(try parse(row.bytes + tail))
      #expect(parsed.header == row.header)
      #expect(parsed.length == row.bytes.count)
    }
  }

  @Test(
    "every part of a header waits for the rest, and none is refused", arguments: ProxyHeaderRow.all)
  func truncated(_ row: ProxyHeaderRow) throws {
    for count in 0..<row.bytes.count {
      #expect(try parse(Array(row.bytes[..<count])) == nil, "\(count) bytes")
    }
  }

  @Test("what is no header is refused, and says why", arguments: BadProxyHeaderRow.all)
  func refused(_ row: BadProxyHeaderRow) {
    #expect(throws: TransportError.invalidProxyHeader(row.flaw)) { try parse(row.bytes) }
  }

  @Test("once refused, nothing that follows makes it better", arguments: BadProxyHeaderRow.all)
  func staysRefused(_ row: BadProxyHeaderRow) throws {
    var hasFailed = false
    for count in 0...row.bytes.count {
      do {
        #expect(try parse(Array(row.bytes[..<count])) == nil)
        #expect(!hasFailed, "\(count) bytes")
      } catch {
        hasFailed = true
      }
    }
    #expect(hasFailed)
    #expect(throws: TransportError.invalidProxyHeader(row.flaw)) {
      try parse(row.bytes + pattern(5000))
    }
  }

  @Test("a header as long as the limit is accepted, one byte more is not, and says so at once")
  func limit() throws {
    #expect(ProxyHeader.defaultLimitInBytes == 4096)
    let fits = proxyBlock(0x21, 0x11, ProxyHeaderRow.addresses4 + pattern(4096 - 16 - 12))
    #expect(fits.count == 4096)
    #expect(try parse(fits)?.length == 4096)
    #expect(throws: TransportError.invalidProxyHeader(.tooLarge(limitInBytes: 4095))) {
      try parse(Array(fits[..<16]), limitInBytes: 4095)
    }
    // The longest that there can be, for whoever allows it.
    let longest = proxyBlock(0x20, 0x00, pattern(65_535))
    #expect(try parse(longest, limitInBytes: 65_551)?.length == 65_551)
  }

  @Test(
    "random bytes, and headers with random faults, are refused, awaited or read", arguments: 1...3)
  func garbage(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<50_000 {
      var bytes = ProxyHeaderRow.all.randomElement(using: &random)!.bytes
      for _ in 0...Int.random(in: 0...2, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes.remove(at: index)
        default: bytes.insert(bytes.randomElement(using: &random)!, at: index)
        }
      }
      guard let parsed = try? parse(bytes) else { continue }
      guard parsed.length <= bytes.count, try parse(Array(bytes[..<parsed.length]))! == parsed
      else {
        Issue.record("\(bytes) (seed \(seed))")
        return
      }
    }
  }

  @Test("flaws are one line for a log")
  func description() {
    #expect(
      TransportError.invalidProxyHeader(.signature).description == "the peer sent no PROXY header")
    #expect(
      TransportError.invalidProxyHeader(.tooLarge(limitInBytes: 9)).description
        == "the peer sent a PROXY header of more than 9 bytes")
  }

  private func parse(
    _ bytes: [UInt8], limitInBytes: Int = ProxyHeader.defaultLimitInBytes
  ) throws -> Parsed? {
    try ProxyHeader.parse(bytes.span, limitInBytes: limitInBytes).map {
      Parsed(header: $0.header, length: $0.length)
    }
  }

  private struct Parsed: Equatable {
    var header: ProxyHeader
    var length: Int
  }
}

@Suite(.serialized, .onOwnThread) struct ProxyHeaderReceivingTests {
  @Test("a header that comes byte by byte, with what follows it", arguments: ProxyHeaderRow.all)
  func bytewise(_ row: ProxyHeaderRow) throws {
    let pair = try SocketPair.tcp()
    for byte in row.bytes { try pair.client.send([byte].span) }
    try pair.client.send("GET")
    var buffer = ReceiveBuffer()
    #expect(try buffer.receiveProxyHeader(from: pair.server, within: patience) == row.header)
    while buffer.count < 3 { _ = try buffer.receive(from: pair.server) }
    let rest = buffer.withUnread { unread in unread.indices.map { unread[$0] } }
    #expect(rest == Array("GET".utf8))
  }

  @Test("a peer that ends the connection before a header, and inside one")
  func cutOff() throws {
    let bytes = Array("PROXY TCP4 192.0.2.1".utf8)
    for count in [0, 1, bytes.count] {
      let pair = try SocketPair.tcp()
      try pair.client.send(bytes.span.extracting(..<count))
      pair.client.shutdown(.sending)
      var buffer = ReceiveBuffer()
      if count == 0 {
        #expect(try buffer.receiveProxyHeader(from: pair.server, within: patience) == nil)
        continue
      }
      do {
        _ = try buffer.receiveProxyHeader(from: pair.server, within: patience)
        Issue.record("accepted")
      } catch {
        #expect(error == .invalidProxyHeader(.cutOff))
      }
    }
  }

  @Test("a peer that sends nothing, or a byte now and then, has its time and no more")
  func slow() throws {
    let pair = try SocketPair.tcp()
    try pair.split { client, server in
      let receiver = try Background(with: server) { server in
        var buffer = ReceiveBuffer()
        let start = MonotonicTime.now()
        do {
          _ = try buffer.receiveProxyHeader(from: server, within: .milliseconds(200))
          return Duration.zero
        } catch TransportError.timedOut {
          return MonotonicTime.now() - start
        }
      }
      let begin = proxyBlock(0x20, 0x00, [], length: 4000)
      try client.send(begin.span)
      try client.setReceiveTimeout(.milliseconds(10))
      // Each byte restarts the wait for bytes, and must not restart the whole.
      var isOpen = true
      while isOpen {
        do {
          try client.send("x")
          isOpen = try client.receive(exactly: 1).count > 0
        } catch TransportError.timedOut {
          continue
        } catch TransportError.peerGone {
          isOpen = false
        }
      }
      let time = try receiver.value()
      #expect(time >= .milliseconds(200) && time < patience)
    }
  }
}
