// Names for what is saved: any text, and nothing that leads anywhere or ends a field.

import FreetserTesting
import HTTPTypes
import Testing

@testable import Freetser

@Suite("Downloads")
struct ContentDispositionTests {
  static let names: [(name: String, plain: String, whole: String?)] = [
    ("report.pdf", "report.pdf", nil),
    ("Report 2026 (final).pdf", "Report 2026 (final).pdf", nil),
    ("it's; a=b, c.txt", "it's; a=b, c.txt", nil),
    (".profile", ".profile", nil), ("..a", "..a", nil), ("a..", "a..", nil),
    // Two readings of the same bytes.
    (#"a"b.txt"#, "a_b.txt", "a%22b.txt"), ("100%.txt", "100_.txt", "100%25.txt"),
    ("%41.txt", "_41.txt", "%2541.txt"),
    // Beyond ASCII (RFC 8187 section 3.2.3 has the first).
    ("€ rates", "_ rates", "%E2%82%AC%20rates"), ("naïve.txt", "na_ve.txt", "na%C3%AFve.txt"),
    ("\u{65}\u{301}.txt", "e_.txt", "e%CC%81.txt"),
    ("👩‍🚀.png", "___.png", "%F0%9F%91%A9%E2%80%8D%F0%9F%9A%80.png"),
    ("a*'()é.txt", "a*'()_.txt", "a%2A%27%28%29%C3%A9.txt"),
    ("!#$&+-.^_`|~é", "!#$&+-.^_`|~_", "!#$&+-.^_`|~%C3%A9"),
    // No name of a file, and none of a directory.
    ("", "_", nil), (".", "_", nil), ("..", "_", nil), ("/", "_", nil),
    ("../../etc/passwd", ".._.._etc_passwd", nil), (#"..\..\x.exe"#, ".._.._x.exe", nil),
    ("a/b\\c", "a_b_c", nil), ("a\0b", "a_b", nil), ("a\u{7f}b", "a_b", nil),
    // What would end the field.
    ("a\r\nSet-Cookie: x=1", "a__Set-Cookie: x=1", nil), ("a\nb", "a_b", nil), ("a\tb", "a_b", nil),
    ("a\u{85}b\u{2028}c\u{2029}d", "a_b_c_d", nil),
    // An ending that seems another: "a‮fdp.exe" is shown as "aexe.pdf".
    ("a\u{202e}fdp.exe", "a_fdp.exe", nil), ("\u{200f}\u{2066}a\u{2069}", "__a_", nil),
    // Of a long name the end.
    (String(repeating: "x", count: 128), String(repeating: "x", count: 128), nil),
    (String(repeating: "x", count: 125) + ".txt", String(repeating: "x", count: 124) + ".txt", nil),
  ]

  @Test(
    "RFC 6266 and 8187: a name is readable for all, and whole for those who can", arguments: names)
  func value(_ row: (name: String, plain: String, whole: String?)) {
    let value = Response.text("x").attachment(row.name).fields[.contentDisposition]
    let whole = row.whole.map { "; filename*=UTF-8''\($0)" } ?? ""
    #expect(value == "attachment; filename=\"\(row.plain)\"\(whole)")
  }

  @Test("Any name at all can be sent")
  func anyName() {
    // All of the first, where the special ones are, and samples of the rest.
    let scalars = (0..<0x3000).map(UInt32.init) + stride(from: 0x3000, through: 0x10ffff, by: 251)
    let unsendable = scalars.compactMap(Unicode.Scalar.init).filter { scalar in
      let value = ContentDisposition.attachment("a\(String(Character(scalar)))b").utf8
      return !value.allSatisfy { 0x20...0x7e ~= $0 } || value.count { $0 == 0x22 } != 2
    }
    #expect(unsendable == [])
  }

  @Test("A file is downloaded under its other name, whole or in part; errors are shown")
  func download() throws {
    let directory = try makeFileTree(["stored-7": "abcdefghij"])
    var routes = Routes()
    routes.get("/file") { request, _ in
      try .download(at: "\(directory)/stored-7", as: "Größe.csv", for: request)
    }
    routes.get("/typed") { request, _ in
      try .download(
        at: "\(directory)/stored-7", as: "x", for: request, contentType: "text/x-own",
        fields: [.cacheControl: "no-store"])
    }
    routes.get("/none") { request, _ in
      try .download(at: "\(directory)/none", as: "x", for: request)
    }
    let client = try TestClient(Server(.tcp(port: 0), routes: routes))
    let value = "attachment; filename=\"Gr__e.csv\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.csv"
    let whole = try client.get("/file")
    #expect(whole.text == "abcdefghij" && whole.fields["Content-Disposition"] == value)
    #expect(whole.fields["Content-Type"] == "text/csv; charset=utf-8")
    let part = try client.get("/file", fields: [.range: "bytes=1-2"])
    #expect(part.status == .partialContent && part.text == "bc")
    #expect(part.fields["Content-Disposition"] == value)
    for fields: HTTPFields in [[.range: "bytes=10-"], [.ifMatch: "\"x\""]] {
      let refused = try client.get("/file", fields: fields)
      #expect(refused.status.code > 400 && refused.fields["Content-Disposition"] == nil)
    }
    let typed = try client.get("/typed")
    #expect(typed.fields["Content-Type"] == "text/x-own")
    #expect(typed.fields["Cache-Control"] == "no-store")
    #expect(try client.get("/none").status == .notFound)
    let error = Response.text("sorry", status: .notFound).attachment("x")
    #expect(error.fields[.contentDisposition] == nil)
  }

  static let types: [(name: String, type: String)] = [
    ("a.html", "text/html; charset=utf-8"), ("a.b.PNG", "image/png"), ("a.Svg", "image/svg+xml"),
    ("a", MediaTypes.unknown), ("", MediaTypes.unknown), (".", MediaTypes.unknown),
    (".html", MediaTypes.unknown), ("a.", MediaTypes.unknown), ("a.html.", MediaTypes.unknown),
    ("a.own", "own/type"), ("a.js", "own/js"), ("a.\u{301}html", MediaTypes.unknown),
    ("a.html\0", MediaTypes.unknown), ("..html", "text/html; charset=utf-8"),
  ]

  @Test("Media types are told by the last ending, in any case", arguments: types)
  func type(_ row: (name: String, type: String)) {
    let own = ["own": "own/type", "js": "own/js"]
    #expect(MediaTypes.type(of: row.name, or: own) == row.type)
  }
}
