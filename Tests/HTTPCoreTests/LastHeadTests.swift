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
    "Host a\n",
    "Host: a\nConnection: close\n", "Host: a\nExpect: 100-continue\nContent-Length: 0\n",
  ]

  @Test("What is found depends on the bytes alone, however they are cut", arguments: 0..<200)
  func model(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var limits = Limits()
    (limits.head, limits.fieldCount) = (110, 2 + Int(seed % 3))
    var server = Connection(role: .server, limits: limits)
    var kept: [RequestHead] = []
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
      guard case .success(.event(.request(let head), _)) = found, server.isPersistent else {
        return
      }
      if Bool.random(using: &random) { kept.append(head) }
      var output: [UInt8] = []
      _ = try server.step(wire.span.extracting(first: 0))
      try server.send(.response(ResponseHead(status: 204)), into: &output)
      try server.send(.endOfMessage(), into: &output)
      try server.startNextExchange()
    }
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
