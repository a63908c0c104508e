// Responses of handlers under conditions and in parts, and writes that must not lose another's.

import FreetserTesting
import HTTPTypes
import Testing

@testable import Freetser

@Suite("Conditional responses")
struct ConditionalResponseTests {
  private func client(_ build: (inout Routes) -> Void) throws -> TestClient {
    var routes = Routes()
    build(&routes)
    return try TestClient(Server(.tcp(port: 0), routes: routes))
  }

  static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
  static let before = "Sun, 06 Nov 1994 08:49:36 GMT"

  static let rows: [(fields: HTTPFields, status: Int, text: String)] = [
    ([:], 200, "abcdefghij"),
    ([.ifNoneMatch: "\"7\""], 304, ""), ([.ifNoneMatch: "W/\"7\""], 304, ""),
    ([.ifNoneMatch: "\"6\", \"7\""], 304, ""), ([.ifNoneMatch: "*"], 304, ""),
    ([.ifNoneMatch: "\"8\""], 200, "abcdefghij"), ([.ifNoneMatch: "7"], 200, "abcdefghij"),
    ([.ifModifiedSince: date], 304, ""), ([.ifModifiedSince: before], 200, "abcdefghij"),
    ([.ifNoneMatch: "\"8\"", .ifModifiedSince: date], 200, "abcdefghij"),
    ([.ifMatch: "\"7\""], 200, "abcdefghij"),
    ([.ifMatch: "W/\"7\""], 412, "412 Error: Precondition Failed\n"),
    ([.ifMatch: "\"8\""], 412, "412 Error: Precondition Failed\n"),
    ([.ifUnmodifiedSince: before], 412, "412 Error: Precondition Failed\n"),
    ([.ifUnmodifiedSince: date], 200, "abcdefghij"),
    ([.range: "bytes=2-4"], 206, "cde"), ([.range: "bytes=-1"], 206, "j"),
    ([.range: "bytes=9-99"], 206, "j"), ([.range: "bytes=0-"], 206, "abcdefghij"),
    ([.range: "bytes=10-"], 416, "416 Error: Range Not Satisfiable\n"),
    ([.range: "bytes=4-2"], 200, "abcdefghij"), ([.range: "items=1-2"], 200, "abcdefghij"),
    ([.range: "bytes=2-4", .ifRange: "\"7\""], 206, "cde"),
    ([.range: "bytes=2-4", .ifRange: "W/\"7\""], 200, "abcdefghij"),
    ([.range: "bytes=2-4", .ifRange: "\"8\""], 200, "abcdefghij"),
    ([.range: "bytes=10-", .ifRange: "\"8\""], 200, "abcdefghij"),
    ([.range: "bytes=2-4", .ifRange: date], 206, "cde"),
    ([.range: "bytes=2-4", .ifRange: before], 200, "abcdefghij"),
    ([.range: "bytes=2-4", .ifNoneMatch: "\"7\""], 304, ""),
    ([.range: "bytes=2-4", .ifMatch: "\"8\""], 412, "412 Error: Precondition Failed\n"),
  ]

  @Test("RFC 9110 13 and 14: a handler's bytes are answered with as files are", arguments: rows)
  func selection(_ row: (fields: HTTPFields, status: Int, text: String)) throws {
    let client = try client {
      $0.get("/") { request, _ in
        .bytes(
          Array("abcdefghij".utf8), contentType: "text/plain", fields: [.cacheControl: "private"]
        )
        .tagged(7, modified: 784_111_777, for: request).part(for: request)
      }
    }
    let response = try client.get("/", fields: row.fields)
    #expect(response.status.code == row.status && response.text == row.text)
    if [200, 206, 304].contains(row.status) {
      #expect(response.fields["ETag"] == "\"7\"")
      #expect(response.fields["Cache-Control"] == "private")
    } else {
      #expect(response.fields["ETag"] == nil && response.fields["Cache-Control"] == nil)
    }
    #expect(
      response.fields["Last-Modified"] == ([200, 206].contains(row.status) ? Self.date : nil))
    #expect(response.fields["Accept-Ranges"] == ([200, 206].contains(row.status) ? "bytes" : nil))
    #expect(
      response.fields["Content-Type"]
        == (row.status == 304 ? nil : row.status > 400 ? "text/plain; charset=utf-8" : "text/plain")
    )
    switch row.status {
    case 206: #expect(response.fields["Content-Range"]?.hasSuffix("/10") == true)
    case 416: #expect(response.fields["Content-Range"] == "bytes */10")
    default: #expect(response.fields["Content-Range"] == nil)
    }
    // HEAD knows no ranges.
    let head = try client.send(.head, "/", fields: row.fields)
    #expect(head.status.code == ([206, 416].contains(row.status) ? 200 : row.status))
    #expect(head.body.isEmpty)
  }

  @Test("Several parts of bytes come in one body, with their type if there is one")
  func severalParts() throws {
    let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let client = try client {
      $0.get("/typed") { request, _ in .bytes(bytes, contentType: "image/x").part(for: request) }
      $0.get("/bare") { request, _ in Response(body: bytes).part(for: request) }
    }
    for (path, type) in [("/typed", "Content-Type: image/x\r\n"), ("/bare", "")] {
      let response = try client.get(path, fields: [.range: "bytes=0-1,10-40009,-3"])
      #expect(response.status == .partialContent)
      let boundary = try #require(response.fields["Content-Type"]?.split(separator: "=").last)
      var wanted: [UInt8] = []
      for part in [0...1, 10...40_009, 49_997...49_999] {
        wanted += Array(
          "\r\n--\(boundary)\r\n\(type)Content-Range: bytes \(part.lowerBound)-\(part.upperBound)/50000\r\n\r\n"
            .utf8)
        wanted += bytes[part]
      }
      #expect(response.body == wanted + Array("\r\n--\(boundary)--\r\n".utf8))
      #expect(
        try client.get(path, fields: [.range: "bytes=5-45004"]).body == Array(bytes[5..<45_005]))
    }
  }

  @Test("Only bytes of a 200 to GET have parts, and only states have conditions")
  func otherResponses() throws {
    let client = try client {
      for method in [HTTPRequest.Method.get, .put] {
        $0.on(
          method, "/:status",
          handler: Handler { request, path in
            Response.text("text", status: .init(code: try path.int("status")))
              .tagged("a", modified: 784_111_777, for: request).part(for: request)
          })
      }
      $0.get("/stream") { request, _ in
        .stream("text/plain") { try $0.write("text") }.part(for: request)
      }
    }
    let fields: HTTPFields = [.range: "bytes=1-1", .ifMatch: "\"b\"", .ifNoneMatch: "\"a\""]
    for (method, path, status) in [
      (HTTPRequest.Method.get, "/404", 404), (.get, "/201", 201), (.put, "/200", 200),
      (.put, "/201", 201),
    ] {
      let response = try client.send(method, path, fields: fields)
      #expect(response.status.code == status && response.text == "text")
      #expect(response.fields["ETag"] == "\"a\"" && response.fields["Last-Modified"] == Self.date)
      #expect(response.fields["Accept-Ranges"] == nil)
    }
    let stream = try client.get("/stream", fields: fields)
    #expect(stream.text == "text" && stream.fields["Accept-Ranges"] == nil)
  }

  @Test("Any text names a state; a weak name does for 304 alone")
  func tags() throws {
    let client = try client {
      $0.get("/date") { request, _ in
        .text("x", fields: [.lastModified: Self.date]).tagged(1, for: request)
      }
      $0.get("/text") { request, _ in .text("x").tagged("a \"b\"\r\n", for: request) }
      $0.get("/weak") { request, _ in
        .text("text").tagged("w", isWeak: true, for: request).part(for: request)
      }
    }
    #expect(try client.get("/text").fields["ETag"] == "\"a%20%22b%22%0D%0A\"")
    #expect(try client.get("/date").fields["Last-Modified"] == Self.date)
    #expect(try client.get("/weak").fields["ETag"] == "W/\"w\"")
    #expect(try client.get("/weak", fields: [.ifNoneMatch: "W/\"w\""]).status == .notModified)
    #expect(try client.get("/weak", fields: [.ifMatch: "W/\"w\""]).status == .preconditionFailed)
    let part = try client.get("/weak", fields: [.range: "bytes=1-1", .ifRange: "W/\"w\""])
    #expect(part.status == .ok && part.text == "text")
  }

  @Test(
    "RFC 9110 8.8.2.1: no date is told of the future, and of the last two seconds the one before")
  func fresh() throws {
    func response(modified: Int64, _ fields: [(String, String)] = []) throws -> Response {
      let head = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")] + fields)
      return Response.text("x").tagged(
        "a", modified: Timestamp(secondsSince1970: modified),
        for: Request(head: head, peer: .unix(path: nil)), now: 1000)
    }
    for (modified, told) in [(997, 997), (998, 998), (999, 998), (1000, 999), (5000, 999), (-5, 0)]
    {
      let told = CivilTime(secondsSince1970: told).httpDate
      #expect(try response(modified: Int64(modified)).fields[.lastModified] == told)
      let known = try response(modified: Int64(modified), [("If-Modified-Since", told)]).status
      #expect(known == (modified < 999 ? .notModified : .ok), "\(modified)")
    }
    // Whoever names the present second may have seen another state of it.
    let now = CivilTime(secondsSince1970: 1000).httpDate
    #expect(try response(modified: 1000, [("If-Modified-Since", now)]).status == .ok)
    #expect(try response(modified: 1000, [("If-None-Match", "\"a\"")]).status == .notModified)
  }

  @Test("RFC 6585 3: a change of what is there names it, and is refused if it is another by now")
  func writes() throws {
    let store = try Store.inMemory(tables: ["notes"])
    let client = try client {
      $0.get("/notes/:id") { request, path in
        guard let note = try store.read({ try $0.get("notes", path["id"]) }) else {
          throw HTTPError.notFound
        }
        return .bytes(note.value).tagged(note.counter, for: request)
      }
      $0.put("/notes/:id") { request, path in
        let counter = try store.execute { storage in
          try request.requireMatch(storage.get("notes", path["id"])?.counter)
          return try storage.overwrite("notes", path["id"], request.body)
        }
        return .empty(status: .noContent).tagged(counter, for: request)
      }
      $0.delete("/notes/:id") { request, path in
        guard let note = try store.read({ try $0.get("notes", path["id"]) }) else {
          throw HTTPError.notFound
        }
        try request.checkMatch(note.counter)
        try store.execute { try $0.delete("notes", path["id"]) }
        return .empty(status: .noContent)
      }
    }
    func put(_ fields: HTTPFields, _ text: String) throws -> (Int, String?) {
      let response = try client.put("/notes/1", fields: fields, .text(text))
      return (response.status.code, response.fields["ETag"])
    }
    func expect(_ response: (Int, String?), _ status: Int, _ tag: String? = nil) {
      #expect(response == (status, tag))
    }
    expect(try put([:], "0"), 428)
    expect(try put([.ifUnmodifiedSince: Self.date], "0"), 428)
    expect(try put([.ifNoneMatch: "\"9\""], "0"), 428)
    expect(try put([.ifMatch: "*"], "0"), 412)
    expect(try put([.ifMatch: "\"0\""], "0"), 412)
    #expect(try client.get("/notes/1").status == .notFound)
    expect(try put([.ifNoneMatch: "*"], "0"), 204, "\"0\"")
    expect(try put([.ifNoneMatch: "*"], "no"), 412)
    expect(try put([.ifMatch: "\"0\""], "1"), 204, "\"1\"")
    for stale in ["\"0\"", "W/\"1\"", "1", "\"2\"", "\"01\"", "\"1 \"", ""] {
      expect(try put([.ifMatch: stale], "no"), 412)
    }
    expect(try put([.ifMatch: "\"0\", \"1\""], "2"), 204, "\"2\"")
    expect(try put([.ifMatch: "*"], "3"), 204, "\"3\"")
    let note = try client.get("/notes/1")
    #expect(note.text == "3" && note.fields["ETag"] == "\"3\"")
    #expect(try client.get("/notes/1", fields: [.ifNoneMatch: "\"3\""]).status == .notModified)
    let refused = try client.put("/notes/1", .text("no"))
    #expect(refused.fields["Content-Type"] == "application/problem+json")
    #expect(refused.text.contains("If-Match must name the state that is changed"))
    #expect(
      try client.send(.delete, "/notes/1", fields: [.ifMatch: "\"2\""]).status
        == .preconditionFailed)
    #expect(try client.delete("/notes/1").status == .noContent)
  }

  @Test("RFC 9110 13.1.4: a change may name a date, where there is one")
  func writesByDate() throws {
    let client = try client {
      $0.put("/") { request, _ in
        try request.requireMatch("a", modified: 784_111_777)
        return .text("done")
      }
    }
    for (fields, status) in [
      ([:], 428), ([.ifUnmodifiedSince: Self.date], 200), ([.ifUnmodifiedSince: Self.before], 412),
      ([.ifUnmodifiedSince: "yesterday"], 428), ([.ifModifiedSince: Self.date], 428),
      ([.ifMatch: "\"b\"", .ifUnmodifiedSince: Self.date], 412),
    ] as [(HTTPFields, Int)] {
      #expect(try client.put("/", fields: fields, .text("")).status.code == status, "\(fields)")
    }
  }
}
