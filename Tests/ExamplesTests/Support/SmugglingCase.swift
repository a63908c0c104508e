// Requests about whose end a proxy and a server could disagree.

/// A request with another one hidden in it: the canary, which somebody who reads the first one wrongly takes for a
/// request of its own.
struct SmugglingCase: Sendable {
  /// What the canary is.
  enum Canary: Sendable {
    /// Content, in a request that everybody reads alike: the handler gets it.
    case content
    /// Nothing that anybody may take for a request, in what is best refused.
    case hidden
    /// A request of its own for proxies that are lenient, as RFC 9112 lets them or not: they end the first one before it
    /// and send both, each as they read it. Our server, alone, refuses the whole.
    case lenient
    /// A request of its own, sent ahead.
    case request
  }

  let canary: Canary
  /// `\n` is CR LF; `␊`, `␍` and `␀` are the single bytes. `<canary>` stands for the request that is hidden, `<hex>` for
  /// its length, `<all>` for the length of all that is behind the head, and `<number>` for the number of the case.
  let text: String

  init(_ canary: Canary, _ text: String) {
    (self.canary, self.text) = (canary, text)
  }

  /// What is sent, and behind it a request that ends the connection.
  func bytes(_ number: Int) -> [UInt8] {
    let hidden = "GET /smuggled/\(number) HTTP/1.1\nHost: test\n\n"
    let hiddenCount = encode(hidden).count
    var text = text.replacing("<number>", with: "\(number)")
      .replacing("<canary>", with: hidden)
      .replacing("<hex>", with: String(hiddenCount, radix: 16))
    let body = text.firstRange(of: "\n\n").map { text[$0.upperBound...] } ?? ""
    text = text.replacing("<all>", with: "\(encode(String(body)).count)")
    return encode(text + "GET /end/\(number) HTTP/1.1\nHost: test\nConnection: close\n\n")
  }

  private func encode(_ text: String) -> [UInt8] {
    text.unicodeScalars.flatMap { scalar -> [UInt8] in
      switch scalar {
      case "\n": [0x0d, 0x0a]
      case "␊": [0x0a]
      case "␍": [0x0d]
      case "␀": [0]
      default: Array(String(scalar).utf8)
      }
    }
  }

  static let all = plain + lengths + codings + chunks + heads + switches

  private static func post(_ canary: Canary, _ fields: String, _ body: String) -> SmugglingCase {
    SmugglingCase(canary, "POST /attack/<number> HTTP/1.1\nHost: test\n\(fields)\n\n\(body)")
  }

  // MARK: What nobody doubts

  private static let plain = [
    SmugglingCase(.request, "GET /attack/<number> HTTP/1.1\nHost: test\n\n<canary>"),
    post(.request, "Content-Length: 5", "12345<canary>"),
    post(.request, "Transfer-Encoding: chunked", "5\n12345\n0\n\n<canary>"),
    post(.content, "Content-Length: <all>", "<canary>"),
    post(.content, "Transfer-Encoding: chunked", "<hex>\n<canary>\n0\n\n"),
  ]

  // MARK: Lengths (RFC 9112 section 6.2, RFC 9110 section 8.6)

  /// Whoever goes by another number than the length of the canary, or by none, takes it for a request.
  private static let lengths =
    [
      "Content-Length: <all>\nContent-Length: 0", "Content-Length: 0\nContent-Length: <all>",
      "Content-Length: <all>\nContent-Length: <all>", "Content-Length: <all>, <all>",
      "Content-Length: 0, <all>", "Content-Length: <all>, 0", "Content-Length: <all>,",
      "Content-Length: +<all>", "Content-Length: -<all>", "Content-Length: +0",
      "Content-Length: -0", "Content-Length: 0x<hex>", "Content-Length: 0x0",
      "Content-Length: 4_2", "Content-Length: _<all>", "Content-Length: <all>_",
      "Content-Length: <all>.0", "Content-Length: 4e1", "Content-Length: \"<all>\"",
      "Content-Length: <all> 0", "Content-Length: 0 <all>", "Content-Length: <all>;",
      "Content-Length: x", "Content-Length: ٤٢",
      "Content-Length: 18446744073709551658",
      "Content-Length: 4294967296000000000000<all>", "Content-Length : <all>",
      "Content-Length\t: <all>", "Content-Length : 0\nContent-Length: <all>",
      "Content-Length: 0\n <all>", "Content-Length:\n <all>",
      "Content-Length: <all>␀", "Content-Length␀: <all>",
      "Content-Length:\u{b}<all>", "Content-Length:\u{a0}<all>",
      "X-Before: x␊Content-Length: <all>",
      "X-Before: x␍Content-Length: <all>", "Content-Length: <all>␍\n", "Content-Length <all>",
    ].map { post(.hidden, $0, "<canary>") } + [
      // A folded line, which RFC 9112 section 5.2 lets proxies read as part of the one before.
      post(.lenient, "X-Before: x\n Content-Length: <all>", "<canary>"),
      post(.lenient, " Content-Length: <all>", "<canary>"),
      // nginx drops a field that has no valid name.
      post(.lenient, "\u{feff}Content-Length: <all>", "<canary>"),
      // To HAProxy 2⁶⁴ is 0, and to Caddy nothing is.
      post(.lenient, "Content-Length:", "<canary>"),
      post(.lenient, "Content-Length: 18446744073709551616", "<canary>"),
      // Names of their own, and numbers as they may be written.
      post(.request, "Content_Length: <all>", "<canary>"),
      post(.request, "X-Content-Length: <all>", "<canary>"),
      post(.content, "Content-Length: 000<all>", "<canary>"),
      post(.content, "CONTENT-LENGTH:<all>", "<canary>"),
      // nginx knows no tabs around values.
      post(.hidden, "Content-Length:\t <all> \t", "<canary>"),
      // A field that names the length as one to be dropped on the way.
      post(.content, "Connection: Content-Length\nContent-Length: <all>", "<canary>"),
      SmugglingCase(
        .content, "GET /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
      SmugglingCase(
        .content, "DELETE /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
      SmugglingCase(
        .hidden, "HEAD /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
      SmugglingCase(
        .hidden, "TRACE /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
      SmugglingCase(
        .hidden, "OPTIONS * HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    ]

  // MARK: Transfer codings (RFC 9112 sections 6.1 and 7)

  /// Ways to write the coding that some read as chunked and some do not.
  private static let otherCodings = [
    "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: x",
    "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: chunked\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked x",
    "Transfer-Encoding: x chunked", "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'", "Transfer-Encoding:",
    "Transfer-Encoding: \nTransfer-Encoding: chunked", "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    "Transfer-Encoding: x\n chunked", "Transfer-Encoding: chunked␀",
    "Transfer-Encoding␀: chunked", "Transfer-Encoding:\u{b}chunked",
    "Transfer-Encoding: chunked\u{b}", "Transfer-Encoding:\u{c}chunked",
    "Transfer-Encoding:\u{a0}chunked", "Transfer-Encoding: ＣＨＵＮＫＥＤ",
    "Transfer-Encoding: chun\u{212a}ed",
    "X-Before: x␍Transfer-Encoding: chunked", "X-Before: x\n\u{b}Transfer-Encoding: chunked",
    "Transfer-Encoding␍: chunked", "Transfer-Encoding: chunked␍",
    "Transfer-Encoding chunked",
  ]

  /// Those that are chunked to everybody.
  private static let realCodings = [
    "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "TRANSFER-ENCODING:CHUNKED",
    "Connection: Transfer-Encoding\nTransfer-Encoding: chunked",
  ]

  /// Those that are chunked to some, and refused by the others.
  private static let doubtfulCodings = [
    "Transfer-Encoding:\tchunked\t", "Transfer-Encoding:\n chunked",
    "X-Before: x␊Transfer-Encoding: chunked",
  ]

  /// Whoever goes by the length sees content; whoever goes by the coding sees a last chunk and a request.
  private static let lengthThenCoding = "0\n\n<canary>"
  /// The other way round: the length is that of the line with the first chunk's size.
  private static let codingThenLength = "<hex>\n<canary>\n0\n\n"

  private static let codings =
    otherCodings.flatMap { coding in
      [
        post(.hidden, "Content-Length: <all>\n\(coding)", lengthThenCoding),
        post(.hidden, "\(coding)\nContent-Length: 4", codingThenLength),
      ]
    }
    + (realCodings + doubtfulCodings).flatMap { coding in
      [
        post(.lenient, "Content-Length: <all>\n\(coding)", lengthThenCoding),
        post(.lenient, "\(coding)\nContent-Length: <all>", lengthThenCoding),
        post(.hidden, "Content-Length: 4\n\(coding)", codingThenLength),
        post(.hidden, "\(coding)\nContent-Length: 4", codingThenLength),
      ]
    }
    + realCodings.map { post(.content, $0, codingThenLength) } + [
      // A folded line, as above.
      post(.lenient, " Transfer-Encoding: chunked\nContent-Length: 4", codingThenLength),
      post(.lenient, "X: x\n Transfer-Encoding: chunked\nContent-Length: 4", codingThenLength),
      post(.hidden, "Content-Length: <all>\n Transfer-Encoding: chunked", lengthThenCoding),
      // Names of their own.
      post(.content, "Content-Length: <all>\nTransfer_Encoding: chunked", lengthThenCoding),
      post(.content, "Content-Length: <all>\nTE: chunked", lengthThenCoding),
      post(.content, "Content-Length: <all>\nX-Transfer-Encoding: chunked", lengthThenCoding),
      // Elements of a list may be empty, but who knows that?
      post(.hidden, "Transfer-Encoding: ,chunked\nContent-Length: 4", codingThenLength),
      post(.hidden, "Transfer-Encoding: chunked,\nContent-Length: 4", codingThenLength),
      // HTTP/1.0 has no transfer codings.
      SmugglingCase(
        .hidden,
        "POST /attack/<number> HTTP/1.0\nHost: test\nConnection: keep-alive\n"
          + "Transfer-Encoding: chunked\n\n<hex>\n<canary>\n0\n\n"),
      SmugglingCase(
        .lenient,
        "POST /attack/<number> HTTP/1.0\nHost: test\nConnection: keep-alive\n"
          + "Transfer-Encoding: chunked\nContent-Length: 4\n\n<hex>\n<canary>\n0\n\n"),
      SmugglingCase(
        .hidden,
        "POST /attack/<number> HTTP/1.0\nHost: test\nConnection: keep-alive\n"
          + "Content-Length: <all>\nTransfer-Encoding: chunked\n\n0\n\n<canary>"),
      SmugglingCase(
        .content,
        "GET /attack/<number> HTTP/1.1\nHost: test\nTransfer-Encoding: chunked\n\n"
          + "<hex>\n<canary>\n0\n\n"),
    ]

  // MARK: Chunks (RFC 9112 section 7.1)

  /// A chunk that holds the canary, or does not, as its size is read.
  private static let chunks =
    [
      "0x<hex>\n<canary>\n0\n\n", "+<hex>\n<canary>\n0\n\n", "-<hex>\n<canary>\n0\n\n",
      " <hex>\n<canary>\n0\n\n", "\t<hex>\n<canary>\n0\n\n", "<hex>_\n<canary>\n0\n\n",
      "2_a\n<canary>\n0\n\n", "<hex> x\n<canary>\n0\n\n", "<hex>␀\n<canary>\n0\n\n",
      "<hex>,0\n<canary>\n0\n\n", "<hex>.0\n<canary>\n0\n\n", "\n<canary>\n0\n\n",
      "g\n<canary>\n0\n\n", "<hex>h\n<canary>\n0\n\n", "10000000000000000\n<canary>\n0\n\n",
      "100000000000000<hex>\n<canary>\n0\n\n", "1000000000000<hex>\n<canary>\n0\n\n",
      "ffffffffffffffff\n<canary>\n0\n\n", "fffffffffffffffffffffff<hex>\n<canary>\n0\n\n",
      "-1\n<canary>\n0\n\n",
      // Line feeds alone, and what stands in the place of a line's end.
      "<hex>␊<canary>\n0\n\n", "<hex>\n<canary>␊0\n\n", "<hex>\n<canary>\n0␊␊",
      "<hex>␍<canary>\n0\n\n", "<hex>\n<canary>0\n\n", "<hex>\n<canary>xx0\n\n",
      "<hex>\n<canary>\n0\n␊", "<hex>\n<canary>\n0␊\n",
      // Extensions in which a line feed ends the line for some.
      "2;␊xx\n<hex>\n0\n\n<canary>", "2;x␊xx\n<hex>\n0\n\n<canary>\n0\n\n",
      "5;x␍12345\n<hex>\n<canary>\n0\n\n", "5;␀\n12345\n<hex>\n<canary>\n0\n\n",
      "2␊xx\n<hex>\n<canary>\n0\n\n",
      // Last chunks that are none.
      "0x0\n\n<canary>", "+0\n\n<canary>", "-0\n\n<canary>", "0_0\n\n<canary>", "0,\n\n<canary>",
    ]
    .map { post(.hidden, "Transfer-Encoding: chunked", $0) }
    + [
      // Proxies take as an end, and send on as a valid one, what is not quite one.
      "0;␊\n<canary>", "0;x=\"␊\"\n\n<canary>", "0 \n\n<canary>", "0;\u{b}\n\n<canary>",
      // They drop trailers, whatever is in them.
      "0\nContent-Length: <hex>\n\n<canary>", "0\nTransfer-Encoding: chunked\n\n<canary>",
      "0\nX-Trailer : x\n\n<canary>", "0\nX-Trailer: x␊␊<canary>", "0\n X-Trailer: x\n\n<canary>",
      "0\nX-Trailer: x␀\n\n<canary>", "0\nHost: elsewhere\n\n<canary>", "0\nx\n\n<canary>",
    ]
    .map { post(.lenient, "Transfer-Encoding: chunked", $0) } + [
      post(.content, "Transfer-Encoding: chunked", "<hex>;x=y\n<canary>\n0\n\n"),
      post(.content, "Transfer-Encoding: chunked", "<hex>;x=\"y\"\n<canary>\n00;z\n\n"),
      post(.content, "Transfer-Encoding: chunked", "0000<hex>\n<canary>\n000\n\n"),
      post(.content, "Transfer-Encoding: chunked", "<hex>\n<canary>\n0\nX-Trailer: x\n\n"),
      post(
        .hidden, "Transfer-Encoding: chunked",
        "<hex>;\(String(repeating: "x", count: 5_000))\n<canary>\n0\n\n"),
      post(.request, "Transfer-Encoding: chunked", "0;x=y\n\n<canary>"),
      post(.request, "Transfer-Encoding: chunked", "0\nX-Trailer: x\n\n<canary>"),
    ]

  // MARK: Heads (RFC 9112 sections 2.2, 3 and 5)

  private static let heads = [
    // Whole URIs.
    SmugglingCase(
      .content,
      "POST http://test/attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden,
      "POST http://other/attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden,
      "POST http://a@test/attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden,
      "POST test:80/attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    // Ends of lines that are written otherwise.
    SmugglingCase(.hidden, "GET /attack/<number>%20HTTP/1.1%0d%0aHost:%20test%0d%0a%0d%0a<canary>"),
    SmugglingCase(
      .hidden,
      "GET /attack/<number>%0d%0a%0d%0aGET%20/smuggled/<number>%20HTTP/1.1%0d%0aHost:%20test%0d%0a%0d%0a HTTP/1.1\n"
        + "Host: test\n\n"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/1.1␍Host: test␍Content-Length: <all>␍␍\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/1.1\nHost: test\nX: ␍\n␍\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/1.1\nHost: test␊Content-Length: <all>␊␊\n\n<canary>"),
    SmugglingCase(
      .hidden,
      "POST /attack/<number> HTTP/1.1\nHost: test\nX: ␍␊ ␍\nContent-Length: <all>\n\n<canary>"),
    // Request lines.
    SmugglingCase(
      .hidden,
      "POST /attack/<number> HTTP/1.1 HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST\t/attack/<number>\tHTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST  /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/1.1 \nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/1.2\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/2.0\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/01.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number> http/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number>\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "POST /attack/<number>␀ HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "PO␀ST /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(
      .hidden, "PRI * HTTP/2.0\n\nSM\n\n<canary>"),
    SmugglingCase(
      .hidden, "\nPOST /attack/<number> HTTP/1.1\nHost: test\nContent-Length: <all>\n\n<canary>"),
    // Fields.
    SmugglingCase(
      .hidden, "POST /attack/<number> HTTP/1.1\nContent-Length: <all>\n\n<canary>"),
    post(.hidden, "Host: other\nContent-Length: <all>", "<canary>"),
    post(.hidden, "␀: x\nContent-Length: <all>", "<canary>"),
    post(.hidden, "X: ␀\nContent-Length: <all>", "<canary>"),
    post(.hidden, ": x\nContent-Length: <all>", "<canary>"),
    post(.hidden, "X\nContent-Length: <all>", "<canary>"),
    post(.hidden, "X: y\n z\nContent-Length: <all>", "<canary>"),
  ]

  // MARK: Leaving HTTP (RFC 9110 sections 7.8, 9.3.6 and 10.1.1)

  private static let switches = [
    post(.hidden, "Expect: 100-continue\nContent-Length: <all>", "<canary>"),
    post(.hidden, "Expect: 100-continue\nTransfer-Encoding: chunked", codingThenLength),
    post(.hidden, "Expect: 100-Continue \nContent-Length: <all>", "<canary>"),
    post(.hidden, "Expect: y 100-continue\nContent-Length: <all>", "<canary>"),
    post(.hidden, "Expect:\n 100-continue\nContent-Length: <all>", "<canary>"),
    post(.hidden, "Expect: 100-continue, 100-continue\nContent-Length: <all>", "<canary>"),
    post(.hidden, "Expect: other\nContent-Length: <all>", "<canary>"),
    SmugglingCase(
      .hidden,
      "GET /attack/<number> HTTP/1.1\nHost: test\nExpect: 100-continue\nContent-Length: <all>\n\n<canary>"
    ),
    post(
      .hidden,
      "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\nContent-Length: <all>",
      "<canary>"),
    post(
      .hidden,
      "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\nTransfer-Encoding: chunked",
      codingThenLength),
    post(.hidden, "Connection: Upgrade\nUpgrade: websocket\nContent-Length: <all>", "<canary>"),
    SmugglingCase(
      .request,
      "GET /attack/<number> HTTP/1.1\nHost: test\nConnection: Upgrade\nUpgrade: websocket\n"
        + "Sec-WebSocket-Version: 777\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n<canary>"),
    // A proxy may go on after the refusal of a tunnel; it has then dropped what CONNECT cannot have.
    SmugglingCase(.lenient, "CONNECT test:443 HTTP/1.1\nHost: test:443\n\n<canary>"),
    SmugglingCase(
      .lenient, "CONNECT test:443 HTTP/1.1\nHost: test:443\nContent-Length: <all>\n\n<canary>"),
    SmugglingCase(.lenient, "CONNECT /attack/<number> HTTP/1.1\nHost: test\n\n<canary>"),
    post(.hidden, "Connection: close, keep-alive", "<canary>"),
    post(.content, "Connection: X-Forwarded-Proto, Host\nContent-Length: <all>", "<canary>"),
  ]
}
