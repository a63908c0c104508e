// Forms with files: what handlers get of them, what becomes files, and what is left when something fails.

import Freetser
import FreetserTesting
import StreamSimulation
import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Forms with files", .serialized)
struct FormPartTests {
  private func makeDirectory() throws -> String {
    String(try makeTemporaryPath(suffix: "").dropLast(2))
  }

  /// The names of the files in a directory.
  private func files(in directory: String) -> [String] {
    guard let stream = unsafe opendir(directory) else {
      Issue.record("\(directory) cannot be read")
      return []
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  private func bytes(of path: String) throws -> [UInt8] {
    let file = try File(path)
    var bytes: [UInt8] = []
    try file.read(0..<file.size, into: &bytes)
    return bytes
  }

  private func client(
    _ limits: RouteLimits? = nil,
    _ handler: @escaping @Sendable (Request, inout RequestBody) throws -> Response
  ) throws -> TestClient {
    var routes = Routes()
    routes.on(.post, "/", limits: limits) { request, _, body in try handler(request, &body) }
    return try TestClient(Server(.tcp(port: 0), routes: routes))
  }

  private func part(_ name: String, _ content: [UInt8], file: String? = nil) -> [UInt8] {
    let file = file.map { "; filename=\"\($0)\"\nContent-Type: image/png" } ?? ""
    return wire("--x\nContent-Disposition: form-data; name=\"\(name)\"\(file)\n\n") + content
      + wire("\n")
  }

  private func part(_ name: String, _ content: String, file: String? = nil) -> [UInt8] {
    part(name, Array(content.utf8), file: file)
  }

  private let end = wire("--x--")

  private func form(
    _ bytes: [UInt8], type: String = "multipart/form-data; boundary=x"
  ) -> RequestContent {
    .bytes(bytes, contentType: type)
  }

  /// Bytes of any kind, with what looks like delimiters among them.
  private func pattern(_ count: Int) -> [UInt8] {
    let piece = Array(0...255) + wire("\n--\n--y--\n\r-")
    return (0..<count).map { piece[$0 % piece.count] }
  }

  @Test("Texts are read, files saved, others passed over, and the connection goes on")
  func whole() throws {
    let directory = try makeDirectory()
    let client = try client { request, body in
      var lines: [String] = []
      try request.forEachPart(in: &body) { part in
        var line = "\(part.name) \(part.fileName ?? "-") \(part.contentType)"
        switch part.name {
        case "text":
          line += " \(try part.text())"
          #expect(try part.text() == "")
        case "file":
          let saved = try part.save(to: directory)
          line += " \(saved.size)"
          #expect(try bytes(of: saved.path) == pattern(saved.size))
          #expect(saved.path.hasPrefix("\(directory)/") && !saved.path.contains("evil"))
          var status = stat()
          #expect(unsafe stat(saved.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        case "begun": line += " \(try part.read()?.first ?? 0)"
        default: break
        }
        lines.append(line)
      }
      #expect(try body.read() == nil)
      return .text(lines.joined(separator: "\n"))
    }
    let sizes = [0, 1, 65_535, 65_536, 300_000]
    var body = part("text", "ü\r\n") + part("none", "", file: "")
    for size in sizes { body += part("file", pattern(size), file: "../evil%22.png") }
    body += part("begun", pattern(200_000)) + part("other", pattern(100_000)) + part("text", "")
    let expected =
      ["text - text/plain ü\r\n", "none - image/png"]
      + sizes.map { "file ../evil\".png image/png \($0)" }
      + ["begun - text/plain 0", "other - text/plain", "text - text/plain "]
    for _ in 1...2 {
      let response = try client.post("/", form(body + end))
      #expect(response.text == expected.joined(separator: "\n"))
    }
    #expect(files(in: directory).count == sizes.count * 2)
  }

  @Test(
    "Other media types are 415, and boundaries that are none 400",
    arguments: [
      ("", 415), ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
      ("multipart/mixed; boundary=x", 415), ("multipart/form-data", 400),
      ("multipart/form-data; boundary=", 415), ("multipart/form-data; boundary=\"\"", 400),
      ("multipart/form-data; boundary=x; boundary=x", 415),
      ("multipart/form-data; boundary=\"x \"", 400),
      ("multipart/form-data; boundary=\"x\\\"\"", 400),
      ("multipart/form-data; boundary=\"x{\"", 400), ("multipart/form-data; boundary=\"ü\"", 400),
      ("multipart/form-data; boundary=\(String(repeating: "x", count: 71))", 400),
      ("Multipart/Form-Data; charset=utf-8; Boundary=\"x\"", 200),
    ])
  func mediaType(type: String, status: Int) throws {
    let client = try client { request, body in
      try request.forEachPart(in: &body) { _ in }
      return .text("")
    }
    #expect(try client.post("/", form(part("a", "b") + end, type: type)).status.code == status)
  }

  @Test("As many parts as may be, and one more")
  func count() throws {
    let client = try client { request, body in
      var count = 0
      try request.forEachPart(in: &body) { _ in count += 1 }
      return .text("\(count)")
    }
    func parts(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in part("a", "b") } + end }
    #expect(try client.post("/", form(parts(0))).text == "0")
    #expect(try client.post("/", form(parts(100))).text == "100")
    let refused = try client.post("/", form(parts(101)))
    #expect(refused.status.code == 413 && refused.text.contains("more than 100 parts"))
  }

  @Test("The largest text, file and head, and one byte more")
  func limits() throws {
    let directory = try makeDirectory()
    let client = try client { request, body in
      try request.forEachPart(in: &body, maximumHeadSize: 60) { part in
        switch part.name {
        case "usual": _ = try part.text()
        case "short": _ = try part.text(limit: 3)
        default: _ = try part.save(to: directory, limit: 70_000)
        }
      }
      return .text("ok")
    }
    func post(_ part: [UInt8]) throws -> ReceivedResponse { try client.post("/", form(part + end)) }
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 70_001)
    #expect(try post(part("usual", Array(long.prefix(65_536)))).text == "ok")
    let usual = try post(part("usual", Array(long.prefix(65_537))))
    #expect(usual.status.code == 413 && usual.text.contains("“usual” has more than 65536 bytes"))
    #expect(usual.text.contains(#""field":"usual""#))
    #expect(try post(part("short", "abc")).text == "ok")
    #expect(try post(part("short", "abcd")).status.code == 413)
    #expect(try post(part("file", Array(long.prefix(70_000)))).text == "ok")
    #expect(files(in: directory).count == 1)
    #expect(try post(part("file", long)).status.code == 413)
    #expect(files(in: directory).count == 1)
    // `Content-Disposition: form-data; name=""` has 39 bytes.
    #expect(try post(part(String(repeating: "n", count: 21), "")).text == "ok")
    #expect(try post(part(String(repeating: "n", count: 22), "")).status == .badRequest)
  }

  @Test("A text that is not UTF-8 is refused, and its bytes can be read")
  func encoding() throws {
    let client = try client { request, body in
      var bytes: [UInt8] = []
      try request.forEachPart(in: &body) { part in
        if part.name == "text" { _ = try part.text() } else { bytes = try part.readAll() }
      }
      return .bytes(bytes)
    }
    #expect(try client.post("/", form(part("bytes", [0xff]) + end)).body == [0xff])
    let refused = try client.post("/", form(part("text", [0xff]) + end))
    #expect(refused.status == .badRequest && refused.text.contains("“text” is not UTF-8"))
  }

  @Test("Of a form that fails no file is left, whoever is at fault")
  func failures() throws {
    struct Thrown: Error {}
    let directory = try makeDirectory()
    let client = try client { request, body in
      try request.forEachPart(in: &body) { part in
        if part.name == "throw" { throw Thrown() }
        let saved = try part.save(to: directory)
        #expect(try bytes(of: saved.path).count == saved.size)
      }
      return .text("")
    }
    let file = part("file", pattern(200_000), file: "a")
    #expect(try client.post("/", form(file + part("throw", "") + end)).status.code == 500)
    let bad: [[UInt8]] = [
      file, file + wire("--x"), file + wire("--x-"), file.dropLast(2), Array(file.prefix(100_000)),
      file + file.dropLast(2), file + wire("--xy\n"), file + wire("--x\n\n"), [],
      file + wire("--x\nContent-Disposition: form-data\n\n\n") + end,
      file + wire("--x\nA B: c\n\n\n") + end,
    ]
    for bytes in bad {
      let response = try client.post("/", form(bytes))
      #expect(response.status == .badRequest, "\(bytes.suffix(20))")
    }
    #expect(files(in: directory).isEmpty)
    #expect(try client.post("/", form(file + end)).status == .ok)
    #expect(files(in: directory).count == 1)
  }

  @Test("A file that is moved while the form is read stays, and a form may be left early")
  func moved() throws {
    struct Enough: Error {}
    let directory = try makeDirectory()
    let client = try client { request, body in
      do {
        try request.forEachPart(in: &body) { part in
          let saved = try part.save(to: "\(directory)/")
          if part.name == "b" { throw Enough() }
          #expect(unsafe rename(saved.path, "\(directory)/kept") == 0)
        }
      } catch is Enough {
        return .text("enough")
      }
      return .text("all")
    }
    let body = part("a", "1") + part("b", "2") + part("c", "3") + end
    #expect(try client.post("/", form(body)).text == "enough")
    #expect(files(in: directory) == ["kept"])
  }

  @Test("A directory that is not there is the server's fault, and nothing is said of it")
  func noDirectory() throws {
    let directory = try makeDirectory()
    let client = try client { request, body in
      try request.forEachPart(in: &body) { _ = try $0.save(to: "\(directory)/none") }
      return .text("")
    }
    let response = try client.post("/", form(part("a", "b") + end))
    #expect(response.status == .internalServerError && !response.text.contains(directory))
  }

  @Test("Bodies over the route's limit are 413, and their files are gone")
  func bodyLimit() throws {
    let directory = try makeDirectory()
    let client = try client(RouteLimits(maximumBodySize: 100_000)) { request, body in
      try request.forEachPart(in: &body) { _ = try $0.save(to: directory) }
      return .text("")
    }
    #expect(try client.post("/", form(part("a", pattern(99_000)) + end)).status == .ok)
    #expect(try client.post("/", form(part("a", pattern(100_000)) + end)).status.code == 413)
    #expect(files(in: directory).count == 1)
  }

  @Test("A form that comes byte by byte is the same")
  func byteByByte() throws {
    let directory = try makeDirectory()
    let server = try RunningServer { (request, body) in
      var result = ""
      try request.forEachPart(in: &body) { part in
        if part.fileName == nil {
          result += "\(try part.text()) "
        } else {
          result += String(decoding: try bytes(of: part.save(to: directory).path), as: UTF8.self)
        }
      }
      return .text(result)
    }
    let client = try server.connect()
    // Each chunk is read by itself.
    let chunks = (part("a", "text") + part("b", "\r\n--file", file: "b.png") + end).flatMap {
      wire("1\n") + [$0] + wire("\n")
    }
    try client.send(
      "POST / HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=x\n"
        + "Transfer-Encoding: chunked\n\n")
    try client.send(bytes: chunks + wire("0\n\n"))
    #expect(try client.receive().text == "text \r\n--file")
  }

  @Test("A client that leaves in the middle of a file leaves none")
  func clientGone() throws {
    let directory = try makeDirectory()
    let hasBegun = Monitor(false)
    let server = try RunningServer { (request, body) in
      try request.forEachPart(in: &body) { part in
        _ = try part.read()
        hasBegun.withLock { $0 = true }
        hasBegun.wakeAll()
        _ = try part.save(to: directory)
      }
      return .text("")
    }
    var client: SocketClient? = try server.connect()
    try client?.send(
      "POST / HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=x\n"
        + "Transfer-Encoding: chunked\n\n")
    let bytes = part("a", pattern(100_000))
    try client?.send(bytes: wire("\(String(bytes.count, radix: 16))\n") + bytes)
    _ = hasBegun.wait { $0 ? true : nil }
    client = nil
    server.server.stop(within: .seconds(60))
    #expect(files(in: directory).isEmpty)
  }

  @Test("What handlers hold of parts counts towards the limit for all connections")
  func budget() throws {
    let server = try RunningServer({ $0.maximumBufferedBytes = 100_000 }) { (request, body) in
      try request.forEachPart(in: &body) { _ = try $0.readAll() }
      return .text("ok")
    }
    func status(parts: Int) throws -> Int {
      let client = try server.connect()
      func send(_ parts: Int) throws -> Int {
        let body = (0..<parts).flatMap { _ in part("a", pattern(60_000)) } + end
        try client.send(
          "POST / HTTP/1.1\nHost: a\nContent-Type: multipart/form-data; boundary=x\n"
            + "Content-Length: \(body.count)\n\n")
        try client.send(bytes: body)
        return try client.receive().status
      }
      let status = try send(parts)
      // A connection has given back what it held when it has answered again. One that is refused gives it back before.
      if status == 200 { #expect(try send(0) == 200) }
      return status
    }
    #expect(try status(parts: 1) == 200)
    #expect(try status(parts: 2) == 503)
    #expect(try status(parts: 1) == 200)
  }

  @Test("Random mutations of a form: answered or refused, and files of whole forms only")
  func random() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let directory = try makeDirectory()
    let client = try client { request, body in
      try request.forEachPart(in: &body) { part in
        if part.fileName != nil { _ = try part.save(to: directory) } else { _ = try part.text() }
      }
      return .text("")
    }
    let valid = part("a", "text") + part("b", pattern(300), file: "b.png") + part("c", "") + end
    var whole = 0
    for _ in 0..<300 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(contentsOf: wire("\n--x"), at: place)
        }
      }
      let status = try client.post("/", form(bytes)).status.code
      #expect([200, 400].contains(status), "seed \(seed)")
      if status == 200 { whole += 1 }
      #expect(files(in: directory).count <= whole, "seed \(seed)")
    }
  }
}
