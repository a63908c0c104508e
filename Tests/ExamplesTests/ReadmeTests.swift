// The README's code, compiled against the modules that these tests are built with, and run.

import Foundation
import Testing

@Suite("The README's code", .serialized, .needs(.swiftc), .needs(.curl))
struct ReadmeTests {
  @Test("The quick start serves what it says")
  func quickStart() throws {
    let blocks = try Snippet.blocks(of: "README.md")
    try #require(blocks.count == 1, "each block of the README has its test here")
    try withProgram(["main.swift": blocks[0]]) { program in
      let hello = try program.curl("/")
      #expect(hello == "Hello world!")
      #expect(try program.curl("/user") == "Created: my_user_email\n")
      #expect(try program.curl("/user") == "Found: my_user_email, counter=0\n")
      #expect(try program.curl("/else") == "Not found!")
    }
  }
}

@Suite("The documentation's code", .serialized, .needs(.swiftc))
struct DocumentationTests {
  private func build(_ article: String, in directory: TemporaryDirectory) throws -> String {
    let blocks = try Snippet.blocks(of: "Sources/HTTPCore/HTTPCore.docc/\(article).md")
    return try Snippet.build(#require(blocks.first), in: directory)
  }

  @Test("The blocking client gets a page")
  func blockingClient() throws {
    let directory = try TemporaryDirectory()
    let program = try build("BlockingClient", in: directory)
    try withExample(.quickstart) { example in
      let port = String(example.address.split(separator: ":")[1])
      let output = try ChildProcess.run(program, [port])
      #expect(output.text == "200 Hello world!\n")
    }
  }

  @Test("The echo server answers, and refuses what it must")
  func echoServer() throws {
    let directory = try TemporaryDirectory()
    let output = try ChildProcess.run(try build("EchoServer", in: directory), [])
    let expected = [
      "HTTP/1.1 200 ", "Content-Length: 5", "", "hello",
      "HTTP/1.1 400 ", "Content-Length: 39", "Connection: close", "",
      "a request of HTTP/1.1 has a Host field", "", "",
    ]
    #expect(output.text.replacing("\r\n", with: "\n") == expected.joined(separator: "\n"))
  }

  @Test("Input that is a property is read")
  func inputInProperty() throws {
    let directory = try TemporaryDirectory()
    let blocks = try Snippet.blocks(of: "Sources/HTTPCore/HTTPCore.docc/HTTPCore.md")
    try #require(blocks.count == 2)
    let output = try ChildProcess.run(try Snippet.build(blocks[1], in: directory), [])
    #expect(output.text == "0\n2\n", "\(output.errors)")
  }

  @Test("Client and server play without a network")
  func withoutIO() throws {
    let directory = try TemporaryDirectory()
    let output = try ChildProcess.run(try build("WithoutIO", in: directory), [])
    #expect(output.text == "204 done done\n", "\(output.errors)")
  }

  @Test("The store alone prints what it stored")
  func storeAlone() throws {
    let directory = try TemporaryDirectory()
    let blocks = try Snippet.blocks(of: "Sources/KVStore/KVStore.docc/KVStore.md")
    try #require(blocks.count == 1)
    let program = try Snippet.build(
      blocks[0].replacing("bank.sqlite", with: directory.file("bank.sqlite")), in: directory)
    for counter in 0...1 {
      let output = try ChildProcess.run(program, [])
      #expect(output.text == "ada is taken\n100 \(counter)\n")
      #expect(output.exit == .status(0))
    }
  }

  @Test("Tasks, an actor and a loop over changes use a store as the article says")
  func asynchronousStore() throws {
    let directory = try TemporaryDirectory()
    let blocks = try Snippet.blocks(of: "Sources/KVStore/KVStore.docc/Asynchronous.md")
    let program = try Snippet.build(#require(blocks.first), in: directory)
    let output = try ChildProcess.run(program, [])
    #expect(output.text == "10\n2 42\n10\n", "\(output.errors)")
  }

  @Test("Bodies are streamed as the article says", .needs(.curl))
  func streaming() throws {
    let article = try Snippet.program(of: "Freetser/Freetser.docc/Streaming")
    try withProgram(["main.swift": article]) { program in
      #expect(try program.curl("/sum", "-X", "PUT", "--data", "ab") == "195\n")
      #expect(try program.curl("/count") == "1\n2\n3\n")
      #expect(try program.curl("/upper", "--data", "hello") == "HELLO")
      #expect(try program.curl("/", "--data", "hello") == "hello")
      var ticks = try WireClient(to: program.endpoint)
      try ticks.send("GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n")
      for _ in 1...3 { _ = try ticks.receive(through: "tick") }
      var echo = try WireClient(to: program.endpoint)
      try echo.send(
        "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nahead")
      _ = try echo.receive(through: "\n\nahead")
    }
  }

  @Test("Files are sent as the article says", .needs(.curl))
  func files() throws {
    let directory = try TemporaryDirectory()
    let blocks = try Snippet.blocks(of: "Sources/Freetser/Freetser.docc/Files.md")
    let (manual, assets) = (directory.file("manual.txt"), directory.file("Public"))
    let block = blocks.joined(separator: "\n").replacing("port: 8000", with: "port: 0")
      .replacing("manual.txt", with: manual).replacing("\"Public\"", with: "\"\(assets)\"")
    let program = try Snippet.build(block, in: directory)
    let early = try ChildProcess.run(program, [])
    #expect(early.exit != .status(0))
    #expect(early.errors.contains("cannot open \(assets): no such file or directory"))
    try FileManager.default.createDirectory(atPath: assets, withIntermediateDirectories: false)
    for (name, text) in ["index.html": "Home", "app.js": "Script", ".env": "Secret"] {
      try text.write(toFile: "\(assets)/\(name)", atomically: false, encoding: .utf8)
    }
    let running = try RunningProgram(program)
    defer { running.process.kill() }
    func curl(_ path: String, _ options: String...) throws -> String {
      try running.curl(path, ["--path-as-is", "-H", "Accept: text/plain"] + options)
    }
    #expect(try curl("/assets/app.js", "-w", "%header{cache-control}") == "Scriptno-cache")
    #expect(try curl("/assets", "-L") == "Home")
    for path in ["/assets/.env", "/assets/../manual.txt", "/assets/%2e%2e/manual.txt"] {
      #expect(try curl(path) == "404 Error: Not Found\n")
    }
    #expect(try curl("/manual", "-w", "%{http_code}") == "404 Error: Not Found\n404")
    try "Read me.".write(toFile: manual, atomically: false, encoding: .utf8)
    #expect(try curl("/manual", "-w", "%header{cache-control}") == "Read me.max-age=60")
    #expect(try curl("/manual", "-r", "5-6", "-w", "%{http_code}") == "me206")
    #expect(
      try curl("/download", "-w", "%header{content-disposition}")
        == "Read me.attachment; filename=\"Read me.txt\"")
    #expect(try curl("/framed") == "The manual has 8 bytes:\nRead me.")
    func put(_ text: String, _ condition: String) throws -> String {
      try curl(
        "/notes/1", "-X", "PUT", "--data", text, "-H", condition, "-o", "/dev/null",
        "-w", "%{http_code} %header{etag}")
    }
    #expect(try put("one", "X-Nothing: 1") == "428 ")
    #expect(try put("one", "If-None-Match: *") == "204 \"0\"")
    #expect(try put("two", "If-Match: \"0\"") == "204 \"1\"")
    #expect(try put("three", "If-Match: \"0\"") == "412 ")
    #expect(try curl("/notes/1", "-w", "%header{etag}") == "two\"1\"")
    #expect(try curl("/notes/1", "-H", "If-None-Match: \"1\"", "-w", "%{http_code}") == "304")
    try running.stop()
  }

  @Test("Queries, forms, JSON, cookies and files are read as the article says", .needs(.curl))
  func forms() throws {
    let directory = try TemporaryDirectory()
    let photos = directory.file("photos")
    let article = try Snippet.program(of: "Freetser/Freetser.docc/Forms")
      .replacing("to: \"photos\"", with: "to: \"\(photos)\"")
    let program = try RunningProgram(of: ["main.swift": article], in: directory)
    defer { program.process.kill() }
    #expect(try program.curl("/search?words=red+shoes&page=2") == "red shoes, page 2\n")
    #expect(try program.curl("/search?words=a&page=x").contains("“page” is not a whole number"))

    let note = ["--data-urlencode", "title=Ä&B", "-d", "pinned=on", "-d", "tags=a", "-d", "tags=b"]
    #expect(try program.curl("/notes", Array(note.prefix(2))) == "Ä&B, false, []\n")
    #expect(try program.curl("/notes", note) == "Ä&B, true, [\"a\", \"b\"]\n")
    #expect(try program.curl("/notes", "-d", "pinned=on").contains(#""field":"title""#))

    let json = ["-H", "Content-Type: application/json", "-d"]
    let order = #"{"items": [{"name": "a", "count": 2}, {"name": "b", "count": 3}]}"#
    #expect(try program.curl("/orders", json + [order]) == "5\n")
    #expect(
      try program.curl("/orders", json + [#"{"items": [{"name": "a"}]}"#])
        .contains(#""field":"items[0].count""#))
    #expect(try program.curl("/orders", "-d", order, "-w", "%{http_code}").hasSuffix("415"))

    #expect(
      try program.curl("/visits", "-b", "visits=41", "-w", "%header{set-cookie}")
        == "41\nvisits=42; Max-Age=86400; Path=/; Secure; HttpOnly; SameSite=Lax")

    let picture = directory.file("a \"picture\".png")
    let bytes = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    try bytes.write(to: URL(filePath: picture))
    let upload = [
      "-F", "title=Cats", "-F", "one=@\"\(picture.replacing("\"", with: "\\\""))\"", "-F",
      "two=hello;filename=b.txt",
    ]
    #expect(try program.curl("/photos", upload).hasPrefix("500 "))  // no such directory
    try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: false)
    #expect(try program.curl("/photos", upload) == "Cats: [300000, 5]\n")
    let saved = try FileManager.default.contentsOfDirectory(atPath: photos).map {
      try Data(contentsOf: URL(filePath: "\(photos)/\($0)"))
    }
    #expect(Set(saved) == [bytes, Data("hello".utf8)])
    try program.stop()
  }
}
