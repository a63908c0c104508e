// What a review found: input that was valid and did harm, and what was not as it is described.

import Freetser
import FreetserTesting
import HTTPCore
import HTTPTypes
import KVStore
import Testing
import Threads

@testable import Freetser

@Suite("Reviewed")
struct ReviewedTests {
  /// Combining marks of two classes by turns, which take the longest to sort.
  private static func marks(_ count: Int) -> String {
    var text = "a"
    for index in 0..<count { text.unicodeScalars.append(index % 2 == 0 ? "\u{301}" : "\u{316}") }
    return text
  }

  private static func takes(_ read: () throws -> Void) -> Bool {
    do {
      try read()
      return true
    } catch {
      return false
    }
  }

  // MARK: Text that takes long to compare or hash

  @Test("No more than 30 combining marks are taken in a row", arguments: [30, 31])
  func marksInARow(_ count: Int) throws {
    let isTaken = count <= 30
    let text = Self.marks(count)
    #expect(text.isStreamSafe == isTaken)
    #expect((text + "b" + text).isStreamSafe == isTaken)
    let escaped = text.unicodeScalars.map {
      $0.isASCII ? String($0) : "\\u0" + String($0.value, radix: 16)
    }.joined()
    for string in [text, escaped, "\\n\(escaped)\\\\", "😀\(text)"] {
      for body in ["{\"\(string)\": 1}", "[\"\(string)\"]"] {
        #expect(Self.takes { try JSONText.check(Array(body.utf8), maximumDepth: 64) } == isTaken)
      }
    }
    for form in ["\(text)=1", "a=\(text)"] {
      #expect(Self.takes { _ = try PercentEncoding.decodeForm(Array(form.utf8).span) } == isTaken)
    }
    let disposition = "Content-Disposition: form-data; name=\"\(text)\""
    #expect(Self.takes { _ = try PartHead(Array(disposition.utf8)[...]) } == isTaken)
    let request = try makeRequest(fields: [("Cookie", "x=\(text); \(text)=y; z=1")])
    #expect(request.cookies.items.map(\.name) == (isTaken ? ["x", text, "z"] : ["z"]))
    #expect(
      MediaTypes.type(of: "a.\(text)", or: [text: "a/b"])
        == (isTaken ? "a/b" : "application/octet-stream"))
  }

  @Test("Escaped pairs of surrogates are no marks, and may be such as are")
  func escapedPairs() throws {
    let smile = String(repeating: "\\ud83d\\ude00", count: 100)
    try JSONText.check(Array("[\"\(smile)\"]".utf8), maximumDepth: 64)
    // U+1D165, a musical stem.
    let stems = String(repeating: "\\ud834\\udd65", count: 31)
    #expect(throws: HTTPError.self) {
      try JSONText.check(Array("[\"\(stems)\"]".utf8), maximumDepth: 64)
    }
  }

  /// Each of these took hours.
  @Test("A megabyte of combining marks is read as fast as another")
  func megabytes() throws {
    let text = Self.marks(500_000)
    #expect(Preference.list("text/html, \(text), */*;q=0.1").map(\.name) == ["text/html", "*/*"])
    for range in [text, "bytes=0-\(text)", "bytes=\(text)-", "bytes=0-1, \(text)"] {
      #expect(RequestedBytes(range, of: 100) == .all)
    }
    #expect(CivilTime(httpDate: text, thisYear: 2026) == nil)
    #expect(CivilTime(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT\(text)", thisYear: 2026) == nil)
    #expect(ServerSentEvent(data: text + "\n" + text).text?.utf8.count == 2 * 1_000_001 + 15)
    let form = RequestContent.bytes(
      Array("a=1&\(text)=2".utf8), contentType: "application/x-www-form-urlencoded")
    var routes = Routes()
    routes.post("/form") { request, _ in
      .text("\(try request.form([String: String].self))")
    }
    routes.post("/json") { request, _ in .text("\(try request.json([String: Int].self))") }
    let client = try TestClient(Server(.tcp(port: 0), routes: routes))
    #expect(try client.post("/form", form).status == .badRequest)
    let json = RequestContent.bytes(
      Array("{\"\(text)\": 1}".utf8), contentType: "application/json")
    #expect(try client.post("/json", json).status == .badRequest)
  }

  // MARK: Events

  /// Says when a connection has ended.
  private final class Endings: ServerObserver {
    let count = Monitor(0)
    func connectionClosed(from peer: Address) {
      count.withLock { $0 += 1 }
      count.wakeAll()
    }
    func exchangeEnded(_ exchange: borrowing Exchange) {}
  }

  @Test("A stream ends when its client goes, also while changes come of which nothing is sent")
  func filteredChanges() throws {
    let store = try Store.inMemory(tables: ["notes"])
    let change: @Sendable () throws -> Void = {
      _ = try store.execute { try $0.overwrite("notes", "a", "b") }
    }
    let endings = Endings()
    var configuration = ServerConfiguration()
    configuration.observers = [endings]
    var routes = Routes()
    routes.get("/") { _, _ in
      let changes = try store.changes(in: "notes")
      try change()
      return .events(changes) { _ in
        try change()  // there is always another
        return nil
      }
    }
    let server = Server(.tcp(port: 0), routes: routes, configuration: configuration)
    let address = try server.start()
    defer { server.stop(within: .zero) }
    do {
      let client = try SocketClient(address)
      try client.send("GET / HTTP/1.1\nHost: h\n\n")
      _ = try client.receive(throughExactly: ":\n\n")
    }
    #expect(endings.count.wait(until: .now() + .seconds(20)) { $0 == 1 ? () : nil } != nil)
  }

  @Test(
    "A time before another connection is not negative",
    arguments: [Duration.milliseconds(-500), .seconds(-5), .zero])
  func retry(_ time: Duration) {
    #expect(ServerSentEvent(data: "", retry: time).text == "retry: 0\ndata: \n\n")
  }

  // MARK: Answers and targets

  @Test(
    "Caches are told that an error looks otherwise to others",
    arguments: ["text/html", "application/json"])
  func vary(_ accept: String) throws {
    let client = try TestClient(Server(.tcp(port: 0), routes: Routes()))
    let response = try client.get("/none", fields: [.accept: accept])
    #expect(response.status == .notFound)
    #expect(response.fields["Vary"] == "Accept")
  }

  @Test("An error is one line of a log, whatever its client wrote")
  func oneLine() {
    let error = HTTPError(.badRequest, "“a\r\nb” is missing")
    #expect(error.description == "400 Bad Request: “a\\r\\nb” is missing")
  }

  @Test("A whole URI without a path has the path /, decoded too")
  func decodedPath() throws {
    #expect(try makeRequest("http://h").decodedPath == "/")
    #expect(try makeRequest("http://h?a%20b").decodedPath == "/")
    #expect(try makeRequest("http://h/a%20b").decodedPath == "/a b")
  }

  @Test("A tail stands at the end, also of the path of a group")
  func tailOfGroup() async {
    await #expect(processExitsWith: .failure) {
      var routes = Routes()
      routes.group("/files/*path") { $0.get("/status") { _, _ in .text("") } }
    }
  }
}
