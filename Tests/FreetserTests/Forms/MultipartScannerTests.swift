// Multipart bodies in whatever pieces they come, good and bad.

import StreamSimulation
import Testing

@testable import Freetser

/// What a body is made of: one text for each part, head and content, and what is wrong at last.
struct ScannedBody: Equatable {
  struct Part: Equatable {
    var head: String
    var content: [UInt8] = []
    var isWhole = false
  }
  var parts: [Part] = []
  var isWhole = false
  var error: HTTPError?
  /// The most that was held at a time, beyond the piece given last.
  var mostHeld = 0

  /// Scans a body that comes in pieces.
  init(
    _ pieces: some Sequence<[UInt8]>, boundary: String = "x", maximumHeadSize: Int = 8_192
  ) {
    var scanner = MultipartScanner(boundary: boundary, maximumHeadSize: maximumHeadSize)
    var pieces = pieces.makeIterator()
    do throws(HTTPError) {
      while true {
        switch try scanner.step() {
        case .needMoreInput:
          guard let piece = pieces.next() else { return }
          scanner.add(piece)
          mostHeld = max(mostHeld, scanner.input.count - piece.count)
        case .head(let range):
          parts.append(Part(head: String(decoding: scanner.input[range], as: UTF8.self)))
        case .content(let range):
          #expect(!range.isEmpty)
          parts[parts.count - 1].content += scanner.input[range]
        case .endOfPart: parts[parts.count - 1].isWhole = true
        case .endOfBody:
          isWhole = true
          return
        }
      }
    } catch {
      self.error = error
      #expect(throws: error) { _ = try scanner.step() }
    }
  }

  /// Scans a text in which each line feed stands for CR LF.
  init(_ text: String, boundary: String = "x", maximumHeadSize: Int = 8_192) {
    self.init([wire(text)], boundary: boundary, maximumHeadSize: maximumHeadSize)
  }

  /// The same but for how much was held.
  static func == (left: ScannedBody, right: ScannedBody) -> Bool {
    left.parts == right.parts && left.isWhole == right.isWhole && left.error == right.error
  }

  /// Heads and contents, as in `a: b|content`.
  var texts: [String] {
    parts.map { "\($0.head)|\(String(decoding: $0.content, as: UTF8.self))" }
  }
}

/// The bytes of a text in which each line feed stands for CR LF.
func wire(_ text: String) -> [UInt8] {
  text.utf8.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
}

@Suite("Multipart bodies")
struct MultipartScannerTests {
  private static let whole: [(text: String, parts: [String])] = [
    ("--x\na: b\n\nhello\n--x--", ["a: b|hello"]),
    ("--x\na: b\n\nhello\n--x--\n", ["a: b|hello"]),
    ("--x\na: b\nc: d\n\n1\n--x\ne: f\n\n2\n--x--\n", ["a: b\r\nc: d|1", "e: f|2"]),
    // No content, with a line break of its own and without (RFC 2046: `[ CRLF *OCTET ]`).
    ("--x\na: b\n\n\n--x--", ["a: b|"]), ("--x\na: b\n\n--x--", ["a: b|"]),
    ("--x\na: b\n\n--x\nc: d\n\n--x--", ["a: b|", "c: d|"]),
    // No head.
    ("--x\n\nhello\n--x--", ["|hello"]), ("--x\n\n\n--x--", ["|"]), ("--x\n\n--x--", ["|"]),
    // No part.
    ("--x--", []), ("\n--x--", []),
    // What is before the first delimiter and behind the last.
    ("\n--x\na: b\n\n1\n--x--", ["a: b|1"]),
    ("pre\namble\n--x\na: b\n\n1\n--x--epi\n--x\n", ["a: b|1"]),
    // What looks like a delimiter.
    (
      "--x\na: b\n\n--\n-x\n--X\n--y--x\n\n\r--x\n--x--",
      ["a: b|--\r\n-x\r\n--X\r\n--y--x\r\n\r\n\r--x"]
    ),
    ("--x\na: b\n\n\r\r\n\r\r--x\r\n\r\n--x--", ["a: b|\r\r\r\n\r\r--x\r\r\n\r"]),
    ("--x\na: b\n\n\n\n\n--x--", ["a: b|\r\n\r\n"]),
    ("--x\na: --x\n\n--x--", ["a: --x|"]),
  ]

  @Test("RFC 2046 5.1.1: parts, however the body is cut", arguments: whole.indices)
  func parts(_ index: Int) {
    let (text, parts) = Self.whole[index]
    let bytes = wire(text)
    let scanned = ScannedBody([bytes])
    #expect(scanned.texts == parts && scanned.isWhole && scanned.error == nil)
    #expect(!scanned.parts.contains { !$0.isWhole })
    expectSplitsMakeNoDifference(bytes, scanned)
  }

  private func expectSplitsMakeNoDifference(_ bytes: [UInt8], _ expected: ScannedBody) {
    #expect(ScannedBody(bytes.map { [$0] }) == expected)
    for cut in 0...bytes.count {
      #expect(ScannedBody([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut \(cut)")
    }
  }

  @Test("A body that is cut short has no end, wherever that is", arguments: whole.indices)
  func beginnings(_ index: Int) {
    let bytes = wire(Self.whole[index].text)
    let whole = ScannedBody([bytes])
    for count in 0..<bytes.count {
      let scanned = ScannedBody([Array(bytes[..<count])])
      #expect(scanned.error == nil)
      if scanned.isWhole { #expect(scanned == whole) }
    }
    #expect(!ScannedBody([bytes.prefix { $0 != UInt8(ascii: "-") }]).isWhole)
  }

  @Test(
    "A boundary that is not alone on its line is malformed, however the body is cut",
    arguments: [
      "--xy\n", "--x \n", "--x-\n", "--x\r\r", "--x\t--", "--xa: b\n\n",
      "--x\na: b\n\n1\n--x2\n2\n--x--", "--x\na: b\n\n1\n--x\r2", "--x\na: b\n\n--x-x",
    ])
  func malformed(_ text: String) {
    let bytes = wire(text)
    let scanned = ScannedBody([bytes])
    #expect(
      scanned.error == HTTPError(.badRequest, "A boundary between parts is not alone on its line"))
    expectSplitsMakeNoDifference(bytes, scanned)
  }

  @Test("Lines end in CR LF and in nothing else")
  func lineFeeds() {
    #expect(ScannedBody([Array("--x\na: b\n\n1\n--x--".utf8)]).error != nil)
    let scanned = ScannedBody([Array("--x\r\na: b\r\n\r\n1\n--x--\r--x--".utf8)])
    #expect(scanned.texts == ["a: b|1\n--x--\r--x--"] && !scanned.isWhole)
  }

  @Test("Boundaries of 70 characters, and of hyphens alone")
  func boundaries() {
    for boundary in [String(repeating: "a", count: 70), "-", "----", "--x--", "a b"] {
      let bytes = wire("--\(boundary)\na: b\n\n--\n--\(boundary)--")
      let scanned = ScannedBody([bytes], boundary: boundary)
      #expect(scanned.texts == ["a: b|--"] && scanned.isWhole)
      #expect(ScannedBody(bytes.map { [$0] }, boundary: boundary) == scanned)
    }
  }

  @Test("The largest head, and one byte more, also if it never ends")
  func headSize() {
    let error = HTTPError(.badRequest, "The head of a part has more than 20 bytes")
    func scanned(_ size: Int, byByte: Bool) -> ScannedBody {
      let bytes = wire("--x\n" + String(repeating: "a", count: size) + "\n\n1\n--x--")
      return ScannedBody(byByte ? bytes.map { [$0] } : [bytes], maximumHeadSize: 20)
    }
    for byByte in [false, true] {
      #expect(scanned(20, byByte: byByte).isWhole)
      #expect(scanned(21, byByte: byByte).error == error)
    }
    let endless = (0..<1_000).lazy.map { _ in [UInt8(ascii: "a")] }
    let scanned = ScannedBody([wire("--x\n")] + Array(endless), maximumHeadSize: 20)
    #expect(scanned.error == error && scanned.mostHeld < 40)
  }

  @Test("Little is held, whatever the content is, and whatever is before the first part")
  func memory() {
    let boundary = String(repeating: "b", count: 70)
    let nearly = Array("\r\n--".utf8) + Array(repeating: UInt8(ascii: "b"), count: 69)
    for piece in [nearly, [0x0d], [0x0d, 0x0a], Array(repeating: 0, count: 1_000)] {
      let pieces = Array(repeating: piece, count: 200)
      let inside = ScannedBody([wire("--\(boundary)\na: b\n\n")] + pieces, boundary: boundary)
      #expect(inside.mostHeld < 80)
      #expect(ScannedBody(pieces, boundary: boundary).mostHeld < 80)
    }
  }

  @Test("Random bodies come out as they went in, and mutated ones the same however they are cut")
  func random() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let alphabet = Array("\r\r\n\n--xxa: ".utf8) + [0, 0xff]
    for _ in 0..<1_500 {
      func bytes(upTo count: Int) -> [UInt8] {
        (0..<Int.random(in: 0...count, using: &random)).map { _ in
          alphabet.randomElement(using: &random)!
        }
      }
      let contents = (0..<Int.random(in: 0...3, using: &random)).map { _ in bytes(upTo: 30) }
      // The sender's duty: a boundary that is in none of them.
      var body: [UInt8] = []
      for content in contents {
        body += wire("--x--x!\na: b\n\n") + content + wire("\n")
      }
      body += wire("--x--x!--")
      let scanned = ScannedBody(cut(body, &random), boundary: "x--x!")
      #expect(
        scanned.isWhole && scanned.parts.map(\.content) == contents, "seed \(seed), \(body)")
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        body[Int.random(in: body.indices, using: &random)] =
          alphabet.randomElement(using: &random)!
      }
      let whole = ScannedBody([body], boundary: "x--x!", maximumHeadSize: 40)
      let inPieces = ScannedBody(
        cut(body, &random), boundary: "x--x!", maximumHeadSize: 40)
      #expect(whole == inPieces, "seed \(seed), \(body)")
    }
  }

  private func cut(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...12, using: &random))
      pieces.append(Array(piece))
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }
}

@Suite("Heads of parts")
struct PartHeadTests {
  private func head(_ text: String) -> Result<PartHead, HTTPError> {
    Result { () throws(HTTPError) in try PartHead(wire(text)[...]) }
  }

  @Test(
    "Names, as browsers write them",
    arguments: [
      (#"form-data; name="a""#, "a", nil), (#"Form-Data;name=a"#, "a", nil),
      (#"form-data ; NAME = "a""#, nil, nil), (#"form-data; name="""#, "", nil),
      (#"form-data; name="a"; filename="b.txt""#, "a", "b.txt"),
      (#"form-data; filename="b.txt"; name="a""#, "a", "b.txt"),
      (#"form-data; name="a"; filename="""#, "a", nil),
      (#"form-data; name="ü\"; filename="C:\x\y""#, "ü\\", #"C:\x\y"#),
      (#"form-data; name="a%22%0D%0A%0a%41%"; filename="%22%25""#, "a\"\r\n%0a%41%", "\"%25"),
      (#"form-data; name="a"; filename="../../etc/passwd""#, "a", "../../etc/passwd"),
      (#"form-data; name="a"; filename="b"; filename*=UTF-8''c"#, "a", "b"),
      (#"form-data; name="a;b"; x=y;"#, "a;b", nil),
      (#"form-data; filename="b""#, nil, nil), ("form-data", nil, nil), ("", nil, nil),
      (#"attachment; name="a""#, nil, nil), (#"name="a""#, nil, nil),
      (#"form-data; name="a"; name="b""#, nil, nil), (#"form-data; name="a"#, nil, nil),
      (#"form-data; name="a"b"#, nil, nil), (#"form-data; name="a\"b""#, nil, nil),
      (#"form-data, name="a""#, nil, nil), (#"form-data; name="#, nil, nil),
      (#"form-data; name=ü"#, nil, nil),
    ] as [(String, String?, String?)])
  func disposition(value: String, name: String?, fileName: String?) throws {
    let result = head("Content-Disposition: \(value)")
    if let name {
      #expect(try result.get().name == name && result.get().fileName == fileName)
    } else {
      #expect(result == .failure(HTTPError(.badRequest, "A part of the form has no name")))
    }
  }

  @Test("The content's type and encoding")
  func content() throws {
    let named = "content-disposition: form-data; name=a"
    #expect(try head(named).get().contentType == "text/plain")
    #expect(try head("Content-Type:  a/b;c \n\(named)").get().contentType == "a/b;c")
    for encoding in ["7bit", "8BIT", "binary"] {
      #expect(throws: Never.self) {
        try head("\(named)\nContent-Transfer-Encoding: \(encoding)").get()
      }
    }
    #expect(
      head("\(named)\nContent-Transfer-Encoding: base64")
        == .failure(HTTPError(.badRequest, "“a” is encoded, which is not understood", field: "a")))
    #expect(
      head("\(named)\n\(named)")
        == .failure(HTTPError(.badRequest, "A part of the form has no name")))
  }

  @Test(
    "What is malformed",
    arguments: ["x", "x y: z", ": z", " folded: z", "x: \0", "x: a\r", "x: a\nx: b\rc: d", "ü: x"])
  func malformed(_ line: String) {
    #expect(
      head("Content-Disposition: form-data; name=a\n\(line)")
        == .failure(HTTPError(.badRequest, "The head of a part is malformed")))
  }

  @Test("What is not UTF-8 is malformed")
  func bytes() {
    let bytes = wire("Content-Disposition: form-data; name=\"") + [0xff, 0x22]
    #expect(throws: HTTPError(.badRequest, "The head of a part is malformed")) {
      _ = try PartHead(bytes[...])
    }
  }
}
