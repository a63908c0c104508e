// The notes example without a browser: what each page and each program gets.

import Freetser
import FreetserTesting
import HTTPTypes
import Testing

@testable import notes

@Suite("Notes")
struct NotesTests {
  private let store: Store
  private let clock = TestClock()
  private let app: TestClient
  /// What a client that is logged in sends.
  private let session: HTTPFields

  init() throws {
    let (store, clock) = (try Store.inMemory(tables: NotesApp.tables), clock)
    self.store = store
    let notes = NotesApp(store: store, password: "tea", now: { clock.now })
    app = try TestClient(
      Server(.tcp(port: 0), routes: notes.routes(assets: "Examples/Notes/Public")))
    let response = try app.post("/login", .form(["password": "tea"]))
    #expect(response.status == .seeOther)
    let cookie = try #require(response.fields["Set-Cookie"])
    #expect(cookie.contains("; Secure; HttpOnly; SameSite=Lax"))
    session = [.cookie: String(cookie.prefix { $0 != ";" })]
  }

  private func post(
    _ target: String, _ form: KeyValuePairs<String, String> = [:]
  ) throws -> ReceivedResponse {
    try app.post(target, fields: session, .form(form))
  }

  @Test("A note that is written is on the page, escaped, the newest first")
  func page() throws {
    #expect(try post("/notes", ["text": "Buy <tea>"]).status == .seeOther)
    #expect(try post("/notes", ["text": "Call Ada"]).status == .seeOther)
    let page = try app.get("/", fields: session).text
    let first = try #require(page.firstRange(of: "<p>Call Ada</p>"))
    let second = try #require(page.firstRange(of: "<p>Buy &lt;tea&gt;</p>"))
    #expect(first.lowerBound < second.lowerBound)
    #expect(page.contains("<time data-seconds=\"1893488400\">2030-01-01T09:00:00Z</time>"))
    #expect(try post("/notes/000000000002/delete").status == .seeOther)
    #expect(!(try app.get("/", fields: session).text.contains("Call Ada")))
  }

  @Test(
    "A note without a text, or too long, is refused by name",
    arguments: [
      [:], ["text": " \n "], ["text": String(repeating: "x", count: 10_001)], ["other": "x"],
    ])
  func refused(_ form: KeyValuePairs<String, String>) throws {
    let response = try post("/notes", form)
    #expect(response.status == .badRequest && response.text.contains(#""field":"text""#))
  }

  @Test("Nobody gets in without the password, with one that expired, or after logging out")
  func login() throws {
    #expect(try app.get("/").fields["Location"] == "/login")
    #expect(try app.get("/api/notes").status == .unauthorized)
    #expect(try app.get("/status").status == .seeOther)
    #expect(try app.post("/notes", .form(["text": "x"])).status == .unauthorized)
    #expect(try app.post("/login", .form(["password": "coffee"])).status == .forbidden)
    #expect(try app.get("/", fields: session).status == .ok)
    clock.advance(by: 31 * 24 * 3600)
    #expect(try app.get("/", fields: session).status == .seeOther)
    clock.advance(by: -31 * 24 * 3600)
    #expect(try post("/logout").fields["Set-Cookie"]?.contains("Max-Age=0") == true)
    #expect(try app.get("/", fields: session).status == .seeOther)
    #expect(
      try app.get("/", fields: [.cookie: "__Host-session=\(String(repeating: "x", count: 5000))"])
        .status == .seeOther)
  }

  @Test(
    "A tab that stays open after its session is over gets no more notes",
    arguments: [(logsOut: true, hours: 0), (logsOut: false, hours: 31 * 24)])
  func eventsEnd(_ end: (logsOut: Bool, hours: Int64)) throws {
    let clock = clock
    let notes = NotesApp(store: store, password: "tea", now: { clock.now })
    let server = Server(.tcp(port: 0), routes: try notes.routes(assets: "Examples/Notes/Public"))
    let address = try server.start()
    defer { server.stop(within: .zero) }
    var tab = try WireClient(to: .tcp(host: "127.0.0.1", port: try #require(address.port)))
    let cookie = try #require(session[.cookie])
    try tab.send("GET /events HTTP/1.1\r\nHost: a\r\nCookie: \(cookie)\r\n\r\n")
    _ = try tab.receive(through: "text/event-stream")
    let book = NoteBook(store: store)
    try book.add(NewNote(text: "for all"), now: clock.now)
    #expect(try tab.receive(through: "data: ").contains("event: missed") == false)
    if end.logsOut { #expect(try post("/logout").status == .seeOther) }
    clock.advance(by: end.hours * 3600)
    try book.add(NewNote(text: "a secret"), now: clock.now)
    #expect(try tab.receive(through: "data: ").contains("event: missed"))
  }

  @Test("Programs add, read, change and delete, and change only what they have seen")
  func api() throws {
    let text = try RequestContent.json(["text": "first"])
    let added = try app.post("/api/notes", fields: session, text)
    #expect(added.status == .created)
    let place = try #require(added.fields["Location"])
    let note: Note = try added.json()
    #expect(note == Note(id: "000000000001", version: 0, text: "first", writtenAt: 1_893_488_400))
    #expect(try app.get(place, fields: session).json(Note.self) == note)
    var conditions = session
    conditions[.ifMatch] = try app.get(place, fields: session).fields["ETag"]
    let changed = try app.put(place, fields: conditions, .json(["text": "second"]))
    #expect(try changed.json(Note.self).version == 1)
    #expect(
      try app.put(place, fields: conditions, .json(["text": "third"])).status == .preconditionFailed
    )
    #expect(try app.put(place, fields: session, .json(["text": "third"])).status.code == 428)
    #expect(try app.delete(place, fields: session).status == .noContent)
    #expect(try app.delete(place, fields: session).status == .notFound)
  }

  @Test("Pages of the list follow each other, and the export has all")
  func list() throws {
    for number in 1...5 { #expect(try post("/notes", ["text": "\(number)"]).status == .seeOther) }
    var texts: [String] = []
    var after: String? = nil
    repeat {
      let query = after.map { "&after=\($0)" } ?? ""
      let page = try app.get("/api/notes?limit=2\(query)", fields: session).json(NoteBook.Page.self)
      texts += page.notes.map(\.text)
      after = page.after
    } while after != nil
    #expect(texts == ["1", "2", "3", "4", "5"])
    let export = try app.get("/export", fields: session)
    #expect(export.fields["Content-Disposition"]?.hasPrefix("attachment") == true)
    #expect(export.text.split(separator: "\n").count == 5)
  }

  @Test(
    "The page's style and script are there, and nothing beside them",
    arguments: ["style.css", "live.js", "icon.svg"])
  func assets(_ name: String) throws {
    #expect(try app.get("/assets/\(name)").status == .ok)
    #expect(try app.get("/assets/../NotesApp.swift").status == .notFound)
  }
}
