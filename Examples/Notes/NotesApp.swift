// What can be asked of the app, and by whom.

import Freetser

/// The app: pages for people, and JSON for programs.
struct NotesApp: Sendable {
  static let tables: [Table] = [.notes, .sessions, .numbers]

  let store: Store
  let password: String
  /// What the server has done, for the page that shows it.
  let activity = ServerActivity()
  /// What the time is, which tests turn.
  var now: @Sendable () -> Timestamp = { .now() }

  private var notes: NoteBook { NoteBook(store: store) }
  private var sessions: Sessions { Sessions(store: store, now: now) }

  func routes(assets: String) throws -> Routes {
    var routes = Routes()
    routes.get("/healthz", handler: .health)
    routes.get("/readyz", handler: .readiness(store: store))
    try routes.files("/assets", from: assets)
    addLogin(to: &routes)
    routes.group(through: [requireLogin]) {
      addPages(to: &$0)
      addAPI(to: &$0)
      $0.get("/status", handler: .statusPage(activity, store: store, title: "Notes"))
    }
    return routes
  }

  // MARK: Who it is

  private func addLogin(to routes: inout Routes) {
    routes.get("/login") { _, _ in .html(Page.login()) }
    routes.post("/login", limits: RouteLimits(maximumBodySize: 4_096)) { request, _ in
      struct Login: Decodable { var password: String }
      let given = try request.form(Login.self).password
      // Hashes first, as they differ anywhere: so the time does not tell how much of a guess was right.
      guard given.hashValue == password.hashValue, given == password else {
        return .html(Page.login(isWrong: true), status: .forbidden)
      }
      var response = Response.redirect(to: "/")
      response.setCookie(try sessions.begin())
      return response
    }
    routes.post("/logout") { request, _ in
      try sessions.end(of: request)
      var response = Response.redirect(to: "/login")
      response.deleteCookie(Sessions.cookieName)
      return response
    }
  }

  /// Sends people to the login, and tells programs that there is one.
  @Sendable private func requireLogin(
    _ request: Request, _ next: (Request) throws -> Response
  ) throws -> Response {
    if try sessions.isOpen(for: request) { return try next(request) }
    if request.path.hasPrefix("/api/") || request.method != .get {
      throw HTTPError(.unauthorized, fields: [.wwwAuthenticate: "Cookie"])
    }
    return .redirect(to: "/login")
  }

  // MARK: For people

  private func addPages(to routes: inout Routes) {
    routes.get("/") { _, _ in
      // First where the changes stand, and then the notes: what is stored between the two is shown twice, not never.
      let sequence = try store.changes(in: .notes).sequence
      return .html(Page.notes(try notes.newest(100), upTo: sequence))
    }
    routes.post("/notes") { request, _ in
      try notes.add(try request.form(NewNote.self), now: now())
      return .redirect(to: "/")
    }
    routes.post("/notes/:id/delete") { _, path in
      try notes.delete(path["id"])
      return .redirect(to: "/")
    }
    routes.get("/events") { request, _ in
      struct Start: Decodable { var after: Int64? }
      let start = try request.lastEventID ?? request.query(Start.self).after
      return .events(try store.changes(in: .notes, after: start)) { change in
        // The session may be over by now. Who reads everything anew then has to log in.
        guard try sessions.isOpen(for: request) else {
          return ServerSentEvent(event: "missed", data: "")
        }
        return try NoteChange(of: change.key, now: notes.note(change.key)).event(change.sequence)
      }
    }
    routes.get("/export") { _, _ in
      .stream(
        "application/x-ndjson",
        fields: [.contentDisposition: #"attachment; filename="notes.ndjson""#]
      ) { body in
        try notes.forEach { try body.write($0.json + [0x0a]) }
      }
    }
  }

  // MARK: For programs

  private func addAPI(to routes: inout Routes) {
    routes.get("/api/notes") { request, _ in
      struct Page: Decodable { var after: String?, limit: Int? }
      let page = try request.query(Page.self)
      return try .json(notes.page(after: page.after, limit: min(page.limit ?? 50, 500)))
    }
    routes.post("/api/notes") { request, _ in
      let note = try notes.add(try request.json(NewNote.self), now: now())
      return try .json(note, status: .created, fields: [.location: "/api/notes/\(note.id)"])
    }
    routes.get("/api/notes/:id") { request, path in
      guard let note = try notes.note(path["id"]) else { throw HTTPError.notFound }
      return try .json(note).tagged(note.version, for: request)
    }
    routes.put("/api/notes/:id") { request, path in
      let change = try request.json(NewNote.self)
      let note = try notes.change(path["id"], to: change) { try request.requireMatch($0) }
      return try .json(note).tagged(note.version, for: request)
    }
    routes.delete("/api/notes/:id") { _, path in
      guard try notes.delete(path["id"]) else { throw HTTPError.notFound }
      return .empty(status: .noContent)
    }
  }
}
