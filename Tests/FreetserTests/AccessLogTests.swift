// What stands in the access log, and that no client decides how it looks.

import FreetserTesting
import HTTPTypes
import Logging
import StreamSimulation
import Testing
import Transport

@testable import Freetser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("The access log", .serialized)
struct AccessLogTests {
  private static let time = "2026-11-26T18:16:53.123Z"

  private struct Row: CustomTestStringConvertible, Sendable {
    var request: String?
    var status: Int?
    var size = 0
    var duration = Duration.zero
    var isComplete = true
    var text: String
    var json: String
    var testDescription: String { text }
  }

  private static let rows: [Row] = [
    Row(
      request: "GET /a?b=c HTTP/1.1\nHost: h\nReferer: http://h/\nUser-Agent: curl/8\n\n",
      status: 200,
      size: 5321, duration: .nanoseconds(1_234_999),
      text: #""GET /a?b=c HTTP/1.1" 200 5321 1.234ms "http://h/" "curl/8" ID"#,
      json: #"""
        "method":"GET","target":"/a?b=c","version":"HTTP/1.1","status":200,"bytes":5321,
        "milliseconds":1.234,"referer":"http://h/","agent":"curl/8","request":"ID"}
        """#),
    Row(
      request: "GET / HTTP/1.0\n\n", status: nil, duration: .seconds(75), isComplete: false,
      text: #""GET / HTTP/1.0" - 0 75000.000ms "-" "-" ID cut"#,
      json: #"""
        "method":"GET","target":"/","version":"HTTP/1.0","bytes":0,"milliseconds":75000.000,
        "request":"ID","cut":true}
        """#),
    Row(
      request: nil, status: 400, size: 12, text: #""-" 400 12 0.000ms "-" "-" -"#,
      json: #""status":400,"bytes":12,"milliseconds":0.000}"#),
    // Numbers of more digits than are written at once, with zeros among them.
    Row(
      request: nil, status: 200, size: 12_000_000_034, duration: .seconds(9_000_000_000),
      text: #""-" 200 12000000034 9000000000000.000ms "-" "-" -"#,
      json: #""status":200,"bytes":12000000034,"milliseconds":9000000000000.000}"#),
    // Quotes and escapes of the client's are no quotes and escapes of ours.
    Row(
      request: "GET /\"\\ HTTP/1.1\nHost: h\nUser-Agent: a\" 200 \\x22\tb\n\n", status: 404,
      text: #""GET /\x22\x5c HTTP/1.1" 404 0 0.000ms "-" "a\x22 200 \x5cx22\x09b" ID"#,
      json: #"""
        "method":"GET","target":"/\u0022\u005c","version":"HTTP/1.1","status":404,"bytes":0,
        "milliseconds":0.000,"agent":"a\u0022 200 \u005cx22\u0009b","request":"ID"}
        """#),
    Row(
      request: "GET / HTTP/1.1\nHost: h\nReferer: \nUser-Agent: ü\u{2028}😀\n\n", status: 200,
      text: #""GET / HTTP/1.1" 200 0 0.000ms "" "\xc3\xbc\xe2\x80\xa8\xf0\x9f\x98\x80" ID"#,
      json: #"""
        "method":"GET","target":"/","version":"HTTP/1.1","status":200,"bytes":0,
        "milliseconds":0.000,"referer":"","agent":"\u00fc\u2028\ud83d\ude00","request":"ID"}
        """#),
  ]

  @Test("A line has all that there is, in both formats", arguments: rows)
  private func line(_ row: Row) throws {
    let made = try row.request.map { try request(of: Array($0.utf8)) }
    let exchange = Exchange(
      made, status: row.status, bodySize: row.size, after: row.duration,
      isComplete: row.isComplete)
    let lines = Lines(of: exchange)
    let client = made == nil ? "127.0.0.1" : "192.0.2.1"
    let id = made?.id ?? ""
    #expect(lines.text == "\(Self.time) \(client) \(row.text.replacing("ID", with: id))\n")
    let members = row.json.replacing("\n", with: "").replacing("ID", with: id)
    #expect(lines.json == "{\"time\":\"\(Self.time)\",\"client\":\"\(client)\",\(members)\n")
    let read = try JSONDecoder().decode(Line.self, from: Data(lines.json.utf8))
    #expect(read.status == row.status && read.target == made?.target)
  }

  private struct Line: Decodable {
    var method: String?
    var target: String?
    var status: Int?
    var agent: String?
  }

  @Test("Whatever byte a client sends: the line is one line of printable ASCII, and JSON tells it")
  func everyByte() throws {
    for byte in UInt8.min...UInt8.max {
      let head = Array("GET / HTTP/1.1\nHost: h\nUser-Agent: a".utf8) + [byte] + Array("b\n\n".utf8)
      // Most control bytes are refused before.
      guard let request = try? request(of: head) else {
        #expect(byte < 0x20 || byte == 0x7f)
        continue
      }
      let lines = Lines(of: Exchange(request, status: 200))
      for text in [lines.text, lines.json] {
        #expect(text.utf8.dropLast().allSatisfy { 0x20..<0x7f ~= $0 }, "byte \(byte)")
        #expect(text.utf8.last == 0x0a)
      }
      let quotes = lines.text.utf8.count { $0 == UInt8(ascii: "\"") }
      #expect(quotes == 6, "byte \(byte)")
      let read = try JSONDecoder().decode(Line.self, from: Data(lines.json.utf8))
      #expect(read.agent == String(decoding: [0x61, byte, 0x62], as: UTF8.self))
    }
  }

  @Test("What is long is cut, and says so")
  func limits() throws {
    for (methodExtra, targetExtra, agentExtra) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)] {
      let method = String(repeating: "M", count: 32 + methodExtra)
      let target = "/" + String(repeating: "t", count: 1_023 + targetExtra)
      let agent = String(repeating: "a", count: 256 + agentExtra)
      let request = try request(
        of: Array("\(method) \(target) HTTP/1.1\nHost: h\nUser-Agent: \(agent)\n\n".utf8))
      let lines = Lines(of: Exchange(request, status: 200))
      let read = try JSONDecoder().decode(Line.self, from: Data(lines.json.utf8))
      func cut(_ text: String, _ extra: Int) -> String {
        extra == 0 ? text : text.dropLast() + "..."
      }
      let (cutMethod, cutTarget) = (cut(method, methodExtra), cut(target, targetExtra))
      #expect(read.method == cutMethod)
      #expect(read.target == cutTarget)
      #expect(read.agent == cut(agent, agentExtra))
      #expect(lines.text.contains("\"\(cutMethod) \(cutTarget) HTTP/1.1\""))
      #expect(lines.text.contains("\"\(cut(agent, agentExtra))\""))
    }
    // A character that is cut in two does not make the line less valid.
    let agent = String(repeating: "ü", count: 130)
    let request = try request(
      of: Array("GET / HTTP/1.1\nHost: h\nUser-Agent: a\(agent)\n\n".utf8))
    let lines = Lines(of: Exchange(request, status: 200))
    let read = try JSONDecoder().decode(Line.self, from: Data(lines.json.utf8))
    #expect(read.agent == "a" + agent.prefix(127) + "\u{fffd}...")
  }

  @Test(
    "A number needs no more room than it has digits",
    arguments: [
      0, 7, 10, 99, 100, 101, 255, 999, 1_000, 1_001, 9_999, 10_000, 99_999, 999_999, 1_000_000,
      1_234_567, 1_000_000_007, .max,
    ])
  func numbers(number: Int) {
    let digits = Array(String(number).utf8)
    // Just as much room, and more than a whole word.
    for spare in [0, 8] {
      var line: [UInt8] = []
      line.append(addingCapacity: digits.count + spare) { $0.append(number) }
      #expect(line == digits)
    }
  }

  @Test("Three digits, and no more room than that")
  func threeDigits() {
    for number in 0..<1_000 {
      for spare in [0, 8] {
        var line: [UInt8] = []
        line.append(addingCapacity: 3 + spare) { $0.append(threeDigits: number) }
        #expect(Int(String(decoding: line, as: UTF8.self)) == number && line.count == 3)
      }
    }
  }

  @Test(
    "Connections' numbers are written as Swift writes them", arguments: [0, 35, 36, 1_295, .max])
  func base36(number: UInt64) {
    var line: [UInt8] = []
    line.append(addingCapacity: 16) { $0.append(base36: number) }
    #expect(String(decoding: line, as: UTF8.self) == String(number, radix: 36))
  }

  @Test("A time that is used again shows its new second, and milliseconds of the same one")
  func timeAgain() {
    var time = LogTime()
    for (seconds, milliseconds) in [
      (1_795_717_013, 123), (1_795_717_013, 124), (1_795_717_014, 0), (1_795_717_013, 999),
    ] {
      time.set(CivilTime.Moment(seconds: seconds, milliseconds: milliseconds))
      let text = String(copying: time.text.span, 0..<24)
      let second = CivilTime(secondsSince1970: seconds).timestamp.dropLast()
      #expect(text == "\(second).\(milliseconds == 0 ? "000" : "\(milliseconds)")Z")
    }
  }

  @Test("The client is the one that a proxy tells, and a socket's path is not written")
  func client() throws {
    let head = Array("GET / HTTP/1.1\nHost: h\n\n".utf8)
    for (address, written) in [
      (Address.unix(path: "/a \"b\""), "unix:"), (.unix(path: nil), "unix:"),
      (.ipv6(octets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], port: 8), "::1"),
    ] {
      let lines = Lines(of: Exchange(try request(of: head, from: address), status: 200))
      #expect(lines.text.hasPrefix("\(Self.time) \(written) \"GET"))
      #expect(lines.json.contains("\"client\":\"\(written)\""))
    }
  }

  @Test("What a line has in common with the last is made again when fields or format are others")
  func knownParts() throws {
    let exchanges = try (0..<3).map { number in
      let head = Array("GET / HTTP/1.1\nHost: h\nUser-Agent: \(number)\n\n".utf8)
      let address = Address.ipv4(octets: [10, 0, 0, UInt8(number)], port: 80)
      return Exchange(try request(of: head, from: address), status: 200)
    }
    var known = KnownParts()
    func expectOwnLine(_ index: Int, _ changes: Int, _ format: AccessLog.Format) {
      known.fieldChanges = changes
      let line = Lines.line(of: exchanges[index], format, &known)
      let alone = Lines(of: exchanges[index])
      #expect(line == (format == .text ? alone.text : alone.json))
      #expect(line.contains(" 10.0.0.\(index) ") == (format == .text))
    }
    expectOwnLine(0, 1, .text)
    expectOwnLine(0, 1, .text)
    expectOwnLine(1, 2, .text)
    expectOwnLine(1, 2, .json)
    expectOwnLine(0, 3, .json)
    expectOwnLine(0, 3, .text)
    // What could not be read has no fields to be known for the next one.
    _ = Lines.line(of: Exchange(nil, status: 400), .text, &known)
    expectOwnLine(0, 3, .text)
    // Another connection begins to count anew.
    known.forget()
    expectOwnLine(2, 3, .text)
    // With the same number the fields are not looked at.
    let line = Lines.line(of: exchanges[2], .text, &known)
    #expect(Lines.line(of: exchanges[0], .text, &known) == line)
  }

  @Test(
    "A line has its own time, whatever else is known of it",
    arguments: [AccessLog.Format.text, .json])
  private func ownTime(format: AccessLog.Format) throws {
    let request = try request(of: Array("GET / HTTP/1.1\nHost: h\n\n".utf8))
    var known = KnownParts()
    for (second, milliseconds) in [(3, 1), (3, 2), (3, 2), (4, 2), (4, 1)] {
      var outcome = Exchange(request, status: 200).outcome
      outcome.end = CivilTime.Moment(seconds: 1_795_717_010 + second, milliseconds: milliseconds)
      let line = Lines.line(of: Exchange(request, from: request.peer, outcome), format, &known)
      let time = "2026-11-26T18:16:5\(second).00\(milliseconds)Z"
      #expect(line.hasPrefix(format == .text ? "\(time) 192" : "{\"time\":\"\(time)\",\"client\""))
    }
  }

  @Test("A request whose head was not read, but made, has a line like any other")
  func madeHead() throws {
    let head = try RequestHead(method: "GET", target: "/a", fields: [("Host", "h")])
    let peer = Address.ipv4(octets: [192, 0, 2, 1], port: 80)
    let lines = Lines(of: Exchange(Request(head: head, peer: peer), status: 200))
    #expect(lines.text.contains(" \"GET /a HTTP/1.1\" 200 "))
    #expect(lines.json.contains("\"method\":\"GET\",\"target\":\"/a\",\"version\":\"HTTP/1.1\","))
  }

  @Test("A request line stands in the line as it came, from its method to its version")
  func requestLine() throws {
    for line in ["GET http://h/a?b HTTP/1.9", "OPTIONS * HTTP/1.1", "GET / HTTP/1.0"] {
      // An empty line before it is skipped.
      for before in ["", "\n"] {
        let request = try request(of: Array("\(before)\(line)\nHost: h\n\n".utf8))
        let range = try #require(request.head.lineRange)
        #expect(String(decoding: request.head.fields.storage[range], as: UTF8.self) == line)
        #expect(Lines(of: Exchange(request, status: 200)).text.contains(" \"\(line)\" 200 "))
      }
    }
  }

  @Test("The longest line of all has the room it needs", arguments: [AccessLog.Format.text, .json])
  private func longestLine(format: AccessLog.Format) throws {
    let long = { String(repeating: "\"", count: $0 + 1) }
    let head = "\(String(repeating: "M", count: 33)) /\(long(1_024)) HTTP/1.1"
    let fields = "Host: h\nReferer: \(long(256))\nUser-Agent: \(long(256))"
    let read = try request(of: Array("\(head)\n\(fields)\n\n".utf8))
    let client = Address.ipv6(octets: SIMD16(repeating: 0xff), port: .max, scope: .max)
    for id in [nil, String(repeating: "i", count: longestRequestID)] {
      let origin = RequestOrigin(
        peer: client, peerCredentials: nil, client: client, scheme: .http, connection: .max,
        requestID: id)
      let request = Request(
        head: read.head, body: [], isServerReady: true, origin: origin, number: .max)
      let exchange = Exchange(
        request, status: 599, bodySize: .max, after: .nanoseconds(Int64.max), isComplete: false)
      var known = KnownParts()
      let line = Lines.line(of: exchange, format, &known)
      #expect(line.contains("cut") && line.contains("..."))
      #expect(line.contains("\(Int.max)"))
    }
  }

  private static let formats: [[AccessLog.Format]] = [[.text], [.json], [.text, .json]]

  @Test(
    "Each line of a connection has its own request's client, referer, agent and id",
    arguments: formats)
  private func ownFields(formats: [AccessLog.Format]) throws {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    let fields = [
      "User-Agent: a", "User-Agent: a", "User-Agent: b\nReferer: r", "User-Agent: a",
      "User-Agent: a", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 192.0.2.9",
      "X-Request-ID: given", "X-Request-ID: given", "User-Agent: a",
    ]
    let requests = fields.map { "GET /\($0.count) HTTP/1.1\nHost: h\n\($0)\n\n" }
    let configure = { (configuration: inout ServerConfiguration) in
      configuration.observers = formats.map { AccessLog($0, to: queue, skipping: { _ in false }) }
      configuration.proxies = Proxies(trusted: ["0.0.0.0/0", .unixSockets], field: .xForwardedFor)
      configuration.proxies.requestIDField = HTTPField.Name("X-Request-ID")
    }
    _ = Conversation([.send(requests.joined()), .endSending], changing: configure) { _, _ in
      .text("")
    }
    queue.stop()
    let lines = pipe.drain().split(separator: "\n")
    try #require(lines.count == formats.count * fields.count)
    for (index, line) in lines.enumerated() {
      let number = index / formats.count
      let format = formats[index % formats.count]
      expect(line, toBeOf: fields[number], number: number, as: format)
    }
  }

  private func expect(
    _ line: Substring, toBeOf field: String, number: Int, as format: AccessLog.Format
  ) {
    let agent = field.hasPrefix("User-Agent: ") ? field.dropFirst(12).prefix(1) : nil
    let referer = field.hasSuffix("Referer: r") ? "r" : nil
    let client = field.hasPrefix("X-Forwarded-For") ? "192.0.2.9" : "unix:"
    let id = field.hasPrefix("X-Request-ID") ? "given" : "-\(number)"
    switch format {
    case .text:
      #expect(line.contains(" \(client) \"GET /\(field.count) HTTP"))
      #expect(line.contains("ms \"\(referer ?? "-")\" \"\(agent ?? "-")\" "))
      #expect(line.hasSuffix(id))
    case .json:
      #expect(line.contains("\"client\":\"\(client)\","))
      #expect(line.contains("\"target\":\"/\(field.count)\","))
      let fields = referer.map { ",\"referer\":\"\($0)\"" } ?? ""
      let rest = fields + (agent.map { ",\"agent\":\"\($0)\"" } ?? "")
      let beginning = /"milliseconds":[0-9.]+/
      let end = line.firstMatch(of: beginning).map { line[$0.range.upperBound...] } ?? ""
      #expect(end.hasPrefix("\(rest),\"request\":\"") && end.hasSuffix("\(id)\"}"))
    }
  }

  @Test("Lines of all kinds are written in the order they came")
  func mixedLines() throws {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    let logger = Logger(label: "a", factory: queue.makeHandler)
    let (text, json) = (AccessLog(.text, to: queue), AccessLog(.json, to: queue))
    for number in 0..<100 {
      logger.info("line \(number)")
      let head = Array("GET /\(number) HTTP/1.1\nHost: h\n\n".utf8)
      text.exchangeEnded(Exchange(try request(of: head), status: 200))
      json.exchangeEnded(Exchange(try request(of: head), status: 200))
    }
    queue.stop()
    let lines = pipe.drain().split(separator: "\n")
    try #require(lines.count == 300)
    for number in 0..<100 {
      #expect(lines[3 * number].hasSuffix(": line \(number)"))
      #expect(lines[3 * number + 1].contains("GET /\(number) "))
      #expect(lines[3 * number + 2].contains("\"target\":\"/\(number)\""))
    }
  }

  @Test("A server's log has a line for each request but those that are skipped, and its time")
  func server() throws {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    var configuration = ServerConfiguration()
    configuration.observers.append(
      AccessLog(.text, to: queue, skipping: { $0.request?.path == "/healthz" }))
    configuration.observers.append(AccessLog(.json, to: queue))
    let client = try TestClient(
      Server(.tcp(port: 0), configuration: configuration) { .text($0.path) })
    _ = try client.get("/healthz")
    _ = try client.get("/b")
    // Each is told of before the next is received, and the last before the connection has ended.
    _ = try client.get("/c", fields: [.connection: "close"])
    queue.stop()
    let lines = pipe.drain().split(separator: "\n")
    try #require(lines.count == 5)
    #expect(lines[0].contains("\"target\":\"/healthz\""))
    let expected =
      /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 127\.0\.0\.1 "GET \/b HTTP\/1\.1" 200 2 \d+\.\d{3}ms "-" "-" [0-9a-z]+-1/
    #expect(lines[1].wholeMatch(of: expected) != nil, "\(lines[1])")
    #expect(lines[2].contains("\"target\":\"/b\""))
    #expect(lines[3].contains("GET /c") && lines[4].contains("\"target\":\"/c\""))
  }

  @Test("A log that nobody observes beside has a line for each exchange, of whatever kind")
  func alone() throws {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    let requests = ["GET /a", "HEAD /b", "GET /stream", "GET none"].map {
      "\($0) HTTP/1.1\nHost: h\n\n"
    }
    _ = Conversation(
      [.send(requests.joined()), .endSending],
      changing: { $0.observers = [AccessLog(to: queue)] }
    ) { request, _ in
      request.path == "/stream" ? .stream("a/b") { try $0.write("four") } : .text("abc")
    }
    queue.stop()
    let lines = pipe.drain().split(separator: "\n")
    try #require(lines.count == 4)
    #expect(lines[0].contains("\"GET /a HTTP/1.1\" 200 3 0.000ms"))
    #expect(lines[1].contains("\"HEAD /b HTTP/1.1\" 200 0 0.000ms"))
    #expect(lines[2].contains("\"GET /stream HTTP/1.1\" 200 4 0.000ms"))
    #expect(lines[3].contains("\"-\" 400 "))
  }

  @Test("Lines that come too fast are dropped and counted; nobody waits")
  func overflow() throws {
    let pipe = try Pipe()
    let queue = LogQueue(capacity: 10, descriptor: pipe.writeEnd)
    let log = AccessLog(.text, to: queue)
    let agent = String(repeating: "a", count: 256)
    let request = try request(
      of: Array("GET / HTTP/1.1\nHost: h\nUser-Agent: \(agent)\n\n".utf8))
    // A pipe takes 64 KiB, then its writer waits.
    for _ in 1...1_000 { log.exchangeEnded(Exchange(request, status: 200)) }
    let reader = LineCounter()
    try reader.read(from: pipe.readEnd)
    queue.stop()
    close(pipe.writeEnd)
    let lines = reader.text.split(separator: "\n")
    close(pipe.readEnd)
    let reported = lines.compactMap { line in
      line.wholeMatch(of: /(\d+) log lines dropped: .*/).flatMap { Int($0.1) }
    }
    let dropped = reported.reduce(0, +)
    #expect(dropped > 0 && lines.count - reported.count + dropped == 1_000)
  }
}

/// What the log says of an exchange in either format.
private struct Lines {
  let text: String
  let json: String

  init(of exchange: Exchange) {
    var known = KnownParts()
    self.init(of: exchange, &known)
  }

  init(of exchange: Exchange, _ known: inout KnownParts) {
    text = Self.line(of: exchange, .text, &known)
    json = Self.line(of: exchange, .json, &known)
  }

  static func line(
    of exchange: Exchange, _ format: AccessLog.Format, _ known: inout KnownParts
  ) -> String {
    let outcome = exchange.outcome
    let line: AccessLine
    if let request = exchange.request {
      known.set(request, at: outcome.end, as: format)
      line = AccessLine(about: request, outcome, as: format)
    } else {
      known.set(from: exchange.peer, at: outcome.end, as: format)
      line = AccessLine(outcome, as: format)
    }
    let head = exchange.request?.head.fields.storage ?? []
    var log: [UInt8] = []
    log.append(addingCapacity: line.room + known.size) {
      line.append(of: head.span, known, to: &$0)
    }
    return String(decoding: log, as: UTF8.self)
  }
}
