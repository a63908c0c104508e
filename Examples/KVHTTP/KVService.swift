// The verbs of a store as requests: counters are entity tags, pages are ranges of keys, and changes are events.

import Freetser

struct KVService: Sendable {
  let store: Store
  /// What requests must bring; `nil` for nothing.
  var token: String?
  /// What the time is, which tests turn.
  var now: @Sendable () -> Timestamp = { .now() }

  var routes: Routes {
    var routes = Routes()
    routes.get("/healthz", handler: .health)
    routes.group(through: [requireToken]) {
      $0.get("/:table", list)
      $0.get("/:table/:key", read)
      let limits = RouteLimits(maximumBodySize: Store.Limits.valueLengthInBytes)
      $0.put("/:table/:key", limits: limits, write)
      $0.delete("/:table/:key", delete)
      $0.post("/:table/:key/increment", increment)
    }
    return routes
  }

  @Sendable private func requireToken(
    _ request: Request, _ next: (Request) throws -> Response
  ) throws -> Response {
    guard token == nil || request.bearerToken.map({ isSame($0, token!) }) == true else {
      throw HTTPError(.unauthorized, fields: [.wwwAuthenticate: "Bearer"])
    }
    return try next(request)
  }

  /// Compares hashes first, as they differ anywhere: so the time does not tell how much of a guess was right.
  private func isSame(_ given: Substring, _ token: String) -> Bool {
    let (given, token) = (Array(given.utf8), Array(token.utf8))
    return given.hashValue == token.hashValue && given == token
  }

  /// The table of a path; 404 if the store has none of that name.
  private func table(_ path: PathParameters) throws(HTTPError) -> Table {
    let table = Table(path["table"])
    guard store.tables.contains(table) else { throw .notFound }
    return table
  }

  // MARK: One entry

  @Sendable private func read(_ request: Request, _ path: PathParameters) throws -> Response {
    let table = try table(path)
    let entry = try store.read { try $0.get(table, path["key"], now: now()) }
    guard let entry else { throw HTTPError.notFound }
    return Response.bytes(entry.value).tagged(entry.counter, for: request)
  }

  /// Stores the body: whatever is there, only over the state that `If-Match` names, or only if there is nothing
  /// (`If-None-Match: *`).
  @Sendable private func write(_ request: Request, _ path: PathParameters) throws -> Response {
    let (table, key, now) = (try table(path), path["key"], now())
    let expiresAt = try expiry(request, now)
    let (counter, isNew) = try store.execute { storage in
      let before = try storage.get(table, key, now: now)?.counter
      try request.checkMatch(before)
      guard before == nil else {
        return (
          try storage.overwrite(table, key, request.body, expiresAt: expiresAt), false
        )
      }
      try storage.add(table, key, request.body, expiresAt: expiresAt, now: now)
      return (0, true)
    }
    return Response.empty(status: isNew ? .created : .noContent).tagged(counter, for: request)
  }

  private func expiry(_ request: Request, _ now: Timestamp) throws -> Timestamp? {
    struct Expiry: Decodable { var ttl: Int64? }
    guard let ttl = try request.query(Expiry.self).ttl else { return nil }
    guard 1...(100 * 365 * 86_400) ~= ttl else {
      throw HTTPError(.badRequest, "“ttl” is from one second to 100 years", field: "ttl")
    }
    return Timestamp(secondsSince1970: now.secondsSince1970 + ttl)
  }

  @Sendable private func delete(_ request: Request, _ path: PathParameters) throws -> Response {
    let (table, key, now) = (try table(path), path["key"], now())
    try store.execute { storage in
      guard let entry = try storage.get(table, key, now: now) else { throw HTTPError.notFound }
      try request.checkMatch(entry.counter)
      try storage.delete(table, key)
    }
    return .empty(status: .noContent)
  }

  @Sendable private func increment(_ request: Request, _ path: PathParameters) throws -> Response {
    struct Amount: Decodable { var by: Int64? }
    let (table, key, now) = (try table(path), path["key"], now())
    let amount = try request.query(Amount.self).by ?? 1
    do {
      return .text("\(try store.execute { try $0.increment(table, key, by: amount, now: now) })\n")
    } catch StoreError.notANumber {
      throw HTTPError(.conflict, "The value is not a number")
    } catch StoreError.numberOverflow {
      throw HTTPError(.conflict, "The number would leave the range of 64 bits")
    }
  }

  // MARK: Many

  private struct Range: Decodable {
    var prefix: String?
    var after: String?
    var limit: Int?
    var backwards: Bool
  }

  private struct Page: Encodable {
    struct Row: Encodable {
      var key: String
      var counter: Int64
      /// `nil` if it is not UTF-8: then get it by itself.
      var text: String?
      var size: Int
    }

    var rows: [Row]
    /// The key to go on after; `nil` at the end.
    var after: String?
  }

  /// A page of entries, or their changes for those who ask for events.
  @Sendable private func list(_ request: Request, _ path: PathParameters) throws -> Response {
    let table = try table(path)
    let query = try request.query(Range.self)
    let range: KeyRange = query.prefix.map { .prefix($0) } ?? .all
    if request.preferredType(of: ["application/json", "text/event-stream"]) == "text/event-stream" {
      return try watch(table, range, after: request.lastEventID)
    }
    let page = try store.read {
      try $0.scan(
        table, in: range, after: query.after, backwards: query.backwards,
        limit: min(query.limit ?? 100, 1_000), now: now())
    }
    let rows = page.rows.map { row in
      Page.Row(
        key: row.key, counter: row.counter, text: String(validating: row.value, as: UTF8.self),
        size: row.value.count)
    }
    return try .json(Page(rows: rows, after: page.cursor))
  }

  private func watch(_ table: Table, _ range: KeyRange, after last: Int64?) throws -> Response {
    .events(try store.changes(in: table, range, after: last)) { change in
      ServerSentEvent(
        id: "\(change.sequence)", event: change.kind == .stored ? "stored" : "deleted",
        data: change.key)
    }
  }
}

extension Request {
  /// What stands behind `Bearer`, however that is written (RFC 9110 section 11.1); `nil` if it is another scheme.
  fileprivate var bearerToken: Substring? {
    let words = (fields[.authorization] ?? "").split(separator: " ", maxSplits: 1)
    guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
    return words[1].drop { $0 == " " }
  }
}
