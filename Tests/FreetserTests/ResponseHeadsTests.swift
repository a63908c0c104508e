// Heads that are used again, also for another connection.

import Freetser
import Testing

@Suite("Heads of responses")
struct ResponseHeadsTests {
  /// The answer to a path; those to `/1` and `/2` look alike and differ, that to `/bad` cannot be sent.
  private static func response(_ path: String) -> Response {
    switch path {
    case "/1": .text("1", fields: [.contentDisposition: "inline; a=\u{e9}"])
    case "/2": .text("2", fields: [.contentDisposition: "inline; a=e\u{301}"])
    case "/large": .text("3", fields: [.server: String(repeating: "s", count: 10_000)])
    case "/bad": .text("4", fields: [.server: "a\r\nb"])
    default: .text("5")
    }
  }

  @Test("Each response has its own head, whatever the last one of another connection was")
  func passedOn() throws {
    let server = try RunningServer(.tcp(port: 0)) { Self.response($0.path) }
    let paths = ["/1", "/2", "/large", "/bad", "/"]
    // Each behind each, on a connection of its own.
    for path in paths.flatMap({ path in paths.flatMap { [path, $0] } }) {
      let client = try server.connect()
      try client.send("GET \(path) HTTP/1.1\nHost: a\nConnection: close\n\n")
      let answer = try client.receive()
      #expect(answer.status == (path == "/bad" ? 500 : 200))
      let expected = path == "/bad" ? ResponseFields() : Self.response(path).fields
      for (name, value) in expected.lines {
        let bytes = answer.fields.withValue(of: name.rawName) { value in
          value.indices.map { value[$0] }
        }
        #expect(bytes == Array(value.utf8))
      }
      #expect(answer.fields.contains("Content-Disposition") == ["/1", "/2"].contains(path))
      #expect(answer.fields.contains("Server") == (path == "/large"))
    }
  }
}
