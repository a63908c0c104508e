// Cookies: what clients send, and what is sent to them.

import Freetser
import FreetserTesting
import HTTPTypes
import StreamSimulation
import Testing

@Suite("Cookies")
struct CookieTests {
  private func cookies(_ lines: String...) throws -> Cookies {
    try makeRequest(fields: lines.map { ("Cookie", $0) }).cookies
  }

  private func text(_ cookies: Cookies) -> [String] {
    cookies.items.map { "\($0.name)|\($0.value)" }
  }

  @Test(
    "RFC 6265 4.2: names and values, and what is none is passed over",
    arguments: [
      ("", []), ("a=b", ["a|b"]), ("a=b; c=d", ["a|b", "c|d"]), ("a=b;c=d", ["a|b", "c|d"]),
      ("a=b \t;\t c=d", ["a|b", "c|d"]), ("a = b", ["a|b"]), ("a=; b=", ["a|", "b|"]),
      ("a=b=c==", ["a|b=c=="]), ("a=\"b c\"", ["a|\"b c\""]), ("a=b, c=d", ["a|b, c=d"]),
      ("a", []), ("=a", []), ("=", []), (";;; ;", []), ("a; b=c; =d; e", ["b|c"]),
      ("a=1; a=2; A=3", ["a|1", "a|2", "A|3"]), ("a[b]=c{d}", ["a[b]|c{d}"]),
      ("a=%20%3B%C3%BC", ["a| ;ü"]), ("a+b=c+d", ["a+b|c+d"]), ("a%20=b", ["a%20|b"]),
      ("a=100%", ["a|100%"]), ("a=%zz%41", ["a|%zz%41"]), ("a=%FF", ["a|%FF"]),
      ("$Version=1; a=b", ["$Version|1", "a|b"]),
    ] as [(String, [String])])
  func parsing(line: String, expected: [String]) throws {
    #expect(try text(cookies(line)) == expected)
  }

  @Test("The first of a name, with its case")
  func subscripts() throws {
    let cookies = try cookies("a=1; b=2; a=3", "c=4; b=5")
    #expect(cookies["a"] == "1" && cookies["b"] == "2" && cookies["c"] == "4")
    #expect(cookies["A"] == nil && cookies["d"] == nil && cookies[""] == nil)
    #expect(text(cookies) == ["a|1", "b|2", "a|3", "c|4", "b|5"])
    #expect(try makeRequest().cookies["a"] == nil)
  }

  @Test("What is not UTF-8 is left out, and the rest is there")
  func bytes() throws {
    let server = try RunningServer { request in
      .text(request.cookies.items.map { "\($0.name)|\($0.value)" }.joined(separator: " "))
    }
    let client = try server.connect()
    try client.send(
      bytes: Array("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; b=".utf8) + [0xff]
        + Array("; ".utf8) + [0xc3] + Array("=2; c=ü\r\n\r\n".utf8))
    #expect(try client.receive().text == "a|1 c|ü")
  }

  private func setCookie(_ cookie: Cookie) -> String? {
    var response = Response.text("")
    response.setCookie(cookie)
    return response.fields[.setCookie]
  }

  private static let safe = "; Secure; HttpOnly; SameSite=Lax"

  @Test("What is said with a cookie, and what is not unless it is wanted")
  func attributes() {
    let rows: [(cookie: Cookie, text: String)] = [
      (Cookie("session", "x"), "session=x; Path=/" + Self.safe),
      (Cookie("a", ""), "a=; Path=/" + Self.safe),
      (Cookie("a", "b", path: "/x"), "a=b; Path=/x" + Self.safe),
      (Cookie("a", "b", path: nil, isSecure: false, isHTTPOnly: false), "a=b; SameSite=Lax"),
      (
        Cookie("a", "b", domain: "example.org", sameSite: .strict),
        "a=b; Domain=example.org; Path=/; Secure; HttpOnly; SameSite=Strict"
      ),
      (
        Cookie("a", "b", isHTTPOnly: false, sameSite: .none),
        "a=b; Path=/; Secure; SameSite=None"
      ),
      (Cookie("__Host-a", "b"), "__Host-a=b; Path=/" + Self.safe),
      (
        Cookie("__Secure-a", "b", path: nil, domain: "a"),
        "__Secure-a=b; Domain=a" + Self.safe
      ),
    ]
    for row in rows { #expect(setCookie(row.cookie) == row.text) }
  }

  @Test(
    "How long it is kept, in whole seconds",
    arguments: [
      (.seconds(3_600), "3600"), (.milliseconds(1), "1"), (.milliseconds(1_001), "2"),
      (.zero, "0"), (.milliseconds(-1), "0"), (.seconds(-5), "0"),
      (.seconds(Int64.max), "9223372036854775807"),
      (.seconds(Int64.max) + .milliseconds(1), "9223372036854775807"),
      (.seconds(Int64.min), "0"),
    ] as [(Duration, String)])
  func maxAge(time: Duration, text: String) {
    #expect(setCookie(Cookie("a", "b", maxAge: time)) == "a=b; Max-Age=\(text); Path=/" + Self.safe)
  }

  @Test("A cookie is deleted where it was set")
  func deleting() {
    var response = Response.text("")
    response.deleteCookie("a")
    response.deleteCookie("b", path: "/x", domain: "example.org", isSecure: false)
    #expect(
      response.fields.lines.filter { $0.name == .setCookie }.map(\.value) == [
        "a=; Max-Age=0; Path=/" + Self.safe,
        "b=; Max-Age=0; Domain=example.org; Path=/x; HttpOnly; SameSite=Lax",
      ])
  }

  @Test("Any text is a value: it is sent as cookie-octets, and comes back as it was")
  func values() throws {
    // RFC 6265 4.1.1: %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E.
    let octets: [ClosedRange<UInt8>] = [
      0x21...0x21, 0x23...0x2b, 0x2d...0x3a, 0x3c...0x5b, 0x5d...0x7e,
    ]
    let all = (UInt8.min...0x7f).map { String(UnicodeScalar($0)) }
    for value in all + [
      "", "ü\u{1F600}", "a; Domain=evil.example", "a\r\nX: y", "100%25", "\"a b\"",
    ] {
      let sent = try #require(setCookie(Cookie("a", value, path: nil)))
      let wire = sent.dropFirst(2).prefix { $0 != ";" }
      #expect(wire.utf8.allSatisfy { byte in octets.contains { $0.contains(byte) } })
      #expect(sent.dropFirst(2 + wire.count) == Self.safe)
      #expect(try cookies("a=\(wire)")["a"] == value)
    }
    #expect(setCookie(Cookie("a", "AZaz09+/=_-.~", path: nil)) == "a=AZaz09+/=_-.~" + Self.safe)
  }

  @Test(
    "A name that is no token ends the program",
    arguments: ["", "a b", "a=b", "a;b", "a,b", "ü", "a\n", "\"a\""])
  func name(_ name: String) async {
    await #expect(processExitsWith: .failure) { [name = name as String] in
      _ = Cookie(name, "")
    }
  }

  @Test("What clients would refuse ends the program, with its reason")
  func refusals() async {
    func reason(of result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
    let path = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Cookie("a", "", path: "/; Domain=b")
    }
    #expect(reason(of: path).contains("no semicolon"))
    let relative = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Cookie("a", "", path: "a")
    }
    #expect(reason(of: relative).contains("begins with a slash"))
    let domain = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Cookie("a", "", domain: "a\r\nb")
    }
    #expect(reason(of: domain).contains("visible ASCII"))
    let site = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Cookie("a", "", isSecure: false, sameSite: .none)
    }
    #expect(reason(of: site).contains("for all sites' pages is secure"))
    let secure = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Cookie("__secure-a", "", isSecure: false)
    }
    #expect(reason(of: secure).contains("named __Secure-"))
    for variant in 0..<3 {
      let host = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        [variant = variant as Int] in
        switch variant {
        case 0: _ = Cookie("__Host-a", "", isSecure: false)
        case 1: _ = Cookie("__Host-a", "", path: "/a")
        default: _ = Cookie("__HOST-a", "", domain: "a")
        }
      }
      #expect(reason(of: host).contains("named __Host-"))
    }
  }

  @Test("A client keeps, sends and forgets it")
  func endToEnd() throws {
    var routes = Routes()
    routes.get("/") { request, _ in .text(request.cookies["user"] ?? "nobody") }
    routes.post("/") { request, _ in
      var response = Response.text("")
      response.setCookie(Cookie("user", request.text ?? ""))
      return response
    }
    let client = try TestClient(Server(.tcp(port: 0), routes: routes))
    #expect(try client.get("/").text == "nobody")
    let field = try #require(try client.post("/", .text("Ada; Lovelace")).fields["Set-Cookie"])
    #expect(field == "user=Ada%3B%20Lovelace; Path=/" + Self.safe)
    let sent: HTTPFields = [.cookie: String(field.prefix { $0 != ";" })]
    #expect(try client.get("/", fields: sent).text == "Ada; Lovelace")
  }

  @Test("Random lines: names are not empty, nothing is made up")
  func random() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let alphabet = Array("ab=; \t,\"%3BC\\ü")
    for _ in 0..<3_000 {
      let line = String(
        (0..<Int.random(in: 0...40, using: &random)).map { _ in
          alphabet.randomElement(using: &random)!
        }
      ).trimmingSpaces
      let cookies = try cookies(line)
      #expect(cookies.items.count <= line.count { $0 == ";" } + 1, "seed \(seed)")
      for (name, value) in cookies.items {
        #expect(!name.isEmpty && line.contains(name), "seed \(seed), “\(line)”")
        #expect(!name.contains(";") && !name.contains("="), "seed \(seed), “\(line)”")
        #expect(value.utf8.count <= line.utf8.count, "seed \(seed), “\(line)”")
      }
    }
  }
}

extension String {
  /// Without the spaces and tabs at its ends, which no field's value has.
  fileprivate var trimmingSpaces: String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
