// What a client likes best, by its Accept and its like.

import Freetser
import Testing

/// A request with fields and a body, as a handler gets it.
func makeRequest(
  _ target: String = "/", fields: [(String, String)] = [], body: [UInt8] = []
) throws -> Request {
  Request(
    head: try RequestHead(method: "POST", target: target, fields: [("Host", "a")] + fields),
    body: body, peer: .unix(path: nil))
}

@Suite("Negotiation")
struct NegotiationTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var said: String?
    var offered: [String]
    var expected: String?
    var testDescription: String { "\(said ?? "nothing") of \(offered)" }

    init(_ said: String?, _ offered: [String], _ expected: String?) {
      (self.said, self.offered, self.expected) = (said, offered, expected)
    }
  }

  private func request(_ name: String, _ said: String?) throws -> Request {
    try makeRequest(fields: said.map { [(name, $0)] } ?? [])
  }

  private static let types: [Row] = {
    let both = ["application/json", "text/html"]
    let browser =
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
    return [
      // Who has not said, or nothing that makes sense, takes what there is.
      Row(nil, both, "application/json"), Row("", both, "application/json"),
      Row(",;, ,", both, "application/json"), Row("text/html;q=2", both, "application/json"),
      Row(nil, [], nil), Row("text/html", [], nil),
      Row("*/*", both, "application/json"), Row("text/html", both, "text/html"),
      Row("TEXT/html", both, "text/html"), Row("text/html", ["Text/HTML"], "Text/HTML"),
      Row("text/*", both, "text/html"), Row("text/plain", both, nil), Row("text", both, nil),
      Row("application/*, text/*", both, "application/json"), Row(browser, both, "text/html"),
      Row("text/html, application/json", both, "application/json"),
      Row("text/html;q=0.9, application/json;q=0.8", both, "text/html"),
      Row("text/html;q=0.8, application/json;q=0.9", both, "application/json"),
      // RFC 9110 12.5.1: the most precise counts, wherever it stands.
      Row("*/*, application/json;q=0.1", both, "text/html"),
      Row("application/json;q=0.1, */*", both, "text/html"),
      Row("text/*;q=0.9, text/html;q=0.1, */*;q=0.5", both, "application/json"),
      Row("*/*;q=0.9, application/*;q=0.1", both, "text/html"),
      Row("application/json;q=0, */*", both, "text/html"),
      Row("application/json;q=0", ["application/json"], nil), Row("*/*;q=0", both, nil),
      // The best of those that are equally precise.
      Row("text/html;q=0.1, application/json;q=0.5, text/html;q=0.9", both, "text/html"),
      // Parameters narrow a range down.
      Row("text/html;level=1", both, "text/html"),
      Row("text/html;level=1, text/html;q=0.1, */*;q=0.5", both, "application/json"),
      Row("text/html;q=0.1, text/html;level=1, */*;q=0.5", both, "application/json"),
      Row("text/html;q=0.1;x=1, text/html;q=0.9, */*;q=0.5", both, "text/html"),
      // Weights.
      Row("text/html ; Q=0.5 , application/json;q=0.499", both, "text/html"),
      Row("text/html;q=0.500, application/json;q=0.5", both, "application/json"),
      Row("text/html;q=1., application/json;q=1.000", both, "application/json"),
      Row("text/html;q=0.0, application/json;q=0.001", both, "application/json"),
      Row("text/html;q=1.001, application/json;q=0.1", both, "application/json"),
      Row("text/html;q=0.1234, application/json;q=0.1", both, "application/json"),
      Row("text/html;q=.5, application/json;q=0.1", both, "application/json"),
      Row("text/html;q=-1, application/json;q=0.1", both, "application/json"),
      Row("text/html;q=, application/json;q=0.1", both, "application/json"),
    ]
  }()

  @Test("RFC 9110 12.5.1: types", arguments: types)
  func type(_ row: Row) throws {
    #expect(try request("Accept", row.said).preferredType(of: row.offered) == row.expected)
  }

  private static let languages: [Row] = {
    let both = ["en", "de"]
    return [
      Row(nil, both, "en"), Row("", both, "en"), Row("de", both, "de"), Row("DE", both, "de"),
      Row("fr", both, nil), Row("fr, *", both, "en"), Row("*, en;q=0.5", both, "de"),
      Row("en;q=0.8, de", both, "de"), Row("de;q=0", both, nil), Row("de;q=0, *", both, "en"),
      // RFC 4647 3.4: what is more special is left off.
      Row("de-CH", both, "de"), Row("de-CH-1996, en;q=0.9", both, "de"),
      Row("pt", ["pt-BR"], "pt-BR"), Row("de", ["den"], nil), Row("den", ["de"], nil),
      Row("pt-BR, pt;q=0.9, en;q=0.8", ["en", "pt"], "pt"),
      // Who does not want the special one may want the general one, and the other way round not.
      Row("de-CH;q=0, *;q=0.5", ["de"], "de"), Row("de-CH;q=0, de-AT", ["de"], "de"),
      Row("de;q=0, *;q=0.5", ["de-CH"], nil),
      // The best of those that are equally precise.
      Row("de-CH;q=0.5, de-AT;q=0.9, en;q=0.7", both, "de"),
    ]
  }()

  @Test("RFC 9110 12.5.4: languages", arguments: languages)
  func language(_ row: Row) throws {
    let request = try request("Accept-Language", row.said)
    #expect(request.preferredLanguage(of: row.offered) == row.expected)
  }

  @Test(
    "RFC 9110 12.5.3: codings",
    arguments: [
      (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("br, gzip;q=0.1", true),
      ("br", false), ("*", true), ("gzip;q=0", false), ("*;q=0", false), ("*, gzip;q=0", false),
      ("*;q=0, gzip", true), ("gzip;q=7", false),
    ] as [(String?, Bool)])
  func coding(said: String?, expected: Bool) throws {
    #expect(try request("Accept-Encoding", said).acceptsEncoding("gzip") == expected)
  }

  @Test("Fields of one name count together")
  func severalLines() throws {
    let request = try makeRequest(fields: [("Accept", "text/html;q=0.5"), ("Accept", "text/css")])
    #expect(request.preferredType(of: ["text/html", "text/css"]) == "text/css")
  }
}
