// Files over sockets: whole, in parts, under conditions, and when they or their clients fail.

import Freetser
import Logging
import Testing
import Threads

@testable import struct Freetser.CivilTime
@testable import struct Freetser.Response

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Files as responses", .serialized)
struct FileResponseTests {
  /// Serves the files of a directory, as they look a minute from now: long after they were changed.
  private func serve(
    _ directory: String, _ change: (inout ServerConfiguration) -> Void = { _ in }
  ) throws -> RunningServer {
    try RunningServer(.tcp(port: 0), change) { request in
      .file(
        try File(directory + request.path), for: request, contentType: "text/plain",
        status: request.path == "/sorry" ? .notFound : .ok,
        fields: [.cacheControl: "max-age=5"], now: CivilTime.nowInSeconds() + 60)
    }
  }

  private func makeDirectory() throws -> String {
    String(try makeTemporaryPath(suffix: "").dropLast(2))
  }

  /// Bytes that differ from their neighbours.
  private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
  }

  @Test("A file comes whole, with what there is to be said about it, and the connection goes on")
  func whole() throws {
    let directory = try makeDirectory()
    let server = try serve(directory)
    let client = try server.connect()
    // Around what is sent with the head, and what the system takes at once.
    for size in [0, 1, 16_000, 16_383, 16_384, 16_385, 200_000, 9_000_000] {
      let bytes = pattern(size)
      try write(bytes, to: "\(directory)/file")
      try setTimes(of: "\(directory)/file", to: 784_111_777)
      try client.send("GET /file HTTP/1.1\nHost: a\n\n")
      let response = try client.receive()
      #expect(response.status == 200)
      #expect(response.body == bytes, "\(size)")
      #expect(response.fields["Content-Length"] == "\(size)")
      #expect(response.fields["Content-Type"] == "text/plain")
      #expect(response.fields["Cache-Control"] == "max-age=5")
      #expect(response.fields["Accept-Ranges"] == "bytes")
      #expect(response.fields["Last-Modified"] == "Sun, 06 Nov 1994 08:49:37 GMT")
      let tag = try #require(response.fields["ETag"])
      #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.utf8.count > 10)
    }
    #expect(server.log.lines.allSatisfy { $0.hasPrefix("info ") })
  }

  struct Row: CustomTestStringConvertible {
    var request: String
    var status: Int
    var body: String
    var fields: [String: String?] = [:]
    var testDescription: String { request }
  }

  static let rows: [Row] = [
    Row(
      request: "GET\nRange: bytes=2-4", status: 206, body: "cde",
      fields: [
        "Content-Range": "bytes 2-4/10", "Content-Length": "3", "Content-Type": "text/plain",
      ]),
    Row(
      request: "GET\nRange: bytes=-1", status: 206, body: "j",
      fields: ["Content-Range": "bytes 9-9/10"]),
    Row(
      request: "GET\nRange: bytes=7-", status: 206, body: "hij",
      fields: ["Content-Range": "bytes 7-9/10", "Cache-Control": "max-age=5"]),
    Row(
      request: "GET\nRange: bytes=10-", status: 416,
      body: "416 Error: Range Not Satisfiable\n",
      fields: ["Content-Range": "bytes */10", "Cache-Control": nil]),
    Row(
      request: "GET\nRange: bytes=x", status: 200, body: "abcdefghij",
      fields: ["Content-Range": nil]),
    Row(
      request: "HEAD\nRange: bytes=2-4", status: 200, body: "",
      fields: ["Content-Length": "10", "Accept-Ranges": "bytes", "Content-Range": nil]),
    Row(
      request: "POST\nRange: bytes=2-4\nIf-None-Match: *", status: 200, body: "abcdefghij",
      fields: ["Accept-Ranges": nil, "ETag": nil]),
    Row(
      request: "GET\nIf-None-Match: TAG", status: 304, body: "",
      fields: [
        "ETag": "TAG", "Cache-Control": "max-age=5", "Content-Type": nil, "Content-Length": nil,
        "Last-Modified": nil,
      ]),
    Row(request: "HEAD\nIf-None-Match: W/TAG", status: 304, body: ""),
    Row(
      request: "GET\nIf-None-Match: \"other\"", status: 200, body: "abcdefghij",
      fields: ["ETag": "TAG"]),
    Row(
      request: "GET\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", status: 304, body: ""),
    Row(
      request: "GET\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", status: 200,
      body: "abcdefghij"),
    Row(
      request: "GET\nIf-Match: \"other\"", status: 412, body: "412 Error: Precondition Failed\n",
      fields: ["ETag": nil, "Cache-Control": nil]),
    Row(request: "HEAD\nIf-Match: \"other\"", status: 412, body: ""),
    Row(request: "GET\nIf-Match: TAG\nRange: bytes=0-0", status: 206, body: "a"),
    Row(request: "GET\nIf-Range: TAG\nRange: bytes=0-0", status: 206, body: "a"),
    Row(request: "GET\nIf-Range: \"other\"\nRange: bytes=0-0", status: 200, body: "abcdefghij"),
    Row(request: "GET\nIf-Range: \"other\"\nRange: bytes=10-", status: 200, body: "abcdefghij"),
    Row(request: "GET\nIf-None-Match: TAG\nRange: bytes=10-", status: 304, body: ""),
  ]

  @Test("RFC 9110 13 and 14: conditions and ranges", arguments: rows)
  func selection(_ row: Row) throws {
    let directory = try makeDirectory()
    try write(Array("abcdefghij".utf8), to: "\(directory)/file")
    try setTimes(of: "\(directory)/file", to: 784_111_777)
    let server = try serve(directory)
    let client = try server.connect()
    try client.send("HEAD /file HTTP/1.1\nHost: a\n\n")
    let tag = try #require(try client.receive(to: "HEAD").fields["ETag"])
    let lines = row.request.replacing("TAG", with: tag).split(separator: "\n", maxSplits: 1)
    let method = String(lines[0])
    try client.send("\(method) /file HTTP/1.1\nHost: a\n\(lines.dropFirst().joined())\n\n")
    let response = try client.receive(to: method)
    #expect(response.status == row.status)
    #expect(response.text == row.body)
    for (name, value) in row.fields {
      #expect(response.fields[name] == value?.replacing("TAG", with: tag), "\(name)")
    }
    // Whatever it was, the next is answered.
    try client.send("GET /file HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().text == "abcdefghij")
  }

  @Test("RFC 9110 14.6: several parts come in one body, each with its own fields")
  func severalParts() throws {
    let directory = try makeDirectory()
    let bytes = pattern(100_000)
    try write(bytes, to: "\(directory)/file")
    let server = try serve(directory)
    let client = try server.connect()
    try client.send("GET /file HTTP/1.1\nHost: a\nRange: bytes=0-1,10-50009,-3\n\n")
    let response = try client.receive()
    #expect(response.status == 206)
    #expect(response.fields["Content-Range"] == nil)
    let type = try #require(response.fields["Content-Type"])
    let match = try #require(type.wholeMatch(of: /multipart\/byteranges; boundary=([0-9a-z]+)/))
    var wanted: [UInt8] = []
    for part in [0...1, 10...50009, 99_997...99_999] {
      let head =
        "\r\n--\(match.1)\r\nContent-Type: text/plain\r\n"
        + "Content-Range: bytes \(part.lowerBound)-\(part.upperBound)/100000\r\n\r\n"
      wanted += Array(head.utf8) + bytes[part]
    }
    #expect(response.body == wanted + Array("\r\n--\(match.1)--\r\n".utf8))
  }

  @Test("Responses that were asked for ahead keep their order, files and others")
  func pipelined() throws {
    let directory = try makeDirectory()
    let (small, large) = (pattern(100), pattern(3_000_000))
    try write(small, to: "\(directory)/small")
    try write(large, to: "\(directory)/large")
    let server = try serve(directory)
    let client = try server.connect()
    let order = ["small", "large", "none", "large", "small", "small"]
    try client.send(order.map { "GET /\($0) HTTP/1.1\nHost: a\n\n" }.joined())
    for name in order {
      let response = try client.receive()
      switch name {
      case "small": #expect(response.body == small)
      case "large": #expect(response.body == large)
      default: #expect(response.status == 404)
      }
    }
  }

  @Test("A file that is not there is 404, one that cannot be read 500, and the log knows")
  func missing() throws {
    let directory = try makeDirectory()
    try #require(unsafe symlink("loop", "\(directory)/loop") == 0)
    try write(Array("sorry".utf8), to: "\(directory)/sorry")
    let server = try serve(directory) { $0.logger.logLevel = .debug }
    let client = try server.connect()
    for path in ["/none", "/", "/sorry/x"] {
      try client.send("GET \(path) HTTP/1.1\nHost: a\nAccept: text/plain\n\n")
      let response = try client.receive()
      #expect(response.status == 404 && response.text.contains("Not Found"))
    }
    #expect(
      server.log.lines.contains(
        "debug GET /none: cannot open \(directory)/none: no such file or directory"))
    try client.send("GET /loop HTTP/1.1\nHost: a\n\n")
    #expect(try client.receive().status == 500)
    #expect(
      server.log.lines.contains(
        "error Handler error: GET /loop: cannot open \(directory)/loop: "
          + "too many levels of symbolic links"))

    // A page for such cases is a file too, and neither conditions nor ranges concern it.
    try client.send("GET /sorry HTTP/1.1\nHost: a\nRange: bytes=0-0\nIf-None-Match: *\n\n")
    let page = try client.receive()
    #expect(page.status == 404 && page.text == "sorry")
    #expect(page.fields["ETag"] == nil && page.fields["Accept-Ranges"] == nil)
  }

  @Test("Another file has another tag, also one of the same size and date")
  func tags() throws {
    let directory = try makeDirectory()
    let server = try serve(directory)
    let client = try server.connect()
    var tags: Set<String> = []
    func requireNewTag() throws {
      try setTimes(of: "\(directory)/file", to: 784_111_777)
      try client.send("HEAD /file HTTP/1.1\nHost: a\n\n")
      let response = try client.receive(to: "HEAD")
      #expect(response.fields["Last-Modified"] == "Sun, 06 Nov 1994 08:49:37 GMT")
      #expect(tags.insert(try #require(response.fields["ETag"])).inserted)
    }
    try write([1], to: "\(directory)/file")
    try requireNewTag()
    // Written where it is, once the clock of the file system has gone on.
    let changed = try File("\(directory)/file").changed
    repeat {
      try write([2], to: "\(directory)/file")
    } while try File("\(directory)/file").changed == changed
    try requireNewTag()
    try write([3], to: "\(directory)/next")
    try #require(unsafe rename("\(directory)/next", "\(directory)/file") == 0)
    try requireNewTag()
  }

  @Test("A fresh file has no tag, and the date before; a date in the future is not told")
  func fresh() throws {
    let directory = try makeDirectory()
    try write(Array("abc".utf8), to: "\(directory)/file")
    try setTimes(of: "\(directory)/file", to: 4_000_000_000)
    let file = try File("\(directory)/file")
    let changed = file.changed.seconds
    let client = Address.unix(path: nil)
    func response(_ now: Int, _ fields: [(String, String)] = []) throws -> Response {
      let head = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")] + fields)
      return .file(
        file, for: Request(head: head, peer: client), contentType: "text/plain", status: .ok,
        fields: [:], now: now)
    }
    for age in [-100, 0, 1] {
      let now = changed + age
      let fresh = try response(now)
      let date = CivilTime(secondsSince1970: now - 1).httpDate
      #expect(fresh.fields[.eTag] == nil && fresh.fields[.lastModified] == date)
      #expect(fresh.fields[.acceptRanges] == "bytes")
      #expect(try response(now, [("Range", "bytes=1-1")]).status == .partialContent)
      #expect(try response(now, [("Range", "bytes=1-1"), ("If-Range", date)]).status == .ok)
      for known in [date, CivilTime(secondsSince1970: now).httpDate] {
        #expect(try response(now, [("If-Modified-Since", known)]).status == .ok)
      }
    }
    let old = try response(changed + 2)
    #expect(old.fields[.eTag] != nil)
    #expect(
      old.fields[.lastModified] == CivilTime(secondsSince1970: changed + 2).httpDate)
  }

  @Test("RFC 9110 13.1.3: the date of one state is not taken for the next of the same second")
  func changedTwice() throws {
    let path = "\(try makeDirectory())/file"
    let now = Monitor(0)
    let server = try RunningServer { request in
      .file(
        try File(path), for: request, contentType: "text/plain", status: .ok, fields: [:],
        now: now.withLock { $0 })
    }
    let client = try server.connect()
    try write(Array("v1".utf8), to: path)
    let second = try File(path).changed.seconds
    try setTimes(of: path, to: second)
    now.withLock { $0 = second }
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    let first = try client.receive()
    #expect(first.text == "v1" && first.fields["ETag"] == nil)
    let date = try #require(first.fields["Last-Modified"])

    try write(Array("v2".utf8), to: path)
    try setTimes(of: path, to: second)
    let changed = try File(path).changed.seconds
    for age in [0, 1, 2, 100] {
      now.withLock { $0 = changed + age }
      try client.send("GET / HTTP/1.1\nHost: a\nIf-Modified-Since: \(date)\n\n")
      let next = try client.receive()
      #expect(next.status == 200 && next.text == "v2", "\(age)")
    }
  }

  @Test("A file that became shorter is 500 before anything is sent, and else cuts the connection")
  func shrinks() throws {
    let path = try makeTemporaryPath(suffix: "")
    let server = try RunningServer { request in
      try setSize(of: path, to: 300_000)
      let file = try File(path)
      try setSize(of: path, to: request.path == "/early" ? 100 : 200_000)
      return .file(file, for: request)
    }
    let early = try server.connect()
    try early.send("GET /early HTTP/1.1\nHost: a\n\n")
    #expect(try early.receive().status == 500)
    #expect(try early.isClosedSilently())

    let late = try server.connect()
    try late.send("GET /late HTTP/1.1\nHost: a\n\n")
    #expect(try late.receive(through: "\n\n").contains("Content-Length: 300000\n"))
    #expect(try late.receiveToEnd().utf8.count == 200_000)
    let reason = "cannot read \(path): it has become shorter than"
    #expect(server.log.lines.contains("error Handler error: GET /early: \(reason) 101 bytes"))
    #expect(server.log.lines.contains("error Handler error: GET /late: \(reason) 200001 bytes"))
  }

  @Test("A handler's stream can have files in it, whatever its framing")
  func inStreams() throws {
    let path = try makeTemporaryPath(suffix: "")
    let bytes = [UInt8](repeating: 0x66, count: 50_000)
    try write(bytes, to: path)
    let server = try RunningServer { request in
      .stream("text/plain", length: request.path == "/sized" ? 50_104 : nil) { body in
        let file = try File(path)
        try body.write("<")
        try body.write(file)
        try body.write(file, bytes: 5..<5)
        try body.write("-")
        try body.write(file, bytes: 49_900..<50_000)
        try body.write("->")
      }
    }
    let wanted = Array("<".utf8) + bytes + Array("-".utf8) + bytes[..<100] + Array("->".utf8)
    let client = try server.connect()
    for path in ["/sized", "/"] {
      try client.send("GET \(path) HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().body == wanted)
    }
    let old = try server.connect()
    try old.send("GET / HTTP/1.0\nHost: a\n\n")
    #expect(try old.receiveToEnd().hasSuffix("\n\n" + String(decoding: wanted, as: UTF8.self)))
  }

  @Test("A client that takes nothing of a file is cut by a reset")
  func unread() throws {
    let directory = try makeDirectory()
    try setSize(of: "\(directory)/file", to: 64 << 20)
    let server = try serve(directory) {
      $0.timeouts.send = .milliseconds(60)
      $0.logger.logLevel = .debug
    }
    let client = try server.connect()
    try client.send("GET /file HTTP/1.1\nHost: a\n\n")
    #expect(client.isReset())
    #expect(server.log.hasRecorded("debug Connection lost: timed out"))
  }

  @Test("4 GiB take no memory")
  func large() async throws {
    // A hole is free there; of one on a disk the system keeps 4 GiB of zeroes in its cache, which takes it ten times as
    // long.
    let memory = unsafe access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    let path = try makeTemporaryPath(in: memory, suffix: "")
    defer {
      _ = unsafe unlink(path)
      _ = unsafe rmdir(String(path.dropLast(2)))
    }
    let size = 1 << 32 + 100
    try setSize(of: path, to: size - 3)
    try write(Array("end".utf8), to: path, at: size - 3)
    await #expect(processExitsWith: .exitCode(0)) { [path = path as String, size = size as Int] in
      let server = try RunningServer { request in .file(try File(path), for: request) }
      let client = try server.connect()
      try client.send("GET / HTTP/1.1\nHost: a\nRange: bytes=-5\n\n")
      let end = try client.receive()
      #expect(end.body == [0, 0] + Array("end".utf8))
      #expect(end.fields["Content-Range"] == "bytes \(size - 5)-\(size - 1)/\(size)")
      let before = try residentBytes()
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive(through: "\n\n").contains("Content-Length: \(size)\n"))
      var largest = 0
      for _ in 1...16 {
        try client.drop(size / 16)
        largest = max(largest, try residentBytes() - before)
      }
      try client.drop(size % 16)
      // The next response begins where the length said that it would.
      try client.send("GET / HTTP/1.1\nHost: a\nRange: bytes=\(size - 3)-\n\n")
      #expect(try client.receive().text == "end")
      exit(largest < 16 << 20 ? 0 : 1)
    }
  }

  @Test("A client that leaves in the middle, or is cut by a stop, does not end the process")
  func leaving() async throws {
    await #expect(processExitsWith: .exitCode(0)) {
      signal(SIGPIPE, SIG_DFL)
      let (file, socket) = (
        try makeTemporaryPath(suffix: ".file"), try makeTemporaryPath(suffix: ".sock")
      )
      try setSize(of: file, to: 64 << 20)
      let server = try RunningServer(
        [.tcp(port: 0), .unix(path: socket)], { $0.logger.logLevel = .debug }
      ) { request in
        .file(try File(file), for: request)
      }
      for (number, address) in server.server.addresses.enumerated() {
        let client = try SocketClient(address)
        try client.send("GET / HTTP/1.1\nHost: a\n\n")
        _ = try client.receive(through: "\n\n")
        // What the client ends first, it resets then: that is EPIPE rather than ECONNRESET.
        client.socket.shutdown(.sending)
        _ = consume client
        guard server.log.hasRecorded("debug Connection lost: the peer is gone", times: number + 1)
        else { exit(1) }
      }
      let stalled = try server.connect()
      try stalled.send("GET / HTTP/1.1\nHost: a\n\n")
      _ = try stalled.receive(through: "\n\n")
      server.server.stop(within: .zero)
      // Whoever started the server may do about the signal what it likes.
      // (The last of those above may be counted too, if it is not gone yet.)
      exit(server.log.hasRecorded("warning Connections cut: ") ? 0 : 2)
    }
  }
}

/// Sets when a file was last modified, in seconds since 1970.
private func setTimes(of path: String, to seconds: Int) throws {
  let times = [timespec(tv_sec: seconds, tv_nsec: 500_000_000)]
  try #require(unsafe utimensat(AT_FDCWD, path, times + times, 0) == 0)
}
