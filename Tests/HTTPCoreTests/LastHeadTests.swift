// Heads whose fields are those of the head before: what is found is what a connection finds that has read nothing.

import Testing

@testable import HTTPCore

@Suite("A head after another")
struct LastHeadTests {
  /// Start lines of different lengths, with a skipped line before some, and what stands behind them.
  private static let startLines = [
    "GET / HTTP/1.1\n", "GET /longer/than/that HTTP/1.1\n", "POST / HTTP/1.1\n", "GET / HTTP/1.0\n",
    "\nGET / HTTP/1.1\n", "OPTIONS * HTTP/1.1\n", "GET /%zz HTTP/1.1\n", "GET  HTTP/1.1\n", "G\n",
  ]
  private static let fields = [
    "", "Host: a\n", "Host: b\n", "host: a\n", "Host: a\nContent-Length: 0\n",
    "Host: a\nUser-Agent: a browser, of a length\nCookie: name=value; other=0123456789\n",
    "Host: a\nUser-Agent: a browser, of a length\nCookie: name=value; other=0123456788\n",
    "Host: a\nHost: a\n", "Content-Length: 1\nTransfer-Encoding: chunked\n", "Host: a b\n",
    "Host a\n", "Host: a\nConnection: close\n",
    "Host: a\nExpect: 100-continue\nContent-Length: 0\n",
  ]

  @Test("What is found depends on the bytes alone, however they are cut", arguments: 0..<200)
  func model(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var limits = Limits()
    (limits.head, limits.fieldCount) = (110, 2 + Int(seed % 3))
    var server = Connection(role: .server, limits: limits)
    var kept: [(head: RequestHead, other: RequestHead)] = []
    var last = (changes: 0, fields: [""])
    for _ in 0..<30 {
      // Mostly those of last time, as clients have it.
      let fields = Self.fields[Int(seed) % Self.fields.count]
      let isOther = Int.random(in: 0..<4, using: &random) == 0
      let wire = [UInt8](
        wire: Self.startLines.randomElement(using: &random)!
          + (isOther ? Self.fields.randomElement(using: &random)! : fields) + "\n")
      var other = Connection(role: .server, limits: limits)
      let expected = outcome { () throws(ProtocolError) in try other.step(wire.span) }
      let isWhole = Bool.random(using: &random)
      let cut = isWhole ? wire.count : Int.random(in: 0...wire.count, using: &random)
      var found = outcome { () throws(ProtocolError) in
        try server.step(wire.span.extracting(first: cut))
      }
      if found == .success(.needMoreInput) {
        found = outcome { () throws(ProtocolError) in try server.step(wire.span) }
      }
      #expect(found == expected, "seed \(seed): \(String(decoding: wire, as: UTF8.self))")
      #expect(server.isPersistent == other.isPersistent)
      #expect(server.clientAwaitsContinue == other.clientAwaitsContinue)
      #expect(server.declaredLength == other.declaredLength)
      guard case .success(.event(.request(let head), _)) = found,
        case .success(.event(.request(let same), _)) = expected, server.isPersistent
      else { break }
      let read = head.fields.map { "\($0.name): \($0.value)" }
      #expect(server.fieldChanges != last.changes || read == last.fields, "seed \(seed)")
      last = (server.fieldChanges, read)
      if Bool.random(using: &random) { kept.append((head, same)) }
      var output: [UInt8] = []
      _ = try server.step(wire.span.extracting(first: 0))
      try server.send(.response(ResponseHead(status: 204)), into: &output)
      try server.send(.endOfMessage(), into: &output)
      try server.startNextExchange()
    }
    for (head, other) in kept { #expect(head == other, "whoever kept it has it unchanged") }
  }

  private func outcome(
    _ step: () throws(ProtocolError) -> Step
  ) -> Result<Step, ProtocolError> {
    do throws(ProtocolError) {
      return .success(try step())
    } catch {
      return .failure(error)
    }
  }

  @Test("A head of known fields meets the limit at the same byte", arguments: -1...1)
  func limit(beyond: Int) throws {
    let fields = "Host: a\nX: 1\n\n"
    let target = "/" + String(repeating: "x", count: 20)
    let wire = [UInt8](wire: "GET \(target) HTTP/1.1\n" + fields)
    var limits = Limits()
    limits.head = wire.count - beyond
    var server = Connection(role: .server, limits: limits)
    try exchange([UInt8](wire: "GET / HTTP/1.1\n" + fields), on: &server)
    let found = outcome { () throws(ProtocolError) in try server.step(wire.span) }
    if beyond > 0 {
      #expect(found == .failure(ProtocolError(.headTooLarge(limit: limits.head), by: .peer)))
    } else {
      guard case .success(.event(.request(let head), wire.count)) = found else {
        Issue.record("\(found)")
        return
      }
      #expect(head.target == target)
      #expect(head.fields.map(\.value) == ["a", "1"])
    }
  }

  @Test("Chunks and trailers between two heads of the same fields change nothing")
  func trailers() throws {
    var server = Connection(role: .server)
    let body = "3\nabc\n0\nY: 2\n\n"
    for target in ["/", "/longer", "/"] {
      let head = "POST \(target) HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
      let request = try exchange([UInt8](wire: head + body), on: &server)
      #expect(request.target == target)
      #expect(request.fields.map(\.value) == ["a", "chunked"])
    }
    #expect(server.fieldChanges == 1)
  }

  @Test("A client that has read the same fields knows the response's framing all the same")
  func responses() throws {
    var client = Connection(role: .client)
    for status in ["200 OK", "404 Not Found", "200 OK"] {
      var output: [UInt8] = []
      let request = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")])
      try client.send(.request(request), into: &output)
      try client.send(.endOfMessage(), into: &output)
      let wire = [UInt8](wire: "HTTP/1.1 \(status)\nContent-Length: 2\nX: 1\n\n") + [1, 2]
      guard case .event(.response(let head), let length) = try client.step(wire.span) else {
        Issue.record("no response")
        return
      }
      #expect("\(head.status) \(head.reason)" == status)
      #expect(head.fields.map(\.value) == ["2", "1"])
      #expect(client.declaredLength == 2)
      let content = Array(wire[length...])
      #expect(try client.step(content.span) == .event(.content(0..<2), consumed: 2))
      _ = try client.step(content.span.extracting(first: 0))
      try client.startNextExchange()
    }
  }

  /// Lets a server read a request to its end, answer it and go on.
  @discardableResult
  private func exchange(_ wire: [UInt8], on server: inout Connection) throws -> RequestHead {
    var rest = wire[...]
    var request: RequestHead?
    while server.peerState != .done {
      let unread = Array(rest)
      guard case .event(let event, let consumed) = try server.step(unread.span) else { break }
      if case .request(let head) = event { request = head }
      rest = rest.dropFirst(consumed)
    }
    var output: [UInt8] = []
    try server.send(.response(ResponseHead(status: 204)), into: &output)
    try server.send(.endOfMessage(), into: &output)
    try server.startNextExchange()
    return try #require(request)
  }

  @Test(
    "Bytes that differ in any place are others", arguments: [1, 15, 16, 17, 31, 32, 33, 64])
  func isSame(count: Int) {
    let bytes = (0..<count).map { UInt8($0) }
    func isSame(as other: [UInt8]) -> Bool { bytes.span.isSame(as: other.span) }
    #expect(isSame(as: Array(bytes)))
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 0x80
      #expect(!isSame(as: other), "at \(index)")
    }
    #expect(!isSame(as: bytes.dropLast()))
  }

  @Test("The same fields are known again behind another start line, and their lines move with it")
  func lines() throws {
    let fields = "Host: a\nX: 1\n\n"
    let (first, second) = ("GET / HTTP/1.1\n", "GET /longer HTTP/1.1\n")
    let (head, next) = ([UInt8](wire: first + fields), [UInt8](wire: second + fields))
    let start = [UInt8](wire: second).count
    var last = LastHead()
    func end(of bytes: [UInt8]) -> Int? { last.end(of: bytes.span, withFieldsFrom: start) }
    #expect(end(of: next) == nil, "nothing was read yet")

    var parser = HeadParser(.request)
    let length = try parser.parseHead(head.span, limits: Limits(), after: &last)
    #expect(length == head.count)
    #expect(last.facts == nil)
    let found = parser.takeLines()
    let kept = last.keep(head.span, found, ProtocolFields(head.span, found))

    #expect(end(of: next) == next.count)
    #expect(end(of: next.dropLast()) == nil)
    let moved = last.lines(from: start)
    #expect(moved.map { String(decoding: next[$0.value], as: UTF8.self) } == ["a", "1"])
    #expect(kept.lines == found, "whoever has the head has it unchanged")
    #expect(last.facts?.hasHost == true)

    _ = last.takeMemoryForLines()
    #expect(end(of: next) == nil, "and then no more")
    #expect(last.facts == nil)
  }
}
