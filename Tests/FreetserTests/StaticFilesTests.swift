// Directories that are served: what is found in them, what never is, and how it is sent.

import FreetserTesting
import HTTPTypes
import Testing

@testable import Freetser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Static files", .serialized)
struct StaticFilesTests {
  /// Serves a directory, as it looks a minute from now: long after its files were changed.
  private func routes(
    _ directory: String, at path: String = "/assets", _ options: FileOptions = FileOptions()
  ) throws -> Routes {
    var routes = Routes()
    try routes.files(
      path, from: directory, options: options, clock: { CivilTime.nowInSeconds() + 60 })
    return routes
  }

  private func client(_ routes: Routes) throws -> TestClient {
    try TestClient(Server(.tcp(port: 0), routes: routes))
  }

  @Test("Files are found by their paths, with the types of their endings")
  func served() throws {
    let directory = try makeFileTree([
      "index.html": "home", "app.js": "script", "docs/index.html": "docs", "docs/Read.MD": "read",
      "a b/ü+1.txt": "odd", "README": "no ending", "x.tar.gz": "packed", "dot.": "dot",
      "é/\u{65}\u{301}.css": "accents", "\\": "backslash", "empty.txt": "",
    ])
    let rows: KeyValuePairs = [
      "/assets/": ("home", "text/html; charset=utf-8"),
      "/assets/index.html": ("home", "text/html; charset=utf-8"),
      "/assets/app.js": ("script", "text/javascript; charset=utf-8"),
      "/assets/%61pp.js?v=1": ("script", "text/javascript; charset=utf-8"),
      "http://h/assets/app.js": ("script", "text/javascript; charset=utf-8"),
      "/assets/docs/": ("docs", "text/html; charset=utf-8"),
      "/assets/docs/Read.MD": ("read", "text/markdown; charset=utf-8"),
      "/assets/a%20b/%C3%BC+1.txt": ("odd", "text/plain; charset=utf-8"),
      "/assets/README": ("no ending", "application/octet-stream"),
      "/assets/x.tar.gz": ("packed", "application/gzip"),
      "/assets/dot.": ("dot", "application/octet-stream"),
      "/assets/%C3%A9/e%CC%81.css": ("accents", "text/css; charset=utf-8"),
      "/assets/%5C": ("backslash", "application/octet-stream"),
      "/assets/empty.txt": ("", "text/plain; charset=utf-8"),
    ]
    let client = try client(routes(directory))
    for (target, (text, type)) in rows {
      let response = try client.get(target)
      #expect(response.status == .ok && response.text == text, "\(target)")
      #expect(response.fields["Content-Type"] == type, "\(target)")
      #expect(response.fields["Cache-Control"] == "no-cache")
      #expect(response.fields["X-Content-Type-Options"] == "nosniff")
      #expect(response.fields["Accept-Ranges"] == "bytes")
      #expect(response.fields["ETag"] != nil && response.fields["Last-Modified"] != nil)
      #expect(response.fields["Vary"] == nil && response.fields["Content-Encoding"] == nil)
      let head = try client.send(.head, target)
      #expect(head.status == .ok && head.body.isEmpty)
      #expect(head.fields["Content-Length"] == "\(text.utf8.count)")
      #expect(head.fields["ETag"] == response.fields["ETag"])
    }
    #expect(try client.post("/assets/app.js", .text("x")).status == .methodNotAllowed)
  }

  static let escapes: [(target: String, status: Int)] = [
    // Out of the directory, written in many ways.
    ("/assets/../secret", 404), ("/assets/..", 404), ("/assets/../", 404), ("/assets/.", 404),
    ("/assets/./app.js", 404), ("/assets/docs/../app.js", 404), ("/assets/docs/..", 404),
    ("/assets/../assets/app.js", 404), ("/assets/app.js/../app.js", 404),
    ("/assets/%2e%2e/secret", 404), ("/assets/%2E./secret", 404), ("/assets/..%2fsecret", 404),
    ("/assets/%2e%2e%2fsecret", 404), ("/assets/docs%2f..%2f..%2fsecret", 404),
    ("/assets/..%5csecret", 404), ("/assets/..\\secret", 404), ("/assets/%5c..%5csecret", 404),
    ("/assets/%252e%252e/secret", 404), ("/assets/%252e%252e%252fsecret", 404),
    ("/assets/..%252fsecret", 404), ("/assets/..;/secret", 404), ("/assets/.../secret", 404),
    ("/assets%2f..%2fsecret", 404), ("/assets/..%20/secret", 404), ("/../secret", 404),
    ("/secret", 404), ("http://h/assets/../secret", 404), ("/assets../secret", 404),
    // Absolute paths, empty names.
    ("/assets//etc/passwd", 404), ("/assets/%2fetc%2fpasswd", 404), ("//assets/app.js", 404),
    ("/assets//app.js", 404), ("/assets//", 404), ("/assets/docs//index.html", 404),
    ("/assets/docs//", 404), ("/assets/file:///etc/passwd", 404), ("/assets/~/secret", 404),
    // Cut off, and what is no text.
    ("/assets/%00", 404), ("/assets/app.js%00", 404), ("/assets/app.js%00.html", 404),
    ("/assets/..%00/secret", 404), ("/assets/%c0%ae%c0%ae/secret", 400),
    ("/assets/%e0%80%ae%e0%80%ae/secret", 400), ("/assets/..%c0%afsecret", 400),
    ("/assets/%uff0e%uff0e/secret", 400), ("/assets/%ff", 400), ("/assets/%", 400),
    ("/assets/%2", 400), ("/assets/docs/%CC%81index.html", 404),
    ("/assets/docs%2Findex.html", 404), ("/assets/docs%2F", 404),
    // Other names than the file's.
    ("/assets/app.js/", 404), ("/assets/app.js/x", 404), ("/assets/app.js%20", 404),
    ("/assets/app.js.", 404), ("/assets/app.js::$DATA", 404), ("/assets/none", 404),
    ("/assets/none/", 404), ("/assets/" + String(repeating: "x", count: 300), 404),
    ("/assets/" + String(repeating: "x/", count: 3000), 404),
    // Links, wherever they point, and what is no file.
    ("/assets/inside", 404), ("/assets/out", 404), ("/assets/absolute", 404),
    ("/assets/docsLink/index.html", 404), ("/assets/docsLink/", 404), ("/assets/docsLink", 404),
    ("/assets/outLink/secret", 404), ("/assets/docs/up/app.js", 404), ("/assets/loop", 404),
    ("/assets/rootLink/etc/passwd", 404), ("/assets/self/app.js", 404),
    ("/assets/pipe", 404), ("/assets/pipe/", 404), ("/assets/socket", 404),
    // Hidden names.
    ("/assets/.env", 404), ("/assets/.git/config", 404), ("/assets/%2eenv", 404),
    ("/assets/docs/.draft.md", 404), ("/assets/.git", 404), ("/assets/.git/", 404),
    // Directories without an index.
    ("/assets/plain", 404), ("/assets/plain/", 404),
  ]

  @Test("Nothing else is served, and nobody is told why, nor waits")
  func escapes() throws {
    let base = try makeFileTree([
      "secret": "secret", "outside/secret": "secret", "root/app.js": "script",
      "root/docs/index.html": "docs", "root/.env": "secret", "root/.git/config": "secret",
      "root/.git/index.html": "secret", "root/docs/.draft.md": "secret", "root/plain/x": "x",
    ])
    let links = [
      "inside": "app.js", "out": "../secret", "absolute": "\(base)/secret", "docsLink": "docs",
      "outLink": "../outside", "docs/up": "..", "loop": "loop", "rootLink": "/", "self": ".",
    ]
    for (path, target) in links {
      try #require(unsafe symlink(target, "\(base)/root/\(path)") == 0)
    }
    try #require(unsafe mkfifo("\(base)/root/pipe", 0o600) == 0)
    let listener = try Listener(.unix(path: "\(base)/root/socket"))
    defer { listener.close() }
    let routes = try routes("\(base)/root")
    let inMemory = try client(routes)
    let server = try RunningServer(streaming: routes.handler)
    let overSocket = try server.connect()
    for (target, status) in Self.escapes {
      let response = try inMemory.get(target, fields: [.accept: "text/plain"])
      #expect(response.status.code == status, "\(target)")
      let text =
        status == 404
        ? "404 Error: Not Found\n" : "400 Error: Bad Request: The path has a broken escape\n"
      #expect(response.text == text, "\(target)")
      try overSocket.send("GET \(target) HTTP/1.1\nHost: a\nAccept: text/plain\n\n")
      let received = try overSocket.receive()
      #expect(received.status == status && received.text == text, "\(target)")
    }
    for name in ["null", "zero"] {
      #expect(try client(self.routes("/dev")).get("/assets/\(name)").status == .notFound)
    }
    // What they are beside is there.
    try overSocket.send("GET /assets/app.js HTTP/1.1\nHost: a\n\n")
    #expect(try overSocket.receive().text == "script")
  }

  @Test("What may not be read is 404 too")
  func unreadable() async throws {
    let directory = try makeFileTree(["app.js": "script", "closed/app.js": "script"])
    await #expect(processExitsWith: .exitCode(0)) { [directory = directory as String] in
      var routes = Routes()
      try routes.files("/", from: directory)
      let client = try TestClient(Server(.tcp(port: 0), routes: routes))
      guard unsafe chmod(directory, 0o755) == 0,
        try client.get("/app.js").status == .ok, try client.get("/closed/app.js").status == .ok,
        unsafe chmod("\(directory)/app.js", 0) == 0, unsafe chmod("\(directory)/closed", 0) == 0
      else { _exit(1) }
      // The superuser may read all.
      if geteuid() == 0, seteuid(65_534) != 0 { _exit(2) }
      for path in ["/app.js", "/closed/app.js", "/closed/"] {
        guard try client.get(path).status == .notFound else { _exit(3) }
      }
      _exit(0)
    }
  }

  @Test("A directory without its slash is redirected to where it has one, never elsewhere")
  func redirects() throws {
    let directory = try makeFileTree([
      "index.html": "home", "docs/index.html": "docs", "docs/a b/index.html": "spaces",
      "evil.example/index.html": "evil", "\\evil.example/index.html": "evil",
      "javascript:alert(1)/index.html": "evil", "é/index.html": "accent", "plain/x": "x",
      "file.html": "file",
    ])
    let targets: KeyValuePairs = [
      "/assets": "./assets/", "/assets?a=b&c=/%2f": "./assets/?a=b&c=/%2f",
      "/assets?": "./assets/?",
      "/%61ssets": "./%61ssets/", "http://h/assets?q": "./assets/?q",
      "/assets/docs": "./docs/", "/assets/docs?next=//evil.example": "./docs/?next=//evil.example",
      "/assets/docs/a%20b?x": "./a%20b/?x", "/assets/%C3%A9": "./%C3%A9/",
      "/assets/evil.example": "./evil.example/", "/assets/%5cevil.example": "./%5cevil.example/",
      "/assets/javascript:alert(1)": "./javascript:alert(1)/",
    ]
    let client = try client(routes(directory))
    for (target, location) in targets {
      for method in [HTTPRequest.Method.get, .head] {
        let response = try client.send(method, target)
        #expect(response.status == .movedPermanently && response.body.isEmpty, "\(target)")
        #expect(response.fields["Location"] == location, "\(target)")
        #expect(response.fields["Cache-Control"] == "no-cache")
        #expect(response.fields["X-Content-Type-Options"] == "nosniff")
      }
    }
    // At the root the directory's name is the first after the host.
    let root = try self.client(routes(directory, at: "/"))
    #expect(try root.get("/").text == "home")
    #expect(try root.get("/evil.example").fields["Location"] == "./evil.example/")
    #expect(try root.get("/%5Cevil.example").fields["Location"] == "./%5Cevil.example/")
    for target in [
      "//evil.example", "//evil.example/", "///evil.example", "/%2fevil.example",
      "//evil.example/%2e%2e", "/plain", "/file.html/", "/none", "/evil.example/..",
    ] {
      let response = try root.get(target)
      #expect(response.status == .notFound && response.fields["Location"] == nil, "\(target)")
    }
  }

  @Test("Without an index directories are nothing; it may have another name")
  func index() throws {
    let directory = try makeFileTree(["a/index.html": "html", "b/start.txt": "text"])
    var options = FileOptions()
    for (index, a, b) in [
      (String?.none, 404, 404), ("index.html", 301, 404), ("start.txt", 404, 301), ("a", 404, 404),
    ] {
      options.index = index
      let client = try client(routes(directory, at: "/assets", options))
      #expect(try client.get("/assets/a").status.code == a)
      #expect(try client.get("/assets/a/").status.code == (a == 301 ? 200 : 404))
      #expect(try client.get("/assets/b").status.code == b)
      #expect(try client.get("/assets/b/").status.code == (b == 301 ? 200 : 404))
    }
    // Also if the index is a directory itself.
    options.index = "a"
    #expect(try client(routes(directory, at: "/", options)).get("/").status == .notFound)
  }

  @Test("Options: what is hidden, caches, types, and fields of all answers")
  func options() throws {
    let directory = try makeFileTree([
      "index.html": "home", ".well-known/x.data": "hidden", "bundle/a1.js": "script",
      "docs/index.html": "docs",
    ])
    var options = FileOptions(
      servesHidden: true, mediaTypes: ["data": "text/plain", "js": "text/x-script"],
      fields: [.contentSecurityPolicy: "default-src 'self'", .xContentTypeOptions: "none"])
    options.caching = { $0.hasPrefix("bundle/") ? .immutable : .maxAge(.seconds(60)) }
    let client = try client(routes(directory, at: "/assets", options))
    let rows: KeyValuePairs = [
      "/assets/": (200, "max-age=60", "text/html; charset=utf-8"),
      "/assets/bundle/a1.js": (200, "max-age=31536000, immutable", "text/x-script"),
      "/assets/.well-known/x.data": (200, "max-age=60", "text/plain"),
    ]
    for (target, (status, caching, type)) in rows {
      let response = try client.get(target)
      #expect(response.status.code == status)
      #expect(response.fields["Cache-Control"] == "public, \(caching)")
      #expect(response.fields["Content-Type"] == type)
    }
    for (target, fields, status) in [
      ("/assets/", [:], 200), ("/assets/docs", [:], 301),
      ("/assets/", [.ifMatch: "\"x\""], 412), ("/assets/", [.range: "bytes=9-"], 416),
      ("/assets/", [.range: "bytes=1-1"], 206), ("/assets/", [.ifNoneMatch: "*"], 304),
    ] as [(String, HTTPFields, Int)] {
      let response = try client.get(target, fields: fields)
      #expect(response.status.code == status)
      #expect(response.fields["Content-Security-Policy"] == "default-src 'self'")
      #expect(response.fields["X-Content-Type-Options"] == "none")
    }
    #expect(try client.get("/assets/../x").status == .notFound)
    #expect(CachePolicy.noStore.text == "no-store" && CachePolicy("x").text == "x")
    let defaults = FileOptions(caching: .immutable)
    #expect(defaults.caching("any") == .immutable)
  }

  static let codings: [(accepted: String?, both: String, gzipOnly: String)] = [
    (nil, "plain", "plain"), ("", "plain", "plain"), ("identity", "plain", "plain"),
    ("gzip", "gzip", "gzip"), ("br", "br", "plain"), ("gzip, br", "br", "gzip"),
    ("gzip, deflate, br, zstd", "br", "gzip"), ("GZIP", "gzip", "gzip"),
    ("deflate", "plain", "plain"),
    ("gzip;q=1, br;q=0.5", "gzip", "gzip"), ("gzip;q=0.5, br;q=0.501", "br", "gzip"),
    ("gzip;q=0, br;q=0", "plain", "plain"), ("gzip;q=0", "plain", "plain"),
    ("br;q=0, gzip;q=0.001", "gzip", "gzip"), ("*", "br", "gzip"), ("*;q=0", "plain", "plain"),
    ("*;q=0, gzip", "gzip", "gzip"), ("gzip;q=0, *", "br", "plain"),
    ("identity;q=1, gzip;q=0.5", "plain", "plain"),
    ("identity;q=0.5, br;q=0.2, gzip", "gzip", "gzip"),
    ("identity;q=0, br", "br", "plain"), ("gzip;q=x", "plain", "plain"),
    ("gzip;q=1.1", "plain", "plain"), ("x-gzip", "plain", "plain"),
  ]

  @Test(
    "RFC 9110 12.5.3: a compressed file is sent to those who like it better", arguments: codings)
  func compressed(_ row: (accepted: String?, both: String, gzipOnly: String)) throws {
    let directory = try makeFileTree([
      "both.js": "plain", "both.js.br": "br", "both.js.gz": "gzip",
      "gzipOnly.js": "plain", "gzipOnly.js.gz": "gzip", "plain.js": "plain",
      "alone.js.gz": "gzip", "index.html": "plain", "index.html.gz": "gzip",
      "link.js": "plain", "outside/secret": "secret", "pipe.js": "plain",
    ])
    try #require(unsafe symlink("outside/secret", "\(directory)/link.js.gz") == 0)
    try #require(unsafe symlink("outside/secret", "\(directory)/link.js.br") == 0)
    try #require(unsafe mkfifo("\(directory)/pipe.js.gz", 0o600) == 0)
    let client = try client(
      routes(directory, at: "/assets", FileOptions(servesCompressed: true)))
    let fields: HTTPFields = row.accepted.map { [.acceptEncoding: $0] } ?? [:]
    for (path, coding) in [
      ("both.js", row.both), ("gzipOnly.js", row.gzipOnly), ("", row.gzipOnly),
      ("plain.js", "plain"), ("link.js", "plain"), ("pipe.js", "plain"),
    ] {
      let response = try client.get("/assets/\(path)", fields: fields)
      #expect(response.text == coding, "\(path)")
      #expect(response.fields["Content-Encoding"] == (coding == "plain" ? nil : coding))
      #expect(response.fields["Vary"] == "Accept-Encoding")
      let type = path.isEmpty ? "text/html" : "text/javascript"
      #expect(response.fields["Content-Type"] == "\(type); charset=utf-8")
    }
    #expect(try client.get("/assets/alone.js", fields: fields).status == .notFound)
    let itself = try client.get("/assets/alone.js.gz", fields: fields)
    #expect(itself.text == "gzip" && itself.fields["Content-Encoding"] == nil)
    #expect(itself.fields["Content-Type"] == "application/gzip")
  }

  @Test("Each coding has its own tag, and conditions and ranges are about its bytes")
  func compressedSelection() throws {
    let directory = try makeFileTree(["x.js": "plain text", "x.js.gz": "gzip"])
    let client = try client(
      routes(directory, at: "/assets", FileOptions(servesCompressed: true)))
    func get(_ fields: HTTPFields, gzip: Bool) throws -> ReceivedResponse {
      var fields = fields
      if gzip { fields[.acceptEncoding] = "gzip" }
      let response = try client.get("/assets/x.js", fields: fields)
      #expect(response.fields["Vary"] == "Accept-Encoding", "\(response.status)")
      return response
    }
    let plainTag = try #require(try get([:], gzip: false).fields["ETag"])
    let gzipTag = try #require(try get([:], gzip: true).fields["ETag"])
    #expect(plainTag != gzipTag && !gzipTag.hasPrefix("W/"))
    let known = try get([.ifNoneMatch: gzipTag], gzip: true)
    #expect(known.status == .notModified && known.fields["ETag"] == gzipTag)
    #expect(known.fields["Content-Encoding"] == nil && known.fields["Cache-Control"] == "no-cache")
    #expect(try get([.ifNoneMatch: gzipTag], gzip: false).text == "plain text")
    #expect(try get([.ifNoneMatch: plainTag], gzip: true).text == "gzip")
    #expect(try get([.ifMatch: plainTag], gzip: true).status == .preconditionFailed)
    let part = try get([.range: "bytes=1-2"], gzip: true)
    #expect(part.status == .partialContent && part.text == "zi")
    #expect(part.fields["Content-Range"] == "bytes 1-2/4")
    #expect(part.fields["Content-Encoding"] == "gzip")
    #expect(try get([.range: "bytes=6-"], gzip: true).status == .rangeNotSatisfiable)
    #expect(try get([.range: "bytes=6-"], gzip: false).text == "text")
    #expect(try get([.range: "bytes=1-2", .ifRange: plainTag], gzip: true).text == "gzip")
    #expect(try get([.range: "bytes=1-2", .ifRange: gzipTag], gzip: true).text == "zi")
  }

  static let selections: [(fields: [(String, String)], status: Int, text: String)] = [
    ([("If-None-Match", "TAG")], 304, ""), ([("If-None-Match", "W/TAG")], 304, ""),
    ([("If-None-Match", "\"x\"")], 200, "abcdefghij"), ([("If-None-Match", "*")], 304, ""),
    ([("If-Modified-Since", "DATE")], 304, ""),
    ([("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")], 200, "abcdefghij"),
    ([("If-Match", "TAG")], 200, "abcdefghij"),
    ([("If-Match", "\"x\"")], 412, "412 Error: Precondition Failed\n"),
    ([("If-Unmodified-Since", "DATE")], 200, "abcdefghij"),
    (
      [("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")], 412,
      "412 Error: Precondition Failed\n"
    ),
    ([("Range", "bytes=2-4")], 206, "cde"), ([("Range", "bytes=-1")], 206, "j"),
    ([("Range", "bytes=10-")], 416, "416 Error: Range Not Satisfiable\n"),
    ([("Range", "bytes=2-4"), ("If-Range", "TAG")], 206, "cde"),
    ([("Range", "bytes=2-4"), ("If-Range", "DATE")], 206, "cde"),
    ([("Range", "bytes=2-4"), ("If-Range", "\"x\"")], 200, "abcdefghij"),
    ([("Range", "bytes=2-4"), ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT")], 200, "abcdefghij"),
    ([("Range", "bytes=2-4"), ("If-None-Match", "TAG")], 304, ""),
  ]

  @Test("RFC 9110 13 and 14: conditions and ranges", arguments: selections)
  func selection(_ row: (fields: [(String, String)], status: Int, text: String)) throws {
    let directory = try makeFileTree(["x.txt": "abcdefghij"])
    let client = try client(routes(directory))
    let first = try client.get("/assets/x.txt")
    let (tag, date) = (
      try #require(first.fields["ETag"]), try #require(first.fields["Last-Modified"])
    )
    var fields = HTTPFields()
    for (name, value) in row.fields {
      let value = value == "DATE" ? date : value.replacing("TAG", with: tag)
      fields[try #require(HTTPField.Name(name))] = value
    }
    let response = try client.get("/assets/x.txt", fields: fields)
    #expect(response.status.code == row.status && response.text == row.text)
    fields[.range] = nil
    let head = try client.send(.head, "/assets/x.txt", fields: fields)
    let ofWhole = [206, 416].contains(row.status) ? 200 : row.status
    #expect(head.status.code == ofWhole && head.body.isEmpty)
  }

  @Test("Several ranges come in one body")
  func severalRanges() throws {
    let client = try client(routes(makeFileTree(["x.txt": "abcdefghij"])))
    let response = try client.get("/assets/x.txt", fields: [.range: "bytes=0-1,5-5,-2"])
    #expect(response.status == .partialContent)
    let type = try #require(response.fields["Content-Type"])
    let boundary = try #require(type.split(separator: "=").last)
    let parts = [("0-1", "ab"), ("5-5", "f"), ("8-9", "ij")].map { range, text in
      "\r\n--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\n"
        + "Content-Range: bytes \(range)/10\r\n\r\n\(text)"
    }
    #expect(response.text == parts.joined() + "\r\n--\(boundary)--\r\n")
  }

  @Test("Routes of one's own come before files at the root, and groups have files too")
  func besideRoutes() throws {
    let directory = try makeFileTree([
      "index.html": "home", "app.js": "script", "notes/1": "file", "sub/index.html": "sub",
    ])
    var routes = Routes()
    try routes.files("/", from: directory)
    routes.get("/") { _, _ in .text("own") }
    routes.get("/notes/:id") { _, _ in .text("note") }
    try routes.group("/:team") { try $0.files("/files", from: directory) }
    let client = try client(routes)
    for (target, text) in [
      "/": "own", "/app.js": "script", "/notes/1": "note", "/sub/": "sub", "/a/files/": "home",
      "/a/files/app.js": "script",
    ] {
      #expect(try client.get(target).text == text, "\(target)")
    }
    #expect(try client.get("/a/files").fields["Location"] == "./files/")
  }

  @Test("A directory that is not there is found out when the routes are made")
  func noDirectory() throws {
    let directory = try makeFileTree(["file": "x"])
    var routes = Routes()
    for (path, reason) in [
      ("\(directory)/none", "no such file or directory"), ("\(directory)/file", "not a directory"),
    ] {
      let error = #expect(throws: FileError.self) { try routes.files("/assets", from: path) }
      #expect(error?.description == "cannot open \(path): \(reason)")
    }
    #expect(routes.all.isEmpty)
  }
}
