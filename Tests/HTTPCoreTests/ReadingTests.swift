// What a server makes of requests and a client of responses: tables of wire bytes and verdicts, each read whole,
// byte by byte and cut at every place.

import HTTPCore
import Testing

struct WireExample: CustomTestStringConvertible, Sendable {
  var name: String
  /// Each line feed stands for CR LF, except in `raw`.
  var wire: [UInt8]
  /// What `Reading.description` says, for an example that is accepted.
  var expected: String = ""
  var reason: ProtocolError.Reason?
  var requestMethod = "GET"
  var testDescription: String { name }

  init(_ name: String, _ text: String, gives expected: String, to method: String = "GET") {
    (self.name, wire, self.expected, requestMethod) = (name, [UInt8](wire: text), expected, method)
  }

  init(
    _ name: String, _ text: String, breaks reason: ProtocolError.Reason, to method: String = "GET"
  ) {
    (self.name, wire, self.reason, requestMethod) = (name, [UInt8](wire: text), reason, method)
  }

  init(_ name: String, raw: String, breaks reason: ProtocolError.Reason) {
    (self.name, wire, self.reason) = (name, Array(raw.utf8), reason)
  }
}

@Suite("Reading requests")
struct RequestReadingTests {
  private func check(_ example: WireExample) {
    let (reading, difference) = readInEveryWay(
      example.wire, with: Connection(role: .server), answer: answerShortly)
    #expect(difference == nil)
    if let reason = example.reason {
      #expect(reading.error == ProtocolError(reason, by: .peer), "\(reading)")
      #expect(reading.state == .failed)
    } else {
      #expect(reading.description == example.expected)
    }
  }

  static let accepted: [WireExample] = [
    WireExample(
      "the shortest", "GET / HTTP/1.1\nHost: a\n\n",
      gives: #"["GET / HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "HTTP/1.0 needs no Host, and closes", "GET / HTTP/1.0\n\n",
      gives: #"["GET / HTTP/1.0", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9110 2.5: a higher minor version is 1.1", "GET / HTTP/1.3\nHost: a\n\n",
      gives: #"["GET / HTTP/1.3", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9112 2.2: one empty line before", "\nGET / HTTP/1.1\nHost: a\n\n",
      gives: #"["GET / HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9112 5: spaces and tabs around values are no part of them",
      "POST / HTTP/1.1\nHost: \t a\t\nContent-Length:\t03 \t \n\nabc",
      gives: #"["POST / HTTP/1.1", "content(abc)", "end", "closed"] -> closed, 0 left"#),
    WireExample("nothing", "", gives: #"["closed"] -> closed, 0 left"#),
    WireExample("an empty line and nothing", "\n", gives: #"["closed"] -> closed, 0 left"#),
    WireExample(
      "Content-Length", "POST /a HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello",
      gives: #"["POST /a HTTP/1.1", "content(hello)", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "Content-Length zero", "POST /a HTTP/1.1\nHost: a\nContent-Length: 00\n\n",
      gives: #"["POST /a HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "chunked",
      "POST /a HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked\n\n5\nhello\n00b\n big, world\n0\n\n",
      gives:
        #"["POST /a HTTP/1.1", "content(hello big, world)", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "chunk extensions are dropped",
      "POST /a HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1;a=b;c=\"d e\"\nx\n0 ;z\n\n",
      gives: #"["POST /a HTTP/1.1", "content(x)", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "trailers", "POST /a HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\nDigest: d\n\n",
      gives:
        #"["POST /a HTTP/1.1", "end [HTTPCore.Field(name: \"Digest\", value: \"d\")]", "closed"] -> closed, 0 left"#
    ),
    WireExample(
      "pipelined",
      "GET /1 HTTP/1.1\nHost: a\n\nPOST /2 HTTP/1.1\nHost: a\nContent-Length: 1\n\nxGET /3 HTTP/1.1\nHost: a\n\n",
      gives:
        #"["GET /1 HTTP/1.1", "end", "POST /2 HTTP/1.1", "content(x)", "end", "GET /3 HTTP/1.1", "end", "closed"] -> closed, 0 left"#
    ),
    WireExample(
      "after Connection: close the rest is not read",
      "GET /1 HTTP/1.1\nHost: a\nConnection: x, Close\n\nGET /2 HTTP/1.1\nHost: a\n\n",
      gives: #"["GET /1 HTTP/1.1", "end"] -> mustClose, 28 left"#),
    WireExample(
      "HTTP/1.0 with keep-alive goes on",
      "GET /1 HTTP/1.0\nConnection: keep-alive\n\nGET /2 HTTP/1.0\n\n",
      gives: #"["GET /1 HTTP/1.0", "end", "GET /2 HTTP/1.0", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9112 9.3: close beats keep-alive",
      "GET /1 HTTP/1.0\nConnection: keep-alive\nConnection: close\n\nGET /2 HTTP/1.0\n\n",
      gives: #"["GET /1 HTTP/1.0", "end"] -> mustClose, 19 left"#),
    WireExample(
      "a whole URI", "GET http://a.example:80/x?y HTTP/1.1\nHost: a\n\n",
      gives: #"["GET http://a.example:80/x?y HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "OPTIONS *", "OPTIONS * HTTP/1.1\nHost: [::1]:8\n\n",
      gives: #"["OPTIONS * HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9110 9.1: any token is a method",
      "x!~1 / HTTP/1.1\nHost: a\n\nget / HTTP/1.1\nHost: a\n\n",
      gives:
        #"["x!~1 / HTTP/1.1", "end", "get / HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9112 3.2.2: a whole URI counts, and another Host is handed over beside it",
      "GET http://internal/ HTTP/1.1\nHost: public\n\n",
      gives: #"["GET http://internal/ HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "an empty Host", "GET / HTTP/1.1\nHost:\n\n",
      gives: #"["GET / HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
  ]

  @Test("Accepted", arguments: accepted)
  func accepts(_ example: WireExample) { check(example) }

  static let refusedHeads: [WireExample] = [
    WireExample("TLS", raw: "\u{16}\u{03}\u{01}", breaks: .invalidMethod),
    WireExample("a space first", " GET / HTTP/1.1\n\n", breaks: .invalidMethod),
    WireExample("two empty lines first", "\n\nGET / HTTP/1.1\n\n", breaks: .malformedRequestLine),
    WireExample("no target", "GET HTTP/1.1\n\n", breaks: .malformedRequestLine),
    WireExample("two spaces", "GET  / HTTP/1.1\n\n", breaks: .malformedRequestLine),
    WireExample("a space in the target", "GET /a b HTTP/1.1\n\n", breaks: .malformedVersion),
    WireExample("no version", "GET /\n\n", breaks: .malformedRequestLine),
    WireExample("a bracket in the method", "G(T / HTTP/1.1\n\n", breaks: .invalidMethod),
    WireExample("a small http", "GET / http/1.1\n\n", breaks: .malformedVersion),
    WireExample("a long version", "GET / HTTP/1.10\n\n", breaks: .malformedVersion),
    WireExample("HTTP/2.0", "GET / HTTP/2.0\n\n", breaks: .unsupportedVersion),
    WireExample("HTTP/0.9", "GET / HTTP/0.9\n\n", breaks: .unsupportedVersion),
    WireExample("a fragment", "GET /#a HTTP/1.1\n\n", breaks: .invalidTarget),
    WireExample("only a fragment", "POST #a HTTP/1.1\n\n", breaks: .invalidTarget),
    WireExample("DEL for a target", "GET \u{7f} HTTP/1.1\n\n", breaks: .invalidTarget),
    WireExample("a tab for a target", "GET \t HTTP/1.1\n\n", breaks: .invalidTarget),
    WireExample("nothing behind the method", "GET \n\n", breaks: .malformedRequestLine),
    WireExample("8 bits in the target", "GET /\u{e9} HTTP/1.1\n\n", breaks: .invalidTarget),
    WireExample("a relative target", "GET a HTTP/1.1\n\n", breaks: .targetDoesNotFitMethod),
    WireExample("GET *", "GET * HTTP/1.1\n\n", breaks: .targetDoesNotFitMethod),
    WireExample("GET host:port", "GET a:80 HTTP/1.1\n\n", breaks: .targetDoesNotFitMethod),
    WireExample("CONNECT /", "CONNECT / HTTP/1.1\n\n", breaks: .targetDoesNotFitMethod),
    WireExample("CONNECT without port", "CONNECT a HTTP/1.1\n\n", breaks: .targetDoesNotFitMethod),
    WireExample(
      "RFC 9110 9.3.6: CONNECT to port 0", "CONNECT a:0 HTTP/1.1\n\n",
      breaks: .targetDoesNotFitMethod),
    WireExample("CONNECT to no port", "CONNECT a: HTTP/1.1\n\n", breaks: .targetDoesNotFitMethod),
    WireExample("a user's name", "GET http://u@a/ HTTP/1.1\n\n", breaks: .invalidTarget),
    WireExample("a version cut short", "GET / HTTP\nHost: aaaa\n\n", breaks: .malformedVersion),
    WireExample(
      "LF in the version", raw: "GET / H\nTP/1.1\r\nHost: a\r\n\r\n", breaks: .bareLineFeed),
    WireExample(
      "CR in the version", raw: "GET / H\rTP/1.1\r\nHost: a\r\n\r\n", breaks: .bareCarriageReturn),
    WireExample("bare LF", raw: "GET / HTTP/1.1\nHost: a\n\n", breaks: .bareLineFeed),
    WireExample(
      "bare LF in the fields", raw: "GET / HTTP/1.1\r\nHost: a\n\r\n", breaks: .bareLineFeed),
    WireExample("bare CR", raw: "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", breaks: .bareCarriageReturn),
    WireExample("NUL", "GET / HTTP/1.1\nA: b\0c\n\n", breaks: .invalidFieldValue),
    WireExample("DEL", "GET / HTTP/1.1\nA: b\u{7f}\n\n", breaks: .invalidFieldValue),
    WireExample("folding", "GET / HTTP/1.1\nA: b\n c\n\n", breaks: .lineFolding),
    WireExample("a folded first line", "GET / HTTP/1.1\n A: b\n\n", breaks: .lineFolding),
    WireExample(
      "a space before the colon", "GET / HTTP/1.1\nHost : a\n\n", breaks: .spaceAroundFieldName),
    WireExample("no colon", "GET / HTTP/1.1\nHost\n\n", breaks: .missingColon),
    WireExample("no name", "GET / HTTP/1.1\n: a\n\n", breaks: .invalidFieldName),
    WireExample("a bad name", "GET / HTTP/1.1\nA@: a\n\n", breaks: .invalidFieldName),
    WireExample("no Host", "GET / HTTP/1.1\n\n", breaks: .missingHost),
    WireExample("two Hosts", "GET / HTTP/1.1\nHost: a\nHost: a\n\n", breaks: .repeatedHost),
    WireExample("two Hosts in 1.0", "GET / HTTP/1.0\nHost: a\nhost: a\n\n", breaks: .repeatedHost),
    WireExample("a bad Host", "GET / HTTP/1.1\nHost: a/b\n\n", breaks: .invalidHost),
    WireExample("a bad port", "GET / HTTP/1.1\nHost: a:66000\n\n", breaks: .invalidHost),
    WireExample("an empty address", "GET / HTTP/1.1\nHost: []\n\n", breaks: .invalidHost),
    WireExample("two in one Host", "GET / HTTP/1.1\nHost: a, b\n\n", breaks: .invalidHost),
    WireExample("closed in the request line", "GET / HT", breaks: .closedInsideMessage),
    WireExample("closed in the fields", "GET / HTTP/1.1\nHost: a\n", breaks: .closedInsideMessage),
  ]

  @Test("Refused heads", arguments: refusedHeads)
  func refusesHead(_ example: WireExample) { check(example) }

  static let refusedFramings: [WireExample] = {
    func framing(
      _ fields: String, _ body: String = "", breaks reason: ProtocolError.Reason
    ) -> WireExample {
      WireExample(fields + body, "POST / HTTP/1.1\nHost: a\n\(fields)\n\n\(body)", breaks: reason)
    }
    let chunked = "Transfer-Encoding: chunked"
    return [
      framing("Content-Length: 5\n\(chunked)", breaks: .bothLengthAndTransferEncoding),
      framing("\(chunked)\nContent-Length: 5", breaks: .bothLengthAndTransferEncoding),
      framing("Content-Length: 5\nContent-Length: 6", breaks: .repeatedContentLength),
      framing("Content-Length: 5\nContent-Length: 5", breaks: .repeatedContentLength),
      framing("Content-Length: 5, 6", breaks: .invalidContentLength),
      framing("Content-Length: 5, 5", breaks: .invalidContentLength),
      framing("Content-Length: +5", breaks: .invalidContentLength),
      framing("Content-Length: -5", breaks: .invalidContentLength),
      framing("Content-Length: 0x5", breaks: .invalidContentLength),
      framing("Content-Length: 5 5", breaks: .invalidContentLength),
      framing("Content-Length:", breaks: .invalidContentLength),
      framing("Content-Length: 9223372036854775808", breaks: .invalidContentLength),
      framing(
        "Content-Length: 9223372036854775807", "x",
        breaks: .contentShorterThanLength(missing: 9_223_372_036_854_775_806)),
      framing("Content-Length: 99999999999999999999999", breaks: .invalidContentLength),
      framing("Transfer-Encoding: gzip", breaks: .unsupportedTransferCoding),
      framing("Transfer-Encoding: gzip, chunked", breaks: .unsupportedTransferCoding),
      framing("Transfer-Encoding: chunked, chunked", breaks: .unsupportedTransferCoding),
      framing("Transfer-Encoding: xchunked", breaks: .unsupportedTransferCoding),
      framing("Transfer-Encoding: identity", breaks: .unsupportedTransferCoding),
      framing("Transfer-Encoding:", breaks: .unsupportedTransferCoding),
      framing("\(chunked)\n\(chunked)", breaks: .unsupportedTransferCoding),
      framing("Content-Length: 5", "four", breaks: .contentShorterThanLength(missing: 1)),
      framing(chunked, "", breaks: .closedInsideMessage),
      framing(chunked, "5\nhell", breaks: .closedInsideMessage),
      framing(chunked, "1\nx\n0\n", breaks: .closedInsideMessage),
      framing(chunked, "\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, ";a\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "g\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "-1\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "0x1\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "1 \nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, " 1\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "1;a\u{7f}\nx\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "1\nxy\n0\n\n", breaks: .malformedChunk),
      framing(chunked, "1\nxyz0\n\n", breaks: .malformedChunk),
      framing(chunked, "8000000000000000\nx", breaks: .malformedChunk),
      framing(chunked, "fffffffffffffffff\nx", breaks: .malformedChunk),
      framing(chunked, "0\nContent-Length: 5\n\n", breaks: .forbiddenTrailer),
      framing(chunked, "0\nhOsT: a\n\n", breaks: .forbiddenTrailer),
      framing(chunked, "0\n A: b\n\n", breaks: .lineFolding),
      WireExample(
        "LF in a chunk extension",
        raw: "POST / HTTP/1.1\r\nHost: a\r\n\(chunked)\r\n\r\n1;a\nx\r\n0\r\n\r\n",
        breaks: .malformedChunk),
      WireExample(
        "LF alone behind a chunk",
        raw: "POST / HTTP/1.1\r\nHost: a\r\n\(chunked)\r\n\r\n1\r\nx\n0\r\n\r\n",
        breaks: .malformedChunk),
      WireExample(
        "chunked in HTTP/1.0", "POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n",
        breaks: .transferEncodingBeforeHTTP11),
    ]
  }()

  @Test("Refused framings and bodies", arguments: refusedFramings)
  func refusesFraming(_ example: WireExample) { check(example) }

  @Test(
    "RFC 9110 6.5.1: what must be known before the content is no trailer",
    arguments: [
      "Transfer-Encoding", "Content-Length", "Host", "Connection", "Keep-Alive", "Upgrade", "TE",
      "Trailer", "Expect", "Max-Forwards", "Cache-Control", "Range", "If-Match", "If-None-Match",
      "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Authorization", "WWW-Authenticate",
      "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Cookie", "Set-Cookie",
      "Content-Encoding", "Content-Type", "Content-Range",
    ])
  func forbiddenTrailers(name: String) throws {
    let head = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
    check(WireExample(name, head + "0\n\(name): a\n\n", breaks: .forbiddenTrailer))
    var client = Connection(role: .client)
    var output: [UInt8] = []
    let fields = [("Host", "a"), ("Transfer-Encoding", "chunked")]
    try client.send(
      .request(RequestHead(method: "POST", target: "/", fields: fields)), into: &output)
    #expect(throws: ProtocolError(.forbiddenTrailer, by: .us)) {
      try client.send(.endOfMessage(trailers: Fields([(name, "a")])), into: &output)
    }
  }

  @Test(
    "RFC 9110 6.5.1: other trailers are taken",
    arguments: ["Digest", "Iffy", "Ranges", "Authentication-Info", "X", "Server-Timing"])
  func trailers(name: String) {
    let wire = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\n\(name): a\n\n"
    let (reading, difference) = readInEveryWay(
      [UInt8](wire: wire), with: Connection(role: .server))
    #expect(difference == nil)
    #expect(reading.error == nil)
  }

  @Test("Status hints")
  func statusHints() {
    #expect(ProtocolError(.startLineTooLong(limit: 1), by: .peer).statusHint == 414)
    #expect(ProtocolError(.headTooLarge(limit: 1), by: .peer).statusHint == 431)
    #expect(ProtocolError(.unsupportedTransferCoding, by: .peer).statusHint == 501)
    #expect(ProtocolError(.unsupportedVersion, by: .peer).statusHint == 505)
    #expect(ProtocolError(.missingHost, by: .peer).statusHint == 400)
  }
}

@Suite("Reading responses")
struct ResponseReadingTests {
  private func check(_ example: WireExample) throws {
    var client = Connection(role: .client)
    var wire: [UInt8] = []
    let target = example.requestMethod == "CONNECT" ? "a:80" : "/"
    let fields = [("Host", "a"), ("Upgrade", "x"), ("Connection", "upgrade")]
    try client.send(
      .request(
        RequestHead(
          method: example.requestMethod, target: target,
          fields: example.name.contains("upgrade") ? fields : [fields[0]])), into: &wire)
    try client.send(.endOfMessage(), into: &wire)
    let (reading, difference) = readInEveryWay(example.wire, with: client)
    #expect(difference == nil)
    if let reason = example.reason {
      #expect(reading.error == ProtocolError(reason, by: .peer), "\(reading)")
    } else {
      #expect(reading.description == example.expected)
    }
  }

  static let examples: [WireExample] = [
    WireExample(
      "a length", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
      gives: #"["200 HTTP/1.1", "content(hi)", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "no reason and no space", "HTTP/1.1 200\nContent-Length: 0\n\n",
      gives: #"["200 HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "until close", "HTTP/1.0 200 OK\n\nhi there",
      gives: #"["200 HTTP/1.0", "content(hi there)", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "chunked", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nhi\n0\n\n",
      gives: #"["200 HTTP/1.1", "content(hi)", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "interim ones first",
      "HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early\nLink: x\n\nHTTP/1.1 204 None\n\n",
      gives: #"["interim 100", "interim 103", "204 HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "to HEAD a length says nothing", "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
      gives: #"["200 HTTP/1.1", "end", "closed"] -> closed, 0 left"#, to: "HEAD"),
    WireExample(
      "204 has no content", "HTTP/1.1 204 None\nContent-Length: 5\n\n",
      gives: #"["204 HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "RFC 9110 7.2: Host means nothing", "HTTP/1.1 204 None\nHost: a/b\nHost: c\n\n",
      gives: #"["204 HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "304 has no content", "HTTP/1.1 304 Same\nContent-Length: 5\n\n",
      gives: #"["304 HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "2xx to CONNECT", "HTTP/1.1 200 OK\nContent-Length: 5\n\nother protocol",
      gives: #"["200 HTTP/1.1"] -> switched, 14 left"#, to: "CONNECT"),
    WireExample(
      "RFC 9110 9.3.6: 2xx to CONNECT, framing that makes no sense",
      "HTTP/1.1 200 OK\nContent-Length: x\nContent-Length: 5\nTransfer-Encoding: y\n\nother protocol",
      gives: #"["200 HTTP/1.1"] -> switched, 14 left"#, to: "CONNECT"),
    WireExample(
      "RFC 9112 6.3, rule 1: 1xx, framing that makes no sense",
      "HTTP/1.1 103 Early\nContent-Length: x\nTransfer-Encoding: y\n\nHTTP/1.1 204 None\n\n",
      gives: #"["interim 103", "204 HTTP/1.1", "end", "closed"] -> closed, 0 left"#),
    WireExample(
      "101 to an upgrade, a length that makes no sense",
      "HTTP/1.1 101 Switching\nContent-Length: x\n\n\u{1}",
      gives: #"["interim 101"] -> switched, 1 left"#),
    WireExample(
      "4xx to CONNECT", "HTTP/1.1 403 No\nContent-Length: 2\n\nno",
      gives: #"["403 HTTP/1.1", "content(no)", "end", "closed"] -> closed, 0 left"#, to: "CONNECT"),
    WireExample(
      "101 to an upgrade", "HTTP/1.1 101 Switching\nUpgrade: x\n\n\u{1}",
      gives: #"["interim 101"] -> switched, 1 left"#),
    WireExample(
      "101 to CONNECT", "HTTP/1.1 101 Switching\nUpgrade: x\n\n", breaks: .switchWithoutProposal,
      to: "CONNECT"),
    WireExample("101 to nothing", "HTTP/1.1 101 Switching\n\n", breaks: .switchWithoutProposal),
    WireExample(
      "RFC 9112 2.2: an empty line first", "\nHTTP/1.1 200 OK\n\n", breaks: .malformedStatusLine),
    WireExample("HTTP/2", "HTTP/2.0 200 OK\n\n", breaks: .unsupportedVersion),
    WireExample("not HTTP", "SSH-2.0\n\n", breaks: .malformedStatusLine),
    WireExample("two digits", "HTTP/1.1 20 OK\n\n", breaks: .malformedStatusLine),
    WireExample("letters", "HTTP/1.1 2x0 OK\n\n", breaks: .invalidStatus),
    WireExample("four digits", "HTTP/1.1 2000 OK\n\n", breaks: .malformedStatusLine),
    WireExample("LF in the status", raw: "HTTP/1.1 20\nA: b\r\n\r\n", breaks: .bareLineFeed),
    WireExample("only a version", "HTTP/1.1\nA: bcdefgh\n\n", breaks: .malformedStatusLine),
    WireExample("a low status", "HTTP/1.1 099 OK\n\n", breaks: .invalidStatus),
    WireExample("NUL in the reason", "HTTP/1.1 200 O\0K\n\n", breaks: .invalidReason),
    WireExample(
      "too little", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhi",
      breaks: .contentShorterThanLength(missing: 3)),
    WireExample(
      "both framings", "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n",
      breaks: .bothLengthAndTransferEncoding),
    WireExample("nothing at all", "", breaks: .closedInsideMessage),
  ]

  /// What is ignored where there is no content is refused all the same if it is malformed, but for 1xx and 2xx to CONNECT.
  static let refusedLengths: [WireExample] = {
    func response(_ status: Int, _ method: String = "GET") -> [WireExample] {
      let start = "HTTP/1.1 \(status) Text\n"
      let name = "\(status) to \(method)"
      return [
        WireExample(
          "\(name), letters", start + "Content-Length: x\n\n", breaks: .invalidContentLength,
          to: method),
        WireExample(
          "\(name), two", start + "Content-Length: 5\nContent-Length: 5\n\n",
          breaks: .repeatedContentLength, to: method),
        WireExample(
          "\(name), beside Transfer-Encoding",
          start + "Transfer-Encoding: chunked\nContent-Length: x\n\n",
          breaks: .invalidContentLength, to: method),
      ]
    }
    return response(200) + response(204) + response(304) + response(200, "HEAD")
      + response(403, "CONNECT")
  }()

  @Test("Refused lengths", arguments: refusedLengths)
  func refusesLength(_ example: WireExample) throws { try check(example) }

  @Test("Table", arguments: examples)
  func table(_ example: WireExample) throws { try check(example) }

  @Test("A response to no request is refused, at its first byte", arguments: 1...3)
  func withoutRequest(count: Int) {
    let wire = Array([UInt8](wire: "HTTP/1.1 408 Timeout\n\n").prefix(count * 9))
    let (reading, difference) = readInEveryWay(wire, with: Connection(role: .client))
    #expect(difference == nil)
    #expect(reading.error == ProtocolError(.responseWithoutRequest, by: .peer))
    let (first, _) = read([[wire[0]]], with: Connection(role: .client), ended: false)
    #expect(first.error == ProtocolError(.responseWithoutRequest, by: .peer))
  }

  @Test("RFC 9112 6.3: what comes behind a response is not taken for the next one")
  func behindResponse() throws {
    func client(after wire: String) throws -> Connection {
      var client = Connection(role: .client)
      var output: [UInt8] = []
      let request = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")])
      try client.send(.request(request), into: &output)
      try client.send(.endOfMessage(), into: &output)
      return read([[UInt8](wire: wire)], with: client, ended: false).connection
    }
    for response in [
      "Content-Length: 0\n\n", "Content-Length: 1\n\na", "Transfer-Encoding: chunked\n\n0\n\n",
    ] {
      let start = "HTTP/1.1 200 OK\n"
      var alone = try client(after: start + response)
      #expect(alone.isPersistent)
      try alone.startNextExchange()
      for tail in ["H", "\n", "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil"] {
        var followed = try client(after: start + response + tail)
        #expect(!followed.isPersistent)
        #expect(followed.ourState == .mustClose && followed.peerState == .mustClose)
        #expect(throws: ProtocolError(.exchangeNotFinished, by: .us)) {
          try followed.startNextExchange()
        }
      }
    }
  }

  @Test("RFC 9112 6.3: nor is it by a client that goes on as soon as the response has ended")
  func behindResponseAtOnce() throws {
    var client = Connection(role: .client)
    var output: [UInt8] = []
    let request = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")])
    try client.send(.request(request), into: &output)
    try client.send(.endOfMessage(), into: &output)
    var input = [UInt8](wire: "HTTP/1.1 204 None\n\nHTTP/1.1 200 OK\n\n")
    var step = try client.step(input.span)
    while case .event(let event, let consumed) = step {
      input.removeFirst(consumed)
      if case .endOfMessage = event { break }
      step = try client.step(input.span)
    }
    #expect(throws: ProtocolError(.exchangeNotFinished, by: .us)) { try client.startNextExchange() }
  }
}
