// The articles that are one program each: compiled, run, and asked for what they say.

import Foundation
import Testing

extension DocumentationTests {
  @Test("The first server: what scripts/new makes, what is added to it, and its tests")
  func firstServer() throws {
    let blocks = try Snippet.blocks(of: "Sources/Freetser/Freetser.docc/FirstServer.md")
    try #require(blocks.count == 7)
    var project = try NewProject()
    #expect(project.files["Sources/App/Routes.swift"] == blocks[0])
    #expect(project.files["Sources/App/App.swift"] == blocks[1])
    let end = "  return routes\n"
    project.files["Sources/App/Routes.swift"] = blocks[0]
      .replacing(/let tables.*\n/, with: blocks[3])
      .replacing(end, with: blocks[2] + blocks[4] + blocks[5] + end)
    project.files["Tests/AppTests/AppTests.swift"]?.append(blocks[6])
    try withProgram(project.module) { program in
      #expect(try program.tests() == ["countsVisits", "tellsWhoWasNeverHere"])
      #expect(try program.curl("/hello/Ada") == "Hello Ada, for the 1. time!\n")
      #expect(try program.curl("/hello/Ada") == "Hello Ada, for the 2. time!\n")
      #expect(try program.curl("/readyz", "-w", "%{http_code}").hasSuffix("200"))
      #expect(try program.curl("/").contains("<h1>Hello!</h1>"))
      #expect(try program.curl("/greeting") == "Hello\n")
      _ = try program.curl("/greeting", "-X", "PUT", "-d", "Good morning")
      #expect(try program.curl("/greeting") == "Good morning\n")
      #expect(try program.curl("/visits/Ada") == "2\n")
      #expect(try program.curl("/visits/Bob").contains(#""detail":"Bob was never here""#))
    }
  }

  @Test("The notes app, put together block by block")
  func notesTutorial() throws {
    var project = try NewProject()
    for block in try Snippet.blocks(of: "Sources/Freetser/Freetser.docc/NotesTutorial.md") {
      try project.put(block)
    }
    try withProgram(project.module) { program in
      #expect(try program.tests() == ["showsWhatWasWritten"])
      let page = try program.curl("/")
      let start = try #require(page.firstMatch(of: /EventSource\("(.+?)"\)/)).1
      var tab = try WireClient(to: program.endpoint)
      try tab.send("GET \(start) HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try tab.receive(through: "text/event-stream")

      let note = "text=<script>"
      #expect(
        try program.curl("/notes", "--data-urlencode", note, "-w", "%{http_code}") == "303")
      let event = try tab.receive(through: "</li>")
      #expect(event.contains(/id: \d+\n/))
      #expect(event.contains("data: <li>&lt;script&gt;\n"))
      #expect(try program.curl("/").contains("<li>&lt;script&gt;\n"))

      for form in ["text=", "text=\(String(repeating: "x", count: 501))", "other=1"] {
        #expect(try program.curl("/notes", "-d", form).contains(#""field":"text""#))
      }
      #expect(try program.curl("/notes", "--json", "{}", "-w", "%{http_code}").hasSuffix("415"))
      _ = try program.curl("/notes/1000000000001/delete", "-X", "POST")
      #expect(try !program.curl("/").contains("<li>"))
    }
  }

  @Test("Routes, limits, errors and functions around handlers do what the article says")
  func routing() throws {
    let program = try Snippet.program(of: "Freetser/Freetser.docc/Routing")
    try withProgram(["main.swift": program]) { program in
      for (path, text) in [
        ("/", "Hello world!\n"), ("/notes/7", "Note 7\n"), ("/notes/new", "A new note\n"),
        ("/notes/%6eew", "A new note\n"), ("/pages/a/b", "Page a/b\n"), ("/pages/", "Page \n"),
        ("/shop/a", "Shop a\n"), ("/shop/a/orders/5", "Order 5 of a\n"),
        ("/items/1", #"{"name":"Book"}"#), ("/tickets", "Sold out.\n"),
      ] {
        #expect(try program.curl(path) == text, "\(path)")
      }
      func status(_ path: String, _ options: String...) throws -> String {
        try program.curl(path, ["-o", "/dev/null", "-w", "%{http_code}"] + options)
      }
      #expect(try status("/notes/x") == "400")
      #expect(try status("/pages") == "404")
      #expect(try status("/", "-X", "PUT") == "405")
      #expect(try status("/", "-X", "OPTIONS") == "204")
      #expect(try status("/", "-I") == "200")
      #expect(try status("/tickets") == "409")
      let (fits, tooLarge) = (try zeros(10_000_000), try zeros(10_000_001))
      #expect(try status("/photos", "--data-binary", "@\(fits.path)/file") == "201")
      #expect(try status("/photos", "--data-binary", "@\(tooLarge.path)/file") == "413")

      #expect(try program.curl("/items/2").contains(#""detail":"There is no item 2""#))
      #expect(
        try program.curl("/items/2", "-H", "Accept: text/html")
          == "404 Error: Not Found: There is no item 2\n")

      #expect(try program.curl("/", "-w", "%header{server-timing}").contains("handler;dur="))
      #expect(try !program.curl("/items/2", "-w", "%header{server-timing}").contains("dur="))
      let secret = ["-H", "Authorization: Bearer secret", "-w", "%header{cache-control}"]
      #expect(try status("/admin/status") == "401")
      #expect(
        try program.curl("/admin/status", secret)
          == "All is well.\nno-store")
      let ada = ["-H", "Authorization: Bearer of Ada"]
      #expect(try program.curl("/me", ada) == "You are Ada.\n")
      #expect(try program.curl("/me", "-w", "%header{www-authenticate}").hasSuffix("Bearer"))
      #expect(
        try program.curl("/me/name", ada + ["-d", "Lin"]) == "Ada is now Lin.\n")
    }
  }

  /// A file that holds so many zeros, in a directory of its own.
  private func zeros(_ count: Int) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    try Data(count: count).write(to: URL(filePath: directory.file("file")))
    return directory
  }

  @Test("Pages follow what is stored, as the article says")
  func events() throws {
    let program = try Snippet.program(of: "Freetser/Freetser.docc/Events")
    try withProgram(["main.swift": program]) { program in
      func follow(_ path: String, after id: String? = nil) throws -> WireClient {
        let client = try WireClient(to: program.endpoint)
        let last = id.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(last)\r\n")
        return client
      }
      func put(_ price: String, _ name: String) throws -> String {
        try program.curl("/prices/\(name)", "-X", "PUT", "-d", price, "-w", "%{http_code}")
      }
      #expect(try program.curl("/").contains(#"new EventSource("/events")"#))
      var page = try follow("/events")
      _ = try page.receive(through: "text/event-stream")
      #expect(try put("12.5", "book") == "204")
      #expect(try put("cheap", "book").contains("A price is a number"))
      let event = try page.receive(through: "data: book 12.5")
      let id = try #require(event.firstMatch(of: /id: (\d+)\n/)).1

      // Who comes again gets what came meanwhile, and nothing twice.
      #expect(try put("3", "pen") == "204")
      var again = try follow("/events", after: String(id))
      #expect(try !again.receive(through: "data: pen 3.0").contains("book"))
      var stranger = try follow("/events", after: "1")
      _ = try stranger.receive(through: "event: missed")

      let list = try program.curl("/prices", "-w", "%header{changes-after}")
      let sequence = try #require(list.wholeMatch(of: /book 12.5\npen 3.0\n(\d+)/)).1
      #expect(try #require(Int(sequence)) > #require(Int(id)))

      var clock = try follow("/ticks")
      _ = try clock.receive(through: "event: tick")
    }
  }

  @Test("The program that others are compared with greets, counts, takes notes and gives them")
  func comingFrom() throws {
    let program = try Snippet.program(of: "Freetser/Freetser.docc/ComingFrom")
    try withProgram(["main.swift": program]) { program in
      #expect(try program.curl("/hello/Ada") == "Hello Ada, for the 1. time!\n")
      #expect(try program.curl("/hello/Ada") == "Hello Ada, for the 2. time!\n")
      let json = ["-H", "Content-Type: application/json", "-w", "%{http_code}", "-d"]
      func post(_ text: String) throws -> String {
        try program.curl("/notes", json + [text])
      }
      let answer = try post(#"{"text": "Milk"}"#)
      #expect(answer.contains(#""id":1"#) && answer.contains(#""text":"Milk""#))
      #expect(answer.hasSuffix("201"))
      #expect(try post("{}").contains(#""field":"text""#))
      #expect(try program.curl("/notes/1").contains(#""text":"Milk""#))
      #expect(try program.curl("/notes/2", "-w", "%{http_code}").hasSuffix("404"))
    }
  }

  @Test("Storage by example prints what stands behind its lines")
  func storageByExample() throws {
    let directory = try TemporaryDirectory()
    let program = try Snippet.program(of: "KVStore/KVStore.docc/StorageByExample")
    let output = try ChildProcess.run(try Snippet.build(program, in: directory), [])
    #expect(
      output.text == """
        ["70", "30"]
        true
        Ada Lovelace!
        ada
        nobody
        taken
        bob@example.org
        send a mail - make a report - nothing to do
        ["saver 1", "saver 2"]
        ["saver 3", "saver 4"]
        ["saver 5"]
        7
        stored water the plants

        """, "\(output.errors)")
  }

  @Test("Lines come back, and a stop ends in time")
  func lineEcho() throws {
    let directory = try TemporaryDirectory()
    let program = try Snippet.program(of: "Transport/Transport.docc/LineEcho")
    let output = try ChildProcess.run(try Snippet.build(program, in: directory), [])
    #expect(output.text == "one\ntwo\ntrue\n", "\(output.errors)")
  }

  @Test("A server is observed as the article says")
  func observing() throws {
    let directory = try TemporaryDirectory()
    let article = try Snippet.program(of: "Freetser/Freetser.docc/Observing")
      .replacing("app.sqlite", with: directory.file("app.sqlite"))
    let program = try RunningProgram(of: ["main.swift": article], in: directory)
    defer { program.process.kill() }
    #expect(try program.curl("/") == "You are visitor 1.\n")
    #expect(try program.curl("/healthz") == "ok\n")
    #expect(try program.curl("/readyz") == "ready\n")
    #expect(try program.curl("/admin/status", "-w", "%{http_code}").hasSuffix("401"))
    let login = ["-u", "ada:secret"]
    let metrics = try program.curl("/admin/metrics", login)
    #expect(metrics.contains("http_server_requests_total{method=\"GET\",status=\"200\"} 3\n"))
    #expect(metrics.contains("\nfreetser_store_commits_total 1\n"))
    let page = try program.curl("/admin/status", login)
    #expect(page.contains("<h1>Visits 1.0</h1>") && page.contains("<h2>Store</h2>"))
    var events = try WireClient(to: program.endpoint)
    try events.send(
      "GET /admin/status HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
        + "Authorization: Basic YWRhOnNlY3JldA==\r\n\r\n")
    for _ in 1...2 { _ = try events.receive(through: "data: <p class=\"since\">") }
    try program.stop()
    let log = try program.process.waitForEnd().text
    let id = try #require(log.firstMatch(of: /Visited 1 times request=([0-9a-z]+-0)\n/)).1
    let line = log.firstMatch(
      of: /\n[-0-9T:.]+Z 127\.0\.0\.1 "GET \/ HTTP\/1\.1" 200 19 [0-9.]+ms "-" "curl\/[^"]*" (.*)\n/
    )
    #expect(line?.1 == id)
    #expect(!log.contains("/healthz") && log.contains("/readyz"))
    #expect(log.contains("\"GET /admin/status HTTP/1.1\" 401"))
  }

  @Test("The code of the landing pages compiles")
  func landingPages() throws {
    let server = try Snippet.blocks(of: "Sources/Freetser/Freetser.docc/Freetser.md")
    let core = try Snippet.blocks(of: "Sources/HTTPCore/HTTPCore.docc/HTTPCore.md")
    try #require(server.count == 2 && core.count == 2)
    try Snippet.check(
      [
        "Freetser.swift":
          "import Freetser\nimport FreetserTesting\nimport Testing\n"
          + "func page() throws {\n\(server[0])\(server[1])}\n",
        "HTTPCore.swift": "import HTTPCore\nfunc core() throws {\n\(core[0])}\n",
      ], in: TemporaryDirectory())
  }

  @Test("Each article with code in Swift has its test")
  func complete() throws {
    let sources = Snippet.repository.appending(path: "Sources").path
    let articles = try FileManager.default.subpathsOfDirectory(atPath: sources)
      .filter { $0.hasSuffix(".md") }
      .filter { try !Snippet.blocks(of: "Sources/\($0)").isEmpty }
      .map { URL(filePath: $0).deletingPathExtension().lastPathComponent }
    let tests = try FileManager.default.subpathsOfDirectory(
      atPath: Snippet.repository.appending(path: "Tests").path
    ).filter { $0.hasSuffix("Tests.swift") }
    let texts = try tests.map {
      try String(
        contentsOf: Snippet.repository.appending(path: "Tests/\($0)"), encoding: .utf8)
    }.joined()
    for article in articles {
      #expect(texts.contains(try Regex("\\b\(article)(\\.md)?\"")), "\(article)")
    }
  }
}
