import Testing

@testable import Freetser

@Suite("Requests and responses as values")
struct RequestTests {
  private func request(_ target: String, method: String = "GET") throws -> Request {
    Request(
      head: try RequestHead(method: method, target: target, fields: [("HOST", "a"), ("X-A", "1")]),
      peer: .unix(path: nil))
  }

  @Test(
    "Path and query",
    arguments: [
      ("/", "/", nil), ("/a/b?c=d?e", "/a/b", "c=d?e"), ("/?", "/", ""),
      ("http://h:1/a?b", "/a", "b"), ("http://h", "/", nil), ("http://h?q", "/", "q"),
    ] as [(String, String, String?)])
  func parts(target: String, path: String, query: String?) throws {
    let request = try request(target)
    #expect(request.path == path)
    #expect(request.query == query)
  }

  @Test("RFC 9112 3.2.2: the host of a whole URI counts more than the Host field")
  func host() throws {
    #expect(try request("/a").host == "a")
    #expect(try request("http://h:1/b?http://c/").host == "h:1")
    #expect(try request("http://h").host == "h")
    #expect(try request("/?http://c/").host == "a")
    #expect(try request("*", method: "OPTIONS").host == "a")
  }

  @Test("The parts of the other forms")
  func otherForms() throws {
    #expect(try request("*", method: "OPTIONS").path == "*")
    #expect(try request("a:80", method: "CONNECT").path == "a:80")
    #expect(try request("/").method == .get)
    #expect(try request("/", method: "BREW").method.rawValue == "BREW")
    #expect(try request("/").fields["Host"] == "a")
    #expect(try request("/").fields[.accept] == nil)
    #expect(try request("/").fields["x-a"] == "1")
  }

  @Test(
    "Percent escapes",
    arguments: [
      ("/a%20b", "/a b"), ("/%C3%A9", "/é"), ("/a+b", "/a+b"), ("/%2f", "//"), ("/%", nil),
      ("/%4", nil), ("/%zz", nil), ("/%ff", nil),
    ] as [(String, String?)])
  func decodedPath(target: String, expected: String?) throws {
    #expect(try request(target).decodedPath == expected)
  }

  @Test("The client is the peer unless it is given")
  func client() throws {
    let head = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")])
    let peer = Address.ipv4(octets: [10, 0, 0, 1], port: 1)
    let client = Address.ipv4(octets: [192, 0, 2, 1], port: 0)
    let plain = Request(head: head, peer: peer)
    #expect(plain.client == peer && plain.scheme == .http && plain.peerCredentials == nil)
    let forwarded = Request(head: head, peer: peer, client: client, scheme: .https)
    #expect(forwarded.client == client && forwarded.peer == peer && forwarded.scheme == .https)
  }

  @Test("Queries as forms")
  func queryItems() throws {
    let items = try #require(try request("/?a=1&b=x+y%26&&c&=d&e==").queryItems)
    #expect(items.map(\.name) == ["a", "b", "c", "", "e"])
    #expect(items.map(\.value) == ["1", "x y&", "", "d", "="])
    #expect(try request("/").queryItems?.isEmpty == true)
    #expect(try request("/?a=%").queryItems == nil)
  }

  @Test("Responses say what they hold")
  func responses() throws {
    #expect(Response.text("é").bytes == [0xc3, 0xa9])
    #expect(Response.text("").fields[.contentType] == "text/plain; charset=utf-8")
    #expect(Response.html("").fields[.contentType] == "text/html; charset=utf-8")
    #expect(Response.bytes([]).fields[.contentType] == "application/octet-stream")
    let json = try Response.json(["a": [1, 2]], status: .created)
    #expect(String(decoding: json.bytes ?? [], as: UTF8.self) == #"{"a":[1,2]}"#)
    #expect(json.fields[.contentType] == "application/json" && json.status == .created)
    #expect(throws: (any Error).self) { try Response.json(Double.infinity) }
    #expect(Response.empty(status: .noContent).fields.lines.isEmpty)
    let own = Response.text("a", fields: [.contentType: "text/css"])
    #expect(own.fields.lines.map(\.value) == ["text/css"])
  }

  @Test("Response fields: set, add, remove")
  func responseFields() {
    var fields: ResponseFields = [.setCookie: "a", .setCookie: "b", .location: "/"]
    #expect(fields.lines.map(\.value) == ["a", "b", "/"])
    fields[.setCookie] = "c"
    #expect(fields.lines.map(\.value) == ["/", "c"])
    fields.append(.setCookie, "d")
    fields[.location] = nil
    #expect(fields.lines.map(\.value) == ["c", "d"])
    #expect(fields[.setCookie] == "c")
    #expect(fields == ResponseFields([(.setCookie, "c"), (.setCookie, "d")]))
    #expect(fields != ResponseFields())
  }
}

@Suite("Civil time")
struct CivilTimeTests {
  @Test(
    "Known moments",
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"),
      (-1, "Wed, 31 Dec 1969 23:59:59 GMT", "1969-12-31T23:59:59Z"),
      (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT", "2100-02-28T23:59:59Z"),
    ])
  func known(seconds: Int, date: String, timestamp: String) {
    let time = CivilTime(secondsSince1970: seconds)
    #expect(time.httpDate == date)
    #expect(time.timestamp == timestamp)
  }

  @Test("Agrees with the system on each day of 400 years")
  func agreesWithSystem() {
    for day in -30_000..<116_097 {
      let seconds = day * 86_400 + 43_210
      let time = CivilTime(secondsSince1970: seconds)
      let expected = systemTime(seconds)
      guard time == expected else {
        Issue.record("\(seconds): \(time), but the system says \(expected)")
        return
      }
    }
  }
}
