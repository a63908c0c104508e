// Queries and forms as values: what is read, and what is refused with which words.

import Freetser
import FreetserTesting
import StreamSimulation
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("Forms")
struct FormTests {
  private func form(_ text: String, type: String? = "application/x-www-form-urlencoded") throws
    -> Request
  {
    try makeRequest(fields: type.map { [("Content-Type", $0)] } ?? [], body: Array(text.utf8))
  }

  /// Reads the same as a query and as a form, with the same result.
  private func read<Value: Decodable & Equatable>(_ text: String, as type: Value.Type) throws
    -> Result<Value, HTTPError>
  {
    let request = try makeRequest(
      "/?\(text)", fields: [("Content-Type", "application/x-www-form-urlencoded")],
      body: Array(text.utf8))
    func result(_ read: () throws -> Value) throws -> Result<Value, HTTPError> {
      do { return .success(try read()) } catch let error as HTTPError { return .failure(error) }
    }
    let query = try result { try request.query(Value.self) }
    let form = try result { try request.form(Value.self) }
    #expect(query == form)
    return form
  }

  enum Color: String, Decodable { case red, green }
  enum Level: Int, Decodable { case low = 1, high }
  struct Wrapped: Decodable, Equatable {
    var text: String
    init(from decoder: any Decoder) throws {
      text = try decoder.singleValueContainer().decode(String.self) + "!"
    }
  }

  /// Reads each kind of container by hand, with types that the standard library has a default for.
  struct ByHand: Decodable, Equatable {
    var sum: Int128
    private enum CodingKeys: CodingKey { case one, many }
    init(from decoder: any Decoder) throws {
      let all = try decoder.container(keyedBy: CodingKeys.self)
      sum = try all.decode(Int128.self, forKey: .one)
      var many = try all.nestedUnkeyedContainer(forKey: .many)
      sum += try many.decode(Int128.self) + Int128(try many.decode(UInt128.self))
      sum += try all.superDecoder(forKey: .one).singleValueContainer().decode(Int128.self)
      sum += Int128(
        try all.superDecoder(forKey: .one).singleValueContainer().decode(UInt128.self))
      if many.isAtEnd { return }
      sum += Int128(try many.decode(Int.self))
      _ = try many.decode(Int.self)
    }
  }

  @Test("Types that read containers by hand")
  func byHand() throws {
    #expect(try read("one=1&many=10&many=100", as: ByHand.self).get().sum == 113)
    let few = HTTPError(.badRequest, "“many” has too few values", field: "many")
    #expect(try read("one=1&many=10&many=2&many=3", as: ByHand.self) == .failure(few))
    #expect(try read("one=1&many=10", as: ByHand.self) == .failure(few))
  }

  struct All: Decodable, Equatable {
    var text: String
    var int: Int
    var byte: UInt8
    var big: UInt128
    var double: Double
    var float: Float
    var flag: Bool
    var color: Color
    var level: Level
    var wrapped: Wrapped
    var id: UUID
    var tags: [String]
    var numbers: Set<Int>
    var maybeText: String?
    var maybeInt: Int?
    var maybeFlag: Bool?
    var maybeColor: Color?
    var maybeTags: [String]?
    var gaps: [Int?]
  }

  @Test("Values of all types are read, of names in any order, and others are passed over")
  func all() throws {
    let id = "E621E1F8-C36C-495A-93FC-0C247A3E6E5F"
    let text =
      "tags=a+b&id=\(id)&double=-1.5e3&text=%C3%BC%26&int=-7&byte=255&float=.5&flag=on&color=green"
      + "&big=\(UInt128.max)"
      + "&level=2&wrapped=w&tags=&numbers=1&numbers=2&maybeText=&maybeInt=3&maybeFlag=0"
      + "&maybeColor=&other=1&gaps=1&gaps=&gaps=2"
    let all = try read(text, as: All.self).get()
    #expect(all.text == "ü&" && all.int == -7 && all.byte == 255 && all.double == -1500)
    #expect(all.big == .max)
    #expect(all.float == 0.5 && all.flag && all.color == .green && all.level == .high)
    #expect(all.wrapped.text == "w!" && all.id.uuidString == id && all.tags == ["a b", ""])
    #expect(all.numbers == [1, 2] && all.maybeText == "" && all.maybeInt == 3)
    #expect(all.maybeFlag == false && all.maybeColor == nil && all.maybeTags == nil)
    #expect(all.gaps == [1, nil, 2])
  }

  struct One<Value: Decodable & Equatable>: Decodable, Equatable { var x: Value }

  private func check<Value: Decodable & Equatable>(
    _ type: Value.Type, _ rows: [(text: String, value: Value?, flaw: String)]
  ) throws {
    for row in rows {
      let result = try read(row.text, as: One<Value>.self)
      let expected: Result<One<Value>, HTTPError> =
        if let value = row.value {
          .success(One(x: value))
        } else {
          .failure(HTTPError(.badRequest, "“x” \(row.flaw)", field: "x"))
        }
      #expect(result == expected, "\(type) of \(row.text)")
    }
  }

  @Test("Whole numbers, up to the ends of each type")
  func integers() throws {
    func ends<Integer: FixedWidthInteger & Decodable>(_ type: Integer.Type) throws {
      try check(
        type,
        [
          ("x=\(Integer.min)", .min, ""), ("x=\(Integer.max)", .max, ""), ("x=007", 7, ""),
          ("x=\(Integer.max)0", nil, "is out of range"),
          ("x=-\(Integer.max)0", nil, "is out of range"),
          ("x=", nil, "is not a whole number"), ("x", nil, "is not a whole number"),
          ("x=-", nil, "is not a whole number"), ("x=1.0", nil, "is not a whole number"),
          ("x=+1", nil, "is not a whole number"), ("x=1+", nil, "is not a whole number"),
          ("x=1%00", nil, "is not a whole number"), ("x=%D9%A1", nil, "is not a whole number"),
          ("x=0x1", nil, "is not a whole number"), ("x=--1", nil, "is not a whole number"),
          ("", nil, "is missing"), ("X=1", nil, "is missing"),
          ("x=1&x=2", nil, "is given more than once"), ("x=1&x=1", nil, "is given more than once"),
        ])
    }
    try ends(Int.self)
    try ends(Int8.self)
    try ends(Int16.self)
    try ends(Int32.self)
    try ends(Int64.self)
    try ends(Int128.self)
    try ends(UInt.self)
    try ends(UInt8.self)
    try ends(UInt16.self)
    try ends(UInt32.self)
    try ends(UInt64.self)
    try ends(UInt128.self)
    try check(UInt.self, [("x=-1", nil, "is out of range"), ("x=-0", 0, "")])
    try check(Int8.self, [("x=128", nil, "is out of range"), ("x=-129", nil, "is out of range")])
  }

  @Test("Numbers are decimal and finite")
  func numbers() throws {
    try check(
      Double.self,
      [
        ("x=1", 1, ""), ("x=-1.25", -1.25, ""), ("x=1e3", 1000, ""), ("x=1E-3", 0.001, ""),
        ("x=1e999", nil, "is out of range"), ("x=-1e999", nil, "is out of range"),
        ("x=1e-999", 0, ""),
      ]
        + ["", "inf", "nan", "Infinity", "0x1p3", "1,5", "1+", "-", ".", "1e", "e1", "1e%2B"].map {
          ("x=\($0)", nil, "is not a number")
        } + [("", nil, "is missing")])
    try check(Float.self, [("x=1e39", nil, "is out of range"), ("x=0.1", 0.1, "")])
  }

  @Test("Bool is false if it is missing, and nothing else than it is written as")
  func bool() throws {
    try check(
      Bool.self,
      [
        ("", false, ""), ("x=true", true, ""), ("x=on", true, ""), ("x=1", true, ""),
        ("x=false", false, ""), ("x=0", false, ""), ("x=0&x=1", nil, "is given more than once"),
      ]
        + ["", "yes", "TRUE", "off", "2", "+on"].map {
          ("x=\($0)", nil, "is neither true nor false")
        })
  }

  @Test("Text, enumerations, arrays")
  func others() throws {
    try check(
      String.self,
      [("x=", "", ""), ("x", "", ""), ("", nil, "is missing"), ("x=%00", "\0", "")])
    try check(
      Color.self,
      [
        ("x=red", .red, ""), ("x=blue", nil, "is not valid"), ("x=", nil, "is not valid"),
        ("", nil, "is missing"), ("x=red&x=red", nil, "is given more than once"),
      ])
    try check(Level.self, [("x=3", nil, "is not valid"), ("x=y", nil, "is not a whole number")])
    try check(
      [Int].self,
      [
        ("", [], ""), ("x=1", [1], ""), ("x=1&y=5&x=2", [1, 2], ""),
        ("x=1&x=", nil, "is not a whole number"),
      ])
    try check([Color].self, [("x=red&x=blue", nil, "is not valid")])
  }

  @Test("Optionals are nil if missing, and if empty unless they are text")
  func optionals() throws {
    #expect(try read("", as: One<Int?>.self).get().x == nil)
    #expect(try read("x=", as: One<Int?>.self).get().x == nil)
    #expect(try read("x=", as: One<Double?>.self).get().x == nil)
    #expect(try read("x=", as: One<Bool?>.self).get().x == nil)
    #expect(try read("", as: One<Bool?>.self).get().x == nil)
    #expect(try read("", as: One<String?>.self).get().x == nil)
    #expect(throws: HTTPError.self) { try read("x=y", as: One<Int?>.self).get() }
    #expect(throws: HTTPError.self) { try read("x=1&x=2", as: One<Int?>.self).get() }
  }

  @Test("Dictionaries take whatever names there are")
  func dictionaries() throws {
    #expect(try read("a=1&b=2&a=3", as: [String: [Int]].self).get() == ["a": [1, 3], "b": [2]])
    #expect(
      try read("a=1&a=2", as: [String: Int].self)
        == .failure(HTTPError(.badRequest, "“a” is given more than once", field: "a")))
  }

  @Test(
    "Broken escapes and what is not UTF-8", arguments: ["x=%", "x=%4", "%zz=1", "x=%FF", "%C3=1"])
  func broken(_ text: String) throws {
    let error = HTTPError(.badRequest, "A name or value has a broken escape, or is not UTF-8")
    #expect(try read(text, as: One<[String]>.self) == .failure(error))
    let request = try form(text)
    #expect(throws: error) { try request.formItems() }
    #expect(throws: error) { try makeRequest("/?\(text)").query("x") }
    #expect(try makeRequest("/?\(text)").queryItems == nil)
  }

  @Test("A form that is not UTF-8, without escapes")
  func bytes() throws {
    let request = try makeRequest(
      fields: [("Content-Type", "application/x-www-form-urlencoded")],
      body: [UInt8(ascii: "x"), UInt8(ascii: "="), 0xff])
    #expect(throws: HTTPError.self) { try request.form(One<String>.self) }
  }

  struct Nested: Decodable, Equatable { var x: One<Int>? }

  @Test("What no form can have is the program's mistake: no error that a client is told")
  func unsupported() throws {
    func isFault(_ read: () throws -> Void) -> Bool {
      do {
        try read()
        return false
      } catch {
        return !(error is HTTPError)
      }
    }
    #expect(isFault { _ = try read("x=1", as: Nested.self) })
    #expect(isFault { _ = try read("x=1", as: One<Date>.self) })
    #expect(isFault { _ = try read("x=1", as: [Int].self) })
    #expect(isFault { _ = try read("x=1", as: Int.self) })
    #expect(isFault { _ = try read("x=1", as: One<[One<Int>]>.self) })
    #expect(try read("", as: Nested.self) == .success(Nested(x: nil)))
  }

  @Test(
    "Other media types are 415, and so is what is compressed",
    arguments: [
      nil, "", "text/plain", "multipart/form-data; boundary=x", "application/json",
      "application/x-www-form-urlencoded2", "application/x-www-form-urlencoded, text/plain",
      "application/x-www-form-urlencoded; charset", "application/x-www-form-urlencoded; a=1; A=2",
      "application/x-www-form-urlencoded; a=\"",
    ] as [String?])
  func mediaType(_ type: String?) throws {
    let request = try form("x=1", type: type)
    let error = #expect(throws: HTTPError.self) { try request.form(One<Int>.self) }
    #expect(error?.status == .unsupportedMediaType)
    #expect(error?.fields[.accept] == "application/x-www-form-urlencoded")
  }

  @Test(
    "The media type in all its spellings",
    arguments: [
      "APPLICATION/X-WWW-Form-Urlencoded", "application/x-www-form-urlencoded; charset=utf-8",
      "application/x-www-form-urlencoded ;; a=\"b\\\"\" ;",
    ])
  func spelling(_ type: String) throws {
    #expect(try form("x=1", type: type).form(One<Int>.self).x == 1)
  }

  @Test("A compressed form is 415, and says what is not")
  func compressed() throws {
    let type = ("Content-Type", "application/x-www-form-urlencoded")
    let request = try makeRequest(fields: [type, ("Content-Encoding", "gzip")])
    let error = #expect(throws: HTTPError.self) { try request.formItems() }
    #expect(error?.status == .unsupportedMediaType && error?.fields[.acceptEncoding] == "identity")
    let plain = try makeRequest(fields: [type, ("Content-Encoding", "identity")])
    #expect(try plain.formItems().isEmpty)
  }

  @Test("As many fields as may be, and one more")
  func count() throws {
    let full = try form(String(repeating: "x=1&", count: 1_000))
    #expect(try full.form(One<[Int]>.self).x.count == 1_000)
    #expect(try full.formItems().count == 1_000)
    let error = HTTPError(.contentTooLarge, "There are more than 1000 fields")
    let more = try form(
      String(repeating: "&", count: 5_000) + String(repeating: "y&", count: 1_001))
    #expect(throws: error) { try more.form(One<[Int]>.self) }
    #expect(try more.formItems(maximumCount: 1_001).count == 1_001)
  }

  @Test("One name of a query")
  func oneName() throws {
    let request = try makeRequest("/?page=2&q=&q2=a&q2=a")
    #expect(try request.query("page") == "2")
    #expect(try request.query("q") == "")
    #expect(try request.query("none") == nil)
    let error = HTTPError(.badRequest, "“q2” is given more than once", field: "q2")
    #expect(throws: error) { try request.query("q2") }
    #expect(try makeRequest("/").query("page") == nil)
    #expect(try makeRequest("/?page=2").query == "page=2")
  }

  @Test("A client is told which field is wrong, in problem details")
  func problem() throws {
    var routes = Routes()
    routes.post("/notes") { request, _ in .text("\(try request.form(One<Int>.self).x + 1)") }
    let client = try TestClient(Server(.tcp(port: 0), routes: routes))
    #expect(try client.post("/notes", .form(["x": "41"])).text == "42")
    let refused = try client.post("/notes", .form(["x": "x"]))
    #expect(refused.status == .badRequest)
    #expect(refused.text.contains(#""field":"x""#))
    #expect(refused.text.contains("“x” is not a whole number"))
    let unsupported = try client.post("/notes", .text("x"))
    #expect(unsupported.status == .unsupportedMediaType)
    #expect(unsupported.fields["Accept"] == "application/x-www-form-urlencoded")
  }

  @Test("Random forms and mutated ones: a value or an error that says which, and as many as may be")
  func random() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let alphabet = Array("xytagsincoltef=&+%04123-.e".utf8) + [0xff, 0xc3, 0xbc, 0]
    let valid = Array("text=%C3%BC&int=-7&byte=255&flag=on&tags=a&tags=b+c&maybeInt=".utf8)
    for _ in 0..<3_000 {
      var bytes =
        random.oneIn(2)
        ? valid
        : (0..<Int.random(in: 0...60, using: &random)).map { _ in
          alphabet.randomElement(using: &random)!
        }
      for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
        bytes[Int.random(in: bytes.indices, using: &random)] =
          alphabet.randomElement(using: &random)!
      }
      let request = try makeRequest(
        fields: [("Content-Type", "application/x-www-form-urlencoded")], body: bytes)
      do {
        let items = try request.formItems(maximumCount: 5)
        #expect(items.count <= 5)
        _ = try request.form(Some.self)
      } catch let error as HTTPError {
        #expect(
          [.badRequest, .contentTooLarge].contains(error.status), "seed \(seed), \(bytes)")
      }
    }
  }

  struct Some: Decodable {
    var text: String
    var int: Int?
    var byte: UInt8?
    var flag: Bool
    var tags: [String]
  }
}
