// Who the client is, by what proxies say: RFC 7239, X-Forwarded-For, and everything that is neither.

import HTTPCore
import Testing
import Transport

@testable import Freetser

/// A field, and the client that it stands for when everybody in 10.0.0.0/8 is trusted.
struct ForwardingRow: Sendable, CustomTestStringConvertible {
  var field: String
  /// `nil` if the field is ignored.
  var client: String?
  var scheme: Request.Scheme?

  init(_ field: String, _ client: String?, _ scheme: Request.Scheme? = nil) {
    self.field = field
    self.client = client
    self.scheme = scheme
  }

  var testDescription: String { field }

  /// Whoever sent the request.
  static let nearest = "10.0.0.1:7"

  static let forwarded: [ForwardingRow] = [
    ForwardingRow("", nearest),
    ForwardingRow("for=192.0.2.1", "192.0.2.1:0"),
    ForwardingRow("For=192.0.2.1;pRoto=HTTPS", "192.0.2.1:0", .https),
    ForwardingRow("proto=http;by=203.0.113.43;for=192.0.2.60", "192.0.2.60:0", .http),
    ForwardingRow(#"for="192.0.2.43:47011""#, "192.0.2.43:47011"),
    ForwardingRow(#"for="[2001:db8:cafe::17]:4711""#, "[2001:db8:cafe::17]:4711"),
    ForwardingRow(#"for="[2001:db8:cafe::17]""#, "[2001:db8:cafe::17]:0"),
    ForwardingRow(#"for="[::ffff:192.0.2.1]""#, "192.0.2.1:0"),
    ForwardingRow(#"for="192.0.2.1:_port""#, "192.0.2.1:0"),
    ForwardingRow(#"for="192.0.2.1:00080""#, "192.0.2.1:80"),
    ForwardingRow(#"for="192\.0.2.\1""#, "192.0.2.1:0"),
    ForwardingRow(";;for=192.0.2.1;", "192.0.2.1:0"),
    // Section 4: the parameters of others, in a token or in quotes.
    ForwardingRow(#"host="a,b;c\"";for=192.0.2.1;x=y"#, "192.0.2.1:0"),
    ForwardingRow(#"for=192.0.2.1;secret="\\""#, "192.0.2.1:0"),
    ForwardingRow(#"for=192.0.2.1;secret="""#, "192.0.2.1:0"),
    // The last address that is not trusted, and the scheme beside it.
    ForwardingRow("for=192.0.2.1;proto=https, for=10.0.0.2;proto=http", "192.0.2.1:0", .https),
    ForwardingRow("for=192.0.2.9,for=192.0.2.1 ,\t for=10.0.0.2", "192.0.2.1:0"),
    ForwardingRow(#"for=192.0.2.1, for="[fd00::1]", for=10.0.0.2"#, "192.0.2.1:0"),
    ForwardingRow("for=10.0.0.3;proto=https, for=10.0.0.2", "10.0.0.3:0", .https),
    ForwardingRow(", for=192.0.2.1,,", "192.0.2.1:0"),
    // What is not looked at may be anything.
    ForwardingRow("garbage, for=192.0.2.1", "192.0.2.1:0"),
    ForwardingRow(#"for="192.0.2.9, for=192.0.2.1"#, "192.0.2.1:0"),
    ForwardingRow(#""\", for=192.0.2.1"#, "192.0.2.1:0"),
    ForwardingRow(#"for="\\, for=192.0.2.1, for=10.0.0.2"#, "192.0.2.1:0"),
    // Sections 6.2 and 6.3: the address is not known any further.
    ForwardingRow("for=unknown", nearest),
    ForwardingRow("for=192.0.2.1, for=UNKNOWN;proto=https, for=10.0.0.2", "10.0.0.2:0", .https),
    ForwardingRow("for=_hidden", nearest),
    ForwardingRow(#"for=192.0.2.1, for="_SEVKISEK:_1""#, nearest),
    ForwardingRow("for=192.0.2.1, proto=https", nearest, .https),
    ForwardingRow("proto=gopher", nearest),
    // A comma between quotes is none: this is one element of a proxy that is trusted.
    ForwardingRow(#"for=10.0.0.2;x="a, for=192.0.2.9""#, "10.0.0.2:0"),
    ForwardingRow(#"for=10.0.0.2;x="a\", for=192.0.2.9, b""#, "10.0.0.2:0"),
    ForwardingRow(#"for=10.0.0.2;x="a\\\", for=192.0.2.9, b\\""#, "10.0.0.2:0"),
    // Malformed.
    ForwardingRow("for", nil), ForwardingRow("for=", nil), ForwardingRow("=192.0.2.1", nil),
    ForwardingRow("192.0.2.1", nil), ForwardingRow("for=192.0.2.1;", "192.0.2.1:0"),
    ForwardingRow("for =192.0.2.1", nil), ForwardingRow("for= 192.0.2.1", nil),
    ForwardingRow("for=192.0.2.1; proto=http", nil), ForwardingRow("for=192.0.2.1 proto=http", nil),
    ForwardingRow("for=192.0.2.1;for=192.0.2.2", nil),
    ForwardingRow("for=192.0.2.1;FOR=192.0.2.1", nil), ForwardingRow("x=1;x=1", nil),
    ForwardingRow("for=192.0.2.1:80", nil), ForwardingRow("for=[2001:db8::1]", nil),
    ForwardingRow("for=2001:db8::1", nil), ForwardingRow(#"for="2001:db8::1""#, nil),
    ForwardingRow(#"for="[192.0.2.1]""#, nil), ForwardingRow(#"for="[2001:db8::1""#, nil),
    ForwardingRow(#"for="[2001:db8::1]80""#, nil), ForwardingRow(#"for="[]""#, nil),
    ForwardingRow(#"for="[unknown]""#, nil), ForwardingRow(#"for="[fe80::1%1]""#, nil),
    ForwardingRow(#"for="192.0.2.1:""#, nil), ForwardingRow(#"for="192.0.2.1:65536""#, nil),
    ForwardingRow(#"for="192.0.2.1:000080""#, nil), ForwardingRow(#"for="192.0.2.1:_""#, nil),
    ForwardingRow("for=192.0.2.256", nil), ForwardingRow("for=192.0.2.01", nil),
    ForwardingRow("for=_", nil), ForwardingRow("for=_a~b", nil), ForwardingRow("for=example", nil),
    ForwardingRow(#"for="192.0.2.1"#, nil), ForwardingRow(#"for=192.0.2.1""#, nil),
    ForwardingRow(#"for="192.0.2.1\""#, nil), ForwardingRow(#"for="192.0.2.1"x"#, nil),
    ForwardingRow(#"for="""#, nil), ForwardingRow("for=\"192.0.2.1\u{7F}\"", nil),
    ForwardingRow("for=192.0.2.1, for=nonsense, for=10.0.0.2", nil),
  ]

  static let forwardedFor: [ForwardingRow] = [
    ForwardingRow("", nearest),
    ForwardingRow("192.0.2.1", "192.0.2.1:0"),
    ForwardingRow("2001:db8::1", "[2001:db8::1]:0"),
    ForwardingRow("[2001:db8::1]", "[2001:db8::1]:0"),
    ForwardingRow("[2001:db8::1]:4711", "[2001:db8::1]:4711"),
    ForwardingRow("192.0.2.1:4711", "192.0.2.1:4711"),
    ForwardingRow("::ffff:192.0.2.1", "192.0.2.1:0"),
    ForwardingRow("192.0.2.9, 192.0.2.1", "192.0.2.1:0"),
    ForwardingRow("192.0.2.9, 192.0.2.1,10.0.0.2 , 10.0.0.3", "192.0.2.1:0"),
    ForwardingRow("10.0.0.4, 10.0.0.3", "10.0.0.4:0"),
    ForwardingRow("garbage\", \"192.0.2.9\\, 192.0.2.1", "192.0.2.1:0"),
    ForwardingRow(", ,192.0.2.1,", "192.0.2.1:0"),
    ForwardingRow("192.0.2.9, unknown, 10.0.0.2", "10.0.0.2:0"),
    ForwardingRow("garbage", nil), ForwardingRow("192.0.2.9, garbage, 10.0.0.2", nil),
    ForwardingRow("192.0.2.1 192.0.2.2", nil), ForwardingRow("\"192.0.2.1\"", nil),
    ForwardingRow("192.0.2.1:", nil), ForwardingRow("192.0.2.1/32", nil),
    ForwardingRow("for=192.0.2.1", nil), ForwardingRow("192.0.2.01", nil),
    ForwardingRow("fe80::1%eth0", nil), ForwardingRow("-", nil), ForwardingRow("\"", nil),
  ]
}

@Suite("Forwarding")
struct ForwardingTests {
  static let trusted: TrustedPeers = ["10.0.0.0/8", "fd00::/8"]

  @Test("RFC 7239 4 to 6: Forwarded", arguments: ForwardingRow.forwarded)
  func forwarded(_ row: ForwardingRow) throws {
    let found = try find(.forwarded, [("Forwarded", row.field)])
    #expect(found?.client.description == row.client)
    #expect(found?.scheme == row.scheme)
  }

  @Test("X-Forwarded-For", arguments: ForwardingRow.forwardedFor)
  func forwardedFor(_ row: ForwardingRow) throws {
    let found = try find(.xForwardedFor, [("X-Forwarded-For", row.field)])
    #expect(found?.client.description == row.client)
  }

  @Test("RFC 9110 5.3: several fields are one list, in order")
  func severalLines() throws {
    let lines = [("forwarded", "for=192.0.2.9"), ("Forwarded", "for=192.0.2.1, for=10.0.0.2")]
    #expect(try find(.forwarded, lines)?.client.host == "192.0.2.1")
    let all = lines + [("FORWARDED", "for=10.0.0.3"), ("Forwarded", "")]
    #expect(try find(.forwarded, all)?.client.host == "192.0.2.1")
    // A quoted string that one field opens hides nothing that is in the next.
    let open = [("Forwarded", #"for="192.0.2.9"#), ("Forwarded", "for=192.0.2.1")]
    #expect(try find(.forwarded, open)?.client.host == "192.0.2.1")
  }

  @Test(
    "X-Forwarded-Proto is the scheme where there is one value, and never costs the client",
    arguments: [
      (["https"], .https), (["HTTP"], .http), ([], nil), (["https", "https"], nil),
      (["https, http"], nil), (["ftp"], nil), ([""], nil), (["httpss"], nil),
    ] as [([String], Request.Scheme?)])
  func forwardedProto(values: [String], scheme: Request.Scheme?) throws {
    let fields = [("X-Forwarded-For", "192.0.2.1")] + values.map { ("X-Forwarded-Proto", $0) }
    let expected = Forwarding(client: .ipv4(octets: [192, 0, 2, 1], port: 0), scheme: scheme)
    #expect(try find(.xForwardedFor, fields) == expected)
  }

  @Test("Only the field that is named counts, only from who is trusted, and by default none does")
  func defaults() throws {
    let lies = [
      ("Forwarded", "for=192.0.2.9;proto=https"), ("X-Forwarded-For", "192.0.2.8"),
      ("X-Forwarded-Proto", "https"), ("X-Real-IP", "192.0.2.7"),
    ]
    let peer = Address.ipv4(octets: [10, 0, 0, 1], port: 7)
    for proxies in [
      Proxies(), Proxies(trusted: Self.trusted), Proxies(field: .forwarded),
      Proxies(trusted: ["10.0.0.2", "::/0", .unixSockets], field: .forwarded),
      Proxies(trusted: ["10.0.0.2"], field: .xForwardedFor),
    ] {
      let found = try proxies.forwarding(of: Fields(lies), from: peer)
      #expect(found == Forwarding(client: peer))
    }
    #expect(try find(.forwarded, lies)?.client.host == "192.0.2.9")
    #expect(try find(.xForwardedFor, lies)?.client.host == "192.0.2.8")
    #expect(ServerConfiguration().proxies == Proxies())
  }

  @Test("A peer on a Unix domain socket is believed if those are trusted")
  func unixSocket() throws {
    let fields = try Fields([("X-Forwarded-For", "192.0.2.1")])
    let peer = Address.unix(path: nil)
    let trusting = Proxies(trusted: [.unixSockets], field: .xForwardedFor)
    #expect(try trusting.forwarding(of: fields, from: peer).client.host == "192.0.2.1")
    let other = Proxies(trusted: ["0.0.0.0/0", "::/0"], field: .xForwardedFor)
    #expect(try other.forwarding(of: fields, from: peer).client == peer)
  }

  @Test("32 proxies are believed, one more is not")
  func hopLimit() throws {
    let chain = Array(repeating: "10.0.0.2", count: 31)
    let fits = (["192.0.2.1"] + chain).joined(separator: ",")
    #expect(try find(.xForwardedFor, [("X-Forwarded-For", fits)])?.client.host == "192.0.2.1")
    #expect(try find(.xForwardedFor, [("X-Forwarded-For", "10.0.0.9," + fits)]) != nil)
    let tooMany = "192.0.2.1, 10.0.0.9, " + chain.joined(separator: ", ")
    #expect(try find(.xForwardedFor, [("X-Forwarded-For", tooMany)]) == nil)
  }

  @Test("A list that is read from its end has the elements that it has read from its beginning")
  func elements() throws {
    var random = SplitMix(seed: 7239)
    let pieces = ["a", "=", ";", "\\\"", "\\\\", ",", " ", "\\,"]
    for _ in 0..<20_000 {
      // Each element ends with a quoted string, in which anything may stand.
      let elements = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        let quoted = (0..<Int.random(in: 0...5, using: &random))
          .map { _ in pieces.randomElement(using: &random)! }
        return "x=\"\(quoted.joined())\""
      }
      let list = Array(elements.joined(separator: " , ").utf8)
      var end: Int? = list.count
      var found: [String] = []
      while let element = try lastElement(of: list.span, before: &end) {
        found.insert(String(decoding: list[element], as: UTF8.self), at: 0)
      }
      guard found == elements else {
        Issue.record("\(elements): \(found)")
        return
      }
    }
  }

  @Test("Whatever a client sends, what the proxy appends is what counts", arguments: 1...3)
  func garbage(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let pieces = [
      "for=", "192.0.2.9", "\"", "\\", ",", ";", "proto=https", "=", " ", "[::1]", ":", "_x", "é",
    ]
    for _ in 0..<20_000 {
      let sent = (0..<Int.random(in: 0...12, using: &random))
        .map { _ in pieces.randomElement(using: &random)! }.joined()
      for (field, name, appended) in [
        (Proxies.Field.forwarded, "Forwarded", "for=192.0.2.1;proto=http"),
        (.xForwardedFor, "X-Forwarded-For", "192.0.2.1"),
      ] {
        let list = Array("\(sent),\(appended)".utf8)
        let found = read(list, field)
        guard found?.client.host == "192.0.2.1", found?.scheme != .https else {
          Issue.record("\(name): \(sent): \(String(describing: found)) (seed \(seed))")
          return
        }
        _ = read(Array(sent.utf8), field)  // without the proxy: any answer, but no trap
      }
    }
  }

  /// What the parsers make of bytes, which need not be a valid field's.
  private func read(_ list: [UInt8], _ field: Proxies.Field) -> Forwarding? {
    let nearest = Address.ipv4(octets: [10, 0, 0, 1], port: 7)
    return try? Forwarding(list.span, from: nearest, trusted: Self.trusted) {
      (element) throws(MalformedForwarding) in
      field == .forwarded
        ? try ForwardingHop(forwarded: element) : try ForwardingHop(forwardedFor: element)
    }
  }

  /// What the fields say if 10.0.0.1 sends them; `nil` if they are ignored.
  private func find(_ field: Proxies.Field, _ fields: [(String, String)]) throws -> Forwarding? {
    let nearest = Address.ipv4(octets: [10, 0, 0, 1], port: 7)
    if fields.contains(where: { (try? Fields([$0])) == nil }) {
      // A control character never reaches here in a head; the parser refuses it all the same.
      return read(Array(fields.map(\.1).joined(separator: ",").utf8), field)
    }
    let proxies = Proxies(trusted: Self.trusted, field: field)
    let fields = try Fields(fields)
    return try? proxies.forwarding(of: fields, from: nearest)
  }
}

/// Random numbers that can be had again (Steele, Lea, Flood 2014).
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
