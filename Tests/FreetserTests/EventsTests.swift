// Events that a page follows.

import Freetser
import FreetserTesting
import KVStore
import Testing

@testable import Freetser

@Suite("Server-sent events")
struct EventsTests {
  @Test(
    "An event's lines",
    arguments: [
      (ServerSentEvent(data: ""), "data: \n\n"),
      (ServerSentEvent(data: "a"), "data: a\n\n"),
      (ServerSentEvent(data: "a\nb\r\nc\rd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
      (
        ServerSentEvent(id: "7", event: "note", data: "x", retry: .milliseconds(1500)),
        "id: 7\nevent: note\nretry: 1500\ndata: x\n\n"
      ),
      (ServerSentEvent(id: "", data: "é: data"), "id: \ndata: é: data\n\n"),
    ])
  func wire(_ event: ServerSentEvent, _ text: String) {
    #expect(event.text == text)
  }

  @Test(
    "An id or a name that would be another line is not sent",
    arguments: ["\n", "\r", "\0", "a\r\nb"])
  func forged(_ name: String) {
    #expect(ServerSentEvent(id: name, data: "").text == nil)
    #expect(ServerSentEvent(event: name, data: "").text == nil)
  }

  private func client(
    _ write: @escaping @Sendable (inout ResponseBody) throws -> Void
  ) throws -> TestClient {
    var routes = Routes()
    routes.get("/") { _, _ in .events(write) }
    return try TestClient(Server(.tcp(port: 0), routes: routes))
  }

  @Test("A stream begins at once, is kept by nobody, and ends with its closure")
  func stream() throws {
    let response = try client { try $0.send(ServerSentEvent(id: "1", data: "a\nb")) }.get("/")
    #expect(response.fields["Content-Type"] == "text/event-stream")
    #expect(response.fields["Cache-Control"] == "no-store")
    #expect(response.text == ":\n\nid: 1\ndata: a\ndata: b\n\n")
  }

  @Test("What cannot be sent cuts the stream")
  func cut() throws {
    let client = try client { body in
      try body.send(ServerSentEvent(data: "first"))
      try body.send(ServerSentEvent(id: "a\n", data: "second"))
    }
    #expect {
      try client.get("/")
    } throws: { error in
      guard case TestClientError.cut(let response) = error else { return false }
      return response.text == ":\n\ndata: first\n\n"
    }
  }
}

@Suite("Changes of a store as events", .serialized)
struct ChangeEventsTests {
  private let store: Store
  private let server: RunningServer

  init() throws {
    let store = try Store.inMemory(tables: ["notes", "others"])
    self.store = store
    server = try RunningServer { request in
      .events(
        try store.changes(in: "notes", after: request.lastEventID), heartbeat: .milliseconds(20)
      ) { change in
        guard change.key != "secret" else { return nil }
        return ServerSentEvent(id: "\(change.sequence)", data: change.key)
      }
    }
  }

  private func connect(after id: String? = nil) throws -> SocketClient {
    let client = try server.connect()
    let last = id.map { "Last-Event-ID: \($0)\n" } ?? ""
    try client.send("GET / HTTP/1.1\nHost: a\n\(last)\n")
    _ = try client.receive(throughExactly: ":\n\n")
    return client
  }

  /// The next event, without the heartbeats before it.
  private func nextEvent(_ client: SocketClient) throws -> String {
    _ = try client.receive(throughExactly: "id: ")
    return try client.receive(throughExactly: "\n\n")
  }

  @Test("What is stored comes, and what came meanwhile after a cut")
  func follow() throws {
    let first = try connect()
    try store.execute { storage in
      try storage.overwrite("others", "x", "1")
      try storage.overwrite("notes", "secret", "1")
      try storage.overwrite("notes", "a", "1")
    }
    let event = try nextEvent(first)
    #expect(event.contains("\ndata: a\n\n"))
    let id = String(event.prefix { $0 != "\n" && $0 != "\r" })
    try store.execute { try $0.overwrite("notes", "b", "1") }
    #expect(try nextEvent(first).contains("\ndata: b\n\n"))
    let second = try connect(after: id)
    #expect(try nextEvent(second).contains("\ndata: b\n\n"))
  }

  @Test("Whoever asks for what is not known any more is told", arguments: ["0", "x", "-5", ""])
  func missed(_ id: String) throws {
    _ = try connect()
    let client = try connect(after: id)
    #expect(try nextEvent(client).contains("\nevent: missed\n"))
  }

  @Test("A silent stream has heartbeats, and ends with the store")
  func silent() throws {
    let client = try connect()
    for _ in 1...3 { _ = try client.receive(throughExactly: ":\n\n") }
    try store.close()
    _ = try client.receive(through: "\n0\n\n")
  }

  @Test("A stop ends streams in order")
  func stop() throws {
    let client = try connect()
    server.server.stop(within: .seconds(60))
    _ = try client.receive(through: "\n0\n\n")
    #expect(try client.isClosedSilently())
  }
}
