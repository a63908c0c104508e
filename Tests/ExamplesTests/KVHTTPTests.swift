// The kv-http example: the store's verbs as requests.

import Freetser
import FreetserTesting
import HTTPTypes
import Testing

@testable import kv_http

@Suite("kv-http")
struct KVHTTPTests {
  private let store: Store
  private let clock = TestClock()

  init() throws {
    store = try Store.inMemory(tables: ["t", "u"])
  }

  private func client(token: String? = nil) throws -> TestClient {
    let clock = clock
    let service = KVService(store: store, token: token, now: { clock.now })
    return try TestClient(Server(.tcp(port: 0), routes: service.routes))
  }

  @Test("A counter is a tag: who has not seen the last change does not overwrite it")
  func optimistic() throws {
    let client = try client()
    #expect(try client.get("/t/a").status == .notFound)
    let created = try client.put("/t/a", fields: [.ifNoneMatch: "*"], .bytes([0xff, 0]))
    #expect(created.status == .created && created.fields["ETag"] == "\"0\"")
    #expect(
      try client.put("/t/a", fields: [.ifNoneMatch: "*"], .text("x")).status == .preconditionFailed)
    let read = try client.get("/t/a")
    #expect(read.body == [0xff, 0] && read.fields["ETag"] == "\"0\"")
    #expect(try client.get("/t/a", fields: [.ifNoneMatch: "\"0\""]).status == .notModified)
    let changed = try client.put("/t/a", fields: [.ifMatch: "\"0\""], .text("second"))
    #expect(changed.status == .noContent && changed.fields["ETag"] == "\"1\"")
    #expect(
      try client.put("/t/a", fields: [.ifMatch: "\"0\""], .text("third")).status
        == .preconditionFailed)
    #expect(try client.put("/t/a", .text("fourth")).fields["ETag"] == "\"2\"")
    #expect(
      try client.send(.delete, "/t/a", fields: [.ifMatch: "\"1\""]).status == .preconditionFailed)
    #expect(try client.delete("/t/a").status == .noContent)
    #expect(try client.delete("/t/a").status == .notFound)
  }

  @Test("What has expired is not there, and may be made anew")
  func expiry() throws {
    let client = try client()
    #expect(try client.put("/t/a?ttl=60", .text("x")).status == .created)
    clock.advance(by: 61)
    #expect(try client.get("/t/a").status == .notFound)
    #expect(try client.put("/t/a", fields: [.ifNoneMatch: "*"], .text("y")).status == .created)
    for ttl in ["0", "-1", "x", "99999999999"] {
      #expect(try client.put("/t/a?ttl=\(ttl)", .text("x")).status == .badRequest)
    }
  }

  private struct Page: Decodable {
    struct Row: Decodable {
      var key: String
      var text: String?
      var size: Int
    }
    var rows: [Row]
    var after: String?
  }

  @Test("Ranges of keys come in pages, both ways")
  func pages() throws {
    let client = try client()
    for key in ["a1", "a2", "a3", "b1"] { _ = try client.put("/t/\(key)", .text(key)) }
    _ = try client.put("/t/a4", .bytes([0xff]))
    func keys(_ query: String) throws -> [String] {
      var keys: [String] = []
      var after = ""
      repeat {
        let page = try client.get("/t?limit=2&\(query)\(after)").json(Page.self)
        keys += page.rows.map(\.key)
        after = page.after.map { "&after=\($0)" } ?? ""
      } while after != ""
      return keys
    }
    #expect(try keys("prefix=a") == ["a1", "a2", "a3", "a4"])
    #expect(try keys("backwards=true") == ["b1", "a4", "a3", "a2", "a1"])
    let binary = try client.get("/t?prefix=a4").json(Page.self).rows
    #expect(binary.first?.text == nil && binary.first?.size == 1)
    #expect(try client.get("/none").status == .notFound)
    #expect(try client.get("/t?limit=x").text.contains(#""field":"limit""#))
  }

  @Test("Numbers count, and what is none is a conflict")
  func increment() throws {
    let client = try client()
    #expect(try client.post("/t/n/increment", .text("")).text == "1\n")
    #expect(try client.post("/t/n/increment?by=-5", .text("")).text == "-4\n")
    _ = try client.put("/t/x", .text("x"))
    #expect(try client.post("/t/x/increment", .text("")).status == .conflict)
  }

  @Test("Keys and values that cannot be are refused")
  func refused() throws {
    let client = try client()
    let long = String(repeating: "k", count: 1025)
    #expect(try client.put("/t/\(long)", .text("x")).status == .badRequest)
    #expect(try client.put("/t/a%00", .text("x")).status == .badRequest)
    let large = [UInt8](repeating: 0, count: Store.Limits.valueLengthInBytes + 1)
    #expect(try client.put("/t/a", .bytes(large)).status.code == 413)
    #expect(try client.put("/t/a", .bytes(large.dropLast())).status == .created)
  }

  @Test("A token keeps all others out")
  func token() throws {
    let client = try client(token: "secret")
    #expect(try client.get("/t").status == .unauthorized)
    #expect(try client.get("/t", fields: [.authorization: "Bearer wrong"]).status == .unauthorized)
    #expect(try client.get("/t", fields: [.authorization: "Bearer secret"]).status == .ok)
    // RFC 9110 section 11.1: however the scheme is written.
    #expect(try client.get("/t", fields: [.authorization: "bearer  secret"]).status == .ok)
    for other in ["Bearer", "Bearer secret2", "Bearer secre", "Basic secret", "secret"] {
      #expect(try client.get("/t", fields: [.authorization: other]).status == .unauthorized)
    }
  }

  @Test("Changes come as events, in order, of the keys that were asked for")
  func watch() throws {
    let service = KVService(store: store)
    let server = Server(.tcp(port: 0), routes: service.routes)
    let address = try server.start()
    defer { server.stop(within: .zero) }
    var follower = try WireClient(to: .tcp(host: "127.0.0.1", port: try #require(address.port)))
    try follower.send("GET /t?prefix=a HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
    _ = try follower.receive(through: "text/event-stream")
    try store.execute { storage in
      try storage.overwrite("t", "b", "1")
      try storage.overwrite("u", "a", "1")
      try storage.overwrite("t", "a", "1")
    }
    _ = try store.execute { try $0.delete("t", "a") }
    let events = try follower.receive(through: "event: deleted")
    #expect(events.contains("event: stored") && !events.contains("data: b"))
  }
}
