// One request of a simulated life: how it looks on the wire, what its handler does, and what its client may see of it.

import Freetser
import HTTPCore
import StreamSimulation

/// A request, and the handler's part in it. The server finds it again by the field `X-Id`.
struct PlannedRequest: Sendable {
  let id: Int
  var method = "GET"
  var body = Body.none
  /// HTTP/1.0.
  var isOld = false
  var keepsOldAlive = false
  var asksToClose = false
  var expectsContinue = false
  /// Asks for another protocol, in which it then says so many bytes.
  var upgrade: Int?
  var flaw: Flaw?
  var reading = Reading.whole
  var answer = Answer.bytes(0)

  enum Body: Equatable, Sendable {
    case none
    case sized(Int)
    case chunked([Int], trailers: Bool)
    /// Chunks that break off in the middle of the framing.
    case brokenChunks(Int)

    var count: Int {
      switch self {
      case .none: 0
      case .sized(let count), .brokenChunks(let count): count
      case .chunked(let counts, _): counts.reduce(0, +)
      }
    }
  }

  /// What is wrong with the head, and what is said about it.
  enum Flaw: CaseIterable, Sendable {
    case controlByte, noHost, largeHead, longTarget, bothFramings, unknownVersion, unknownCoding
    case bareLineFeed, otherExpectation, noise

    var statuses: Set<Int> {
      switch self {
      case .controlByte, .noHost, .bothFramings, .bareLineFeed: [400]
      case .largeHead: [431]
      case .longTarget: [414, 431]  // whichever limit is smaller
      case .unknownVersion: [505]
      case .unknownCoding: [501]
      case .otherExpectation: [417]
      case .noise: [400, 414, 431]
      }
    }
  }

  /// What a handler that reads the body itself does with it.
  enum Reading: Equatable, Sendable {
    case nothing
    case whole
    /// So many pieces, and then no more.
    case pieces(Int)
    /// All, while the response is written.
    case late
    /// All, and never mind if that fails.
    case careless
  }

  enum Answer: Equatable, Sendable {
    case bytes(Int)
    case bodiless(Int)
    case throwing
    case badField
    case stream(Stream)
    case takeOver(TakeOver)

    var takesOver: Bool { if case .takeOver = self { true } else { false } }
  }

  struct Stream: Equatable, Sendable {
    var pieces: [Int]
    var declares = Declaration.nothing
    var flushes = false
    /// Throws when so many pieces are written.
    var throwsAfter: Int?
    var hasTrailers = false
    /// Waits so many seconds before each piece.
    var waits = 0

    enum Declaration: Sendable { case nothing, right, tooMuch, tooLittle }

    var count: Int { pieces.reduce(0, +) }
    var length: Int? {
      switch declares {
      case .nothing: nil
      case .right: count
      case .tooMuch: count + 1
      case .tooLittle: max(0, count - 1)
      }
    }
    /// Whether it ends as it should.
    var isKept: Bool {
      throwsAfter == nil && (declares == .nothing || declares == .right || length == count)
    }
  }

  enum TakeOver: Equatable, Sendable {
    case echo
    case says(Int)
  }
}

// MARK: On the wire

extension PlannedRequest {
  /// The bytes of a body or of a response that belongs to the request.
  static func pattern(_ seed: Int, _ count: Int) -> [UInt8] {
    let start = seed * 37 % 30_011
    return Array(noise[start..<(start + count)])
  }

  /// Enough for the largest body, from wherever it begins.
  private static let noise: [UInt8] = {
    var generator = SeededGenerator(seed: 1)
    return (0..<340_000).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }()

  var content: [UInt8] { Self.pattern(id, body.count) }
  var tunnelled: [UInt8] { Self.pattern(id + 500, upgrade ?? 0) }

  /// The request's bytes, and the machine that reads its response.
  func encoded() throws -> (head: [UInt8], body: [UInt8], reader: Connection) {
    var reader = Connection(role: .client)
    var (head, rest) = ([UInt8](), [UInt8]())
    if let flaw {
      try reader.send(.request(Self.plainHead), into: &head)
      try reader.send(.endOfMessage(), into: &head)
      let bytes = flaw == .noise ? Self.pattern(id, 2000) : Array(text(of: flaw).utf8)
      return (bytes, [], reader)
    }
    try reader.send(
      .request(RequestHead(method: method, target: target, fields: fields)), into: &head)
    var sent = 0
    func send(_ count: Int) throws {
      try reader.send(.content(Array(content[sent..<(sent + count)])), into: &rest)
      sent += count
    }
    switch body {
    case .none: break
    case .sized(let count): try send(count)
    case .chunked(let counts, _): for count in counts { try send(count) }
    case .brokenChunks(let count):
      try send(count)
      rest += Array("zz\r\n".utf8)
    }
    var trailers = Fields()
    if case .chunked(_, trailers: true) = body { try trailers.append("X-Sum", "\(sent)") }
    var end: [UInt8] = []
    try reader.send(.endOfMessage(trailers: trailers), into: &end)
    if case .brokenChunks = body {} else { rest += end }
    if isOld {
      let text = String(decoding: head, as: UTF8.self)
      head = Array(text.replacing(" HTTP/1.1\r\n", with: " HTTP/1.0\r\n").utf8)
    }
    return (head, rest, reader)
  }

  private static var plainHead: RequestHead {
    get throws { try RequestHead(method: "GET", target: "/", fields: [("Host", "a")]) }
  }

  private var target: String { method == "CONNECT" ? "a:80" : "/\(id)?a=b" }

  private var fields: [(String, String)] {
    var fields = [("Host", "a:80"), ("X-Id", "\(id)")]
    switch body {
    case .none: break
    case .sized(let count): fields.append(("Content-Length", "\(count)"))
    case .chunked, .brokenChunks: fields.append(("Transfer-Encoding", "chunked"))
    }
    if expectsContinue { fields.append(("Expect", "100-continue")) }
    if asksToClose { fields.append(("Connection", "close")) }
    if isOld, keepsOldAlive { fields.append(("Connection", "keep-alive")) }
    if upgrade != nil, method != "CONNECT" {
      fields += [("Connection", "upgrade"), ("Upgrade", "talk")]
    }
    return fields
  }

  private func text(of flaw: Flaw) -> String {
    let post = "POST / HTTP/1.1\r\nHost: a\r\n"
    return switch flaw {
    case .controlByte: "\u{1}GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    case .noHost: "GET / HTTP/1.1\r\n\r\n"
    case .largeHead:
      "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 3000))\r\n\r\n"
    case .longTarget: "GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n"
    case .bothFramings: post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    case .unknownVersion: "GET / HTTP/2.0\r\nHost: a\r\n\r\n"
    case .unknownCoding: post + "Transfer-Encoding: gzip\r\n\r\n"
    case .bareLineFeed: "GET / HTTP/1.1\nHost: a\r\n\r\n"
    case .otherExpectation: "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n"
    case .noise: ""
    }
  }
}

// MARK: What may come of it

extension PlannedRequest {
  /// The response of its handler, if that is to be seen whole; `nil` if it is 500 or cut.
  var response: (status: Int, body: [UInt8])? {
    let isHead = method == "HEAD"
    switch answer {
    case .bytes(let count): return (200, isHead ? [] : Self.pattern(id + 100, count))
    case .bodiless(let status): return (status, [])
    case .throwing, .badField: return nil
    case .stream(let stream):
      if isHead { return (200, []) }
      return stream.isKept ? (200, Self.pattern(id + 100, stream.count)) : nil
    case .takeOver(let kind):
      guard upgrade != nil else { return nil }
      let status = method == "CONNECT" ? 200 : 101
      return switch kind {
      case .echo: (status, tunnelled)
      case .says(let count): (status, Self.pattern(id + 100, count))
      }
    }
  }

  /// Whether the handler takes the connection over, if the request gets that far.
  var isTakenOver: Bool { answer.takesOver && upgrade != nil }

  /// What the response says of its length.
  var declaredLength: Int? { if case .stream(let stream) = answer { stream.length } else { nil } }

  /// What the beginning of a response that was cut looks like.
  var bodyOfBroken: [UInt8] {
    if case .stream(let stream) = answer { Self.pattern(id + 100, stream.count) } else { [] }
  }
}
