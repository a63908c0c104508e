// Bodies as JSON: what is taken, and which part of what is not is wrong.

import Freetser
import FreetserTesting
import StreamSimulation
import Testing

@testable import struct Freetser.JSONText

@Suite("JSON")
struct JSONTests {
  struct Order: Decodable, Equatable {
    var id: Int
    var items: [Item]?
    var note: String?
    var paid: Bool?
    var total: Double?
  }
  struct Item: Decodable, Equatable { var name: String }

  private func request(_ body: [UInt8], type: String? = "application/json") throws -> Request {
    try makeRequest(fields: type.map { [("Content-Type", $0)] } ?? [], body: body)
  }

  private func order(_ body: String) throws -> Order {
    try request(Array(body.utf8)).json(Order.self)
  }

  @Test("Values are read")
  func values() throws {
    #expect(
      try order(#" {"id": 1, "items": [{"name": "\u00fc\"]}"}], "else": [[{}]]} "#)
        == Order(id: 1, items: [Item(name: "ü\"]}")]))
    #expect(try request(Array("[1,2]".utf8)).json([Int].self) == [1, 2])
    #expect(try request(Array(" 7\n".utf8)).json() == 7)
  }

  @Test(
    "What is wrong is named",
    arguments: [
      ("{}", "id", "“id” is missing"),
      (#"{"id": null}"#, "id", "“id” is missing"),
      (#"{"id": "1"}"#, "id", "“id” is not a whole number"),
      (
        #"{"id": 1, "items": [{"name": "a"}, {"name": "b"}, {"name": 5}]}"#, "items[2].name",
        "“items[2].name” is not text"
      ),
      (#"{"id": 1, "items": [{}]}"#, "items[0].name", "“items[0].name” is missing"),
      (#"{"id": 1, "items": [null]}"#, "items[0]", "“items[0]” is missing"),
      (#"{"id": 1, "items": {}}"#, "items", "“items” is not a list"),
      (#"{"id": 1, "items": [7]}"#, "items[0]", "“items[0]” is not an object"),
      (#"{"id": 1, "paid": 1}"#, "paid", "“paid” is neither true nor false"),
      (#"{"id": 1, "total": "1"}"#, "total", "“total” is not a number"),
      ("[]", nil, "The body is not an object"),
      ("null", nil, "The body is missing"),
      (#"{"id": 1.5}"#, nil, "The body has a value that does not fit"),
      (#"{"id": 9223372036854775808}"#, nil, "The body has a value that does not fit"),
      (#"{"id": 1, "note": "\ud800"}"#, nil, "The body has a value that does not fit"),
      ("", nil, "The body is empty"),
      ("{", nil, "The body is not JSON, from byte 2 on"),
    ] as [(String, String?, String)])
  func flaws(body: String, field: String?, detail: String) throws {
    #expect(throws: HTTPError(.badRequest, detail, field: field)) { try order(body) }
  }

  @Test(
    "Media types",
    arguments: [
      (nil, false), ("", false), ("text/plain", false), ("text/json", false),
      ("application/x-www-form-urlencoded", false), ("application/json", true),
      ("Application/JSON; charset=utf-8", true), ("application/problem+json", true),
      ("application/json, application/json", false), ("application/json5", false),
      ("application/jsonx+xml", false),
    ] as [(String?, Bool)])
  func mediaType(type: String?, isJSON: Bool) throws {
    let request = try request(Array("1".utf8), type: type)
    if isJSON {
      #expect(try request.json(Int.self) == 1)
    } else {
      let error = #expect(throws: HTTPError.self) { try request.json(Int.self) }
      #expect(error?.status == .unsupportedMediaType)
      #expect(error?.fields[.accept] == "application/json")
    }
  }

  private func check(_ text: String, maximumDepth: Int = 64) -> HTTPError? {
    check(Array(text.utf8), maximumDepth: maximumDepth)
  }

  private func check(_ bytes: [UInt8], maximumDepth: Int = 64) -> HTTPError? {
    do throws(HTTPError) {
      try JSONText.check(bytes, maximumDepth: maximumDepth)
      return nil
    } catch {
      return error
    }
  }

  @Test("64 levels pass, and neither 65 nor 100,000, of lists, of objects and of both")
  func depth() throws {
    for (opening, closing) in [("[", "]"), (#"{"a":"#, "}")] {
      func nested(_ depth: Int) -> String {
        let inside = opening == "[" ? "" : "1"
        return String(repeating: opening, count: depth) + inside
          + String(repeating: closing, count: depth)
      }
      #expect(check(nested(64)) == nil)
      let error = HTTPError(.badRequest, "The body is nested deeper than 64 levels")
      #expect(check(nested(65)) == error)
      #expect(check(nested(100_000)) == error)
      #expect(check(String(repeating: opening, count: 100_000)) == error)
      #expect(check(nested(100_000), maximumDepth: 100_000) == nil)
    }
    let pairs = String(repeating: #"[{"a":"#, count: 32) + "1" + String(repeating: "}]", count: 32)
    #expect(check(pairs) == nil && check("[\(pairs)]") != nil)
    // Beside each other there may be any number.
    #expect(check("[" + String(repeating: "[[]],", count: 1_000) + "[]]", maximumDepth: 3) == nil)
    #expect(check("1", maximumDepth: 0) == nil && check("[]", maximumDepth: 0) != nil)
    // The handler's error, all the way.
    let request = try request(Array(String(repeating: "[", count: 100_000).utf8))
    #expect(throws: HTTPError.self) { try request.json([Int].self) }
  }

  @Test("Brackets and quotes in strings are text")
  func strings() {
    let brackets = String(repeating: "[", count: 100)
    #expect(check("[\"\(brackets)\"]") == nil)
    #expect(check(#"{"\"\#(brackets)": "\\"}"#) == nil)
    // The backslash is escaped and the quote is not: what follows is no text.
    #expect(check(#"["\\", \#(brackets)"#)?.detail == "The body is nested deeper than 64 levels")
    #expect(check(#"["\\\"\#(brackets)"]"#) == nil)
  }

  private static let valid = [
    "0", "-0", "1", "-12", "1.5", "0.5e10", "1E+2", "1e-2", "true", "false", "null", #""""#,
    #""a\"\\\/\b\f\n\r\t\u00e4\uD83D\uDE00""#, "[]", "{}", "[1]", "[1,2]", "[[],{}]",
    #"{"a":1}"#, #"{"a":{"b":[null]},"a":""}"#, " \t\r\n[ \t\r\n1 , 2 ] ",
    #" { "a" : 1 , "b" : 2 } "#,
    "\"ü\u{7f}\u{2028}\"",
  ]

  @Test("RFC 8259: what is JSON", arguments: valid)
  func isJSON(_ text: String) {
    #expect(check(text) == nil)
  }

  @Test(
    "RFC 8259: what is none",
    arguments: [
      "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1}", #"{"a"}"#,
      #"{"a":}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1 "b":2}"#, #"{"a",1}"#, "{a:1}", "{'a':1}",
      "{1:1}", #"{"a":1]"#, #"{"a":1"#, #"{"a":"#, #"{"a""#, #"{"a"#, "1 2", "1,", "1]", "[]]",
      "[]x", "tru", "truex", "True", "nul", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5",
      "1.e2", "1e", "1e+", "0x1", "1_000", #"""#, #""a"#, #""\"#, #""\""#, #""\x""#, #""\u12""#,
      #""\u12g4""#, "\"\n\"", "\"\t\"", "\"\0\"", "\0", "// x\n1", "1 // x", "/* x */ 1",
      "\u{feff}1", "\u{a0}1", "1\0",
    ])
  func isNone(_ text: String) {
    let error = check(text)
    #expect(error?.status == .badRequest)
    #expect(error?.detail?.hasPrefix("The body is not JSON, from byte ") == true)
  }

  @Test("RFC 8259 8.1: other encodings are none")
  func encodings() {
    let text = Array(#"{"a":1}"#.utf16)
    #expect(check(text.flatMap { [UInt8($0), 0] }) != nil)
    #expect(check(text.flatMap { [0, UInt8($0)] }) != nil)
    #expect(check([0xff, 0xfe] + text.flatMap { [UInt8($0), 0] }) != nil)
    #expect(check([0x22, 0xff, 0x22])?.detail == "The body is not JSON: it is not UTF-8")
    #expect(check([0x22, 0xed, 0xa0, 0x80, 0x22]) != nil)
  }

  @Test("Each beginning of a text is none, and the error is at its end")
  func beginnings() {
    for text in Self.valid where text.first != " " && Int(text.prefix(2)) == nil {
      guard "[{\"tfn".contains(text.first!) else { continue }
      let bytes = Array(text.utf8)
      for end in 1..<bytes.count where String(validating: bytes[..<end], as: UTF8.self) != nil {
        #expect(
          check(Array(bytes[..<end]))?.detail == "The body is not JSON, from byte \(end + 1) on")
      }
    }
  }

  @Test(
    "Random texts and mutated ones: all that passes, the decoder takes or says what does not fit")
  func random() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let alphabet = Array(#"[]{}",:\u0123eE+-.tfnrals "#.utf8) + [0, 0xff, 0xc3, 0xbc]
    for _ in 0..<3_000 {
      var bytes =
        random.oneIn(3)
        ? (0..<Int.random(in: 1...30, using: &random)).map { _ in
          alphabet.randomElement(using: &random)!
        } : Array(#"{"id":1,"items":[{"name":"\u00fc"}],"note":null,"total":-1.5e3}"#.utf8)
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] =
          alphabet.randomElement(using: &random)!
      }
      do {
        _ = try request(bytes).json(Order.self, maximumDepth: 8)
      } catch let error as HTTPError {
        #expect(error.status == .badRequest, "seed \(seed), \(bytes)")
        #expect(check(bytes, maximumDepth: 8) == nil || error.field == nil)
      }
    }
  }

  @Test("A client sends what the server reads")
  func endToEnd() throws {
    var routes = Routes()
    routes.post("/orders") { request, _ in .text("\(try request.json(Order.self).id)") }
    let client = try TestClient(Server(.tcp(port: 0), routes: routes))
    #expect(try client.post("/orders", .json(["id": 5])).text == "5")
    let refused = try client.post("/orders", .json(["id": "5"]))
    #expect(refused.status == .badRequest && refused.text.contains(#""field":"id""#))
  }
}
