// Which handler a request reaches, and what is said if there is none.

import Freetser
import FreetserTesting
import HTTPTypes
import Testing

@Suite("Routes")
struct RoutesTests {
  /// Answers with the pattern and what stands in it.
  private func routes(_ patterns: [String]) -> Routes {
    var routes = Routes()
    for pattern in patterns {
      let names = pattern.split(separator: "/").filter { ":*".contains($0.first!) }
        .map { String($0.dropFirst()) }
      routes.get(pattern) { _, path in
        .text(([pattern] + names.map { "\($0)=\(path[$0])" }).joined(separator: " "))
      }
    }
    return routes
  }

  private func client(_ routes: Routes) throws -> TestClient {
    try TestClient(Server(.tcp(port: 0), routes: routes))
  }

  @Test("Each path reaches the route that is the most literal, from the left")
  func matching() throws {
    let client = try client(
      routes([
        "/", "/notes", "/notes/", "/notes/:id", "/notes/new", "/notes/:id/edit", "/:x/new/y",
        "/files/*path", "/a b/ü", "/:x/*rest",
      ]))
    let expected = [
      "/": "/", "/notes": "/notes", "/notes/": "/notes/", "/notes/7": "/notes/:id id=7",
      "/notes/new": "/notes/new", "/notes/7/edit": "/notes/:id/edit id=7",
      "/notes/new/y": "/:x/new/y x=notes", "/notes/new/edit": "/notes/:id/edit id=new",
      "/files/": "/files/*path path=", "/files/a/b": "/files/*path path=a/b",
      "/files/a//b/": "/files/*path path=a//b/", "/a%20b/%C3%BC": "/a b/ü",
      "/%6eotes/n%65w": "/notes/new", "/notes/a%2Fb": "/notes/:id id=a/b",
      "/notes/%2e%2e": "/notes/:id id=..", "/q/": "/:x/*rest x=q rest=",
      "/notes/7/else": "/:x/*rest x=notes rest=7/else", "/notes?new": "/notes",
      "http://h/notes": "/notes", "http://h?x": "/",
    ]
    for (target, text) in expected {
      #expect(try client.get(target).text == text, "\(target)")
    }
  }

  @Test(
    "What no route is for is 404", arguments: ["/q", "/notes/7/8", "//", "/files%2Fa", "/NOTES"])
  func notFound(_ target: String) throws {
    let client = try client(routes(["/", "/notes", "/notes/:id", "/files/*path"]))
    #expect(try client.get(target).status == .notFound)
  }

  @Test("A tail whose segments cannot be told apart any more is 404")
  func escapedTail() throws {
    #expect(try client(routes(["/files/*path"])).get("/files/a%2fb").status == .notFound)
  }

  @Test("A broken escape is 400", arguments: ["/%", "/%4", "/%zz", "/a/%C3", "/%C3/%BC"])
  func broken(_ target: String) throws {
    #expect(try client(routes(["/:x", "/:x/:y"])).get(target).status == .badRequest)
  }

  private func methods() -> Routes {
    var routes = Routes()
    routes.get("/note") { _, _ in .text("got") }
    routes.post("/note") { request, _ in .text("posted \(request.text!)") }
    routes.put("/:any") { _, _ in .text("put") }
    routes.on(.init("LINK")!, "/note", handler: Handler { _, _ in .text("linked") })
    routes.on(.head, "/own", handler: Handler { _, _ in .empty(fields: [.eTag: "\"1\""]) })
    routes.on(.options, "/own", handler: Handler { _, _ in .text("options") })
    return routes
  }

  @Test("Methods: each has its handler, HEAD is GET's, OPTIONS and 405 tell what there is")
  func method() throws {
    let client = try client(methods())
    #expect(try client.get("/note").text == "got")
    #expect(try client.post("/note", .text("x")).text == "posted x")
    #expect(try client.put("/note", .text("x")).text == "put")
    #expect(try client.send(.init("LINK")!, "/note").text == "linked")
    let head = try client.send(.head, "/note")
    #expect(head.status == .ok && head.body.isEmpty && head.fields["Content-Length"] == "3")
    #expect(try client.send(.head, "/own").fields["ETag"] == "\"1\"")
    #expect(try client.send(.options, "/own").text == "options")
    let options = try client.send(.options, "/note")
    #expect(options.status == .noContent)
    #expect(options.fields["Allow"] == "GET, HEAD, LINK, OPTIONS, POST, PUT")
    let refused = try client.delete("/note")
    #expect(refused.status == .methodNotAllowed)
    #expect(refused.fields["Allow"] == "GET, HEAD, LINK, OPTIONS, POST, PUT")
    #expect(try client.delete("/else").fields["Allow"] == "OPTIONS, PUT")
    #expect(try client.send(.options, "*").status == .noContent)
  }

  @Test("Parameters that are not what they should be are 400, with the name")
  func typed() throws {
    var routes = Routes()
    routes.get("/int/:n") { _, path in .text("\(try path.int("n") + 1)") }
    routes.get("/double/:x") { _, path in .text("\(try path.value("x", as: Double.self) * 2)") }
    let client = try client(routes)
    #expect(try client.get("/int/41").text == "42")
    #expect(try client.get("/double/1.5").text == "3.0")
    for target in ["/int/4x", "/int/9223372036854775808", "/int/%20"] {
      let response = try client.get(target)
      #expect(response.status == .badRequest)
      #expect(response.fields["Content-Type"] == "application/problem+json")
      #expect(response.text.contains(#""field":"n""#))
    }
    #expect(try client.get("/double/x").status == .badRequest)
  }

  @Test("Groups have a prefix and functions around them, the first outermost")
  func groups() throws {
    func mark(_ name: String) -> Middleware {
      { request, next in
        var response = try next(request)
        response.fields.append(.via, name)
        return response
      }
    }
    var routes = Routes()
    routes.get("/") { _, _ in .text("root") }
    routes.group("/admin/:team", through: [mark("1"), mark("2")]) {
      $0.get("/") { _, path in .text("home of \(path["team"])") }
      $0.group("/sub", through: [mark("3")]) {
        $0.post("/x/:id") { request, path in
          .text("\(path["team"]) \(path["id"]) \(request.text!)")
        }
      }
    }
    let client = try client(routes.through(mark("all")))
    #expect(try client.get("/admin/a").text == "home of a")
    #expect(try client.get("/admin/a/").status == .notFound)
    let response = try client.post("/admin/a/sub/x/5", .text("body"))
    #expect(response.text == "a 5 body")
    #expect(response.fields["Via"] == "3, 2, 1, all")
    #expect(try client.get("/").fields["Via"] == "all")
  }

  @Test(
    "A function around handlers may refuse before the body is read, see its errors and change its request"
  )
  func middleware() throws {
    var routes = Routes()
    routes.post("/") { request, _ in .text(request.fields["X-User"] ?? "nobody") }
    let guarded: Middleware = { request, next in
      guard request.fields[.authorization] != nil else { throw HTTPError.unauthorized }
      var request = request
      request.head = try RequestHead(
        method: "POST", target: "/", fields: [("X-User", "ada"), ("Host", "a")])
      do {
        return try next(request)
      } catch StreamError.tooLarge {
        return .text("never sent")
      }
    }
    let client = try client(routes.through(guarded))
    #expect(try client.post("/", .text("x")).status == .unauthorized)
    let authorized: HTTPFields = [.authorization: "yes"]
    #expect(try client.post("/", fields: authorized, .text("x")).text == "ada")
  }

  @Test("A route's own limits hold for it alone")
  func limits() throws {
    var routes = Routes()
    routes.post("/small", limits: RouteLimits(maximumBodySize: 3)) { request, _ in
      .text(request.text!)
    }
    routes.post("/usual") { request, _ in .text(request.text!) }
    routes.on(.post, "/pieces", limits: RouteLimits(maximumBodySize: 5)) { _, _, body in
      var count = 0
      while let piece = try body.read() { count += piece.count }
      return .text("\(count)")
    }
    let client = try client(routes)
    #expect(try client.post("/small", .text("abc")).text == "abc")
    #expect(try client.post("/usual", .text("abcd")).text == "abcd")
    #expect(try client.post("/small", .text("abcd")).status.code == 413)
    #expect(try client.post("/pieces", .text("abcde")).text == "5")
    #expect(try client.post("/pieces", .text("abcdef")).status.code == 413)
  }

  @Test("Two routes for the same requests end the program")
  func conflict() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var routes = Routes()
      routes.get("/notes/:id") { _, _ in .text("") }
      routes.group("/notes") { $0.get("/:name") { _, _ in .text("") } }
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("there is one route for GET /notes/:name"))
  }

  @Test(
    "A pattern that makes no sense ends the program",
    arguments: ["notes", "/a?b", "/:", "/*a/b", "/:a/:a", "/%20"])
  func pattern(_ text: String) async {
    await #expect(processExitsWith: .failure) { [text = text as String] in
      var routes = Routes()
      routes.get(text) { _, _ in .text("") }
    }
  }
}
