import HTTPCore
import Testing

@Suite("Whole responses")
struct WholeResponseTests {
  static let get = "GET / HTTP/1.1\nHost: a\n\n"

  static let requests = [
    get, "HEAD / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\nHost: a\nConnection: close\n\n",
    "GET / HTTP/1.0\n\n", "GET / HTTP/1.0\nConnection: keep-alive\n\n",
    "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\nab", "no request\n\n", "",
  ]

  static let fields: [[(String, String)]] = [
    [], [("Content-Type", "text/plain"), ("Set-Cookie", "a"), ("set-cookie", "")],
    [("Connection", "close")], [("Connection", "keep-alive, x")],
    [("X", "y"), ("Connection", "z")],
  ]

  /// A server that has read `request`, as far as it could.
  private static func server(after request: String) -> Connection {
    read([[UInt8](wire: request)], with: Connection(role: .server), ended: false).connection
  }

  /// The same head as one that was read has it: its lines are not stored as they are sent.
  private static func relayed(_ head: ResponseHead) throws -> ResponseHead {
    var server = server(after: get)
    var client = Connection(role: .client)
    var wire: [UInt8] = []
    try client.send(
      .request(RequestHead(method: "GET", target: "/", fields: [("Host", "a")])), into: &wire)
    wire = []
    try server.send(.response(head), into: &wire)
    guard case .event(.response(let head), _) = try client.step(wire.span) else {
      throw Unexpected()
    }
    return head
  }

  private struct Unexpected: Error {}

  @Test("The bytes and the state are those of head, content and end", arguments: requests, fields)
  func equalsItsParts(_ request: String, _ fields: [(String, String)]) throws {
    for status in [200, 204, 205, 304, 404, 599] {
      for size in [204, 205, 304].contains(status) ? [0] : [0, 2, 9, 10, 20_000] {
        let content = [UInt8](repeating: UInt8(ascii: "x"), count: size)
        let hasLength = status != 204 && status != 304
        let length = hasLength ? [("Content-Length", "\(size)")] : []
        let plain = try ResponseHead(status: status, reason: "So so", fields: fields)
        let framed = try ResponseHead(status: status, reason: "So so", fields: fields + length)

        var parts = Self.server(after: request)
        var expected = Array("before".utf8)
        for event in [.response(framed), .content(content), .endOfMessage()] as [OutgoingEvent] {
          try parts.send(event, into: &expected)
        }
        for head in [plain, framed, try Self.relayed(framed)] {
          var whole = Self.server(after: request)
          var output = Array("before".utf8)
          try whole.send(whole: head, content: content.span, into: &output)
          #expect(output.text == expected.text)
          #expect(whole.ourState == parts.ourState)
          #expect(whole.peerState == parts.peerState)
          #expect(whole.isPersistent == parts.isPersistent)
          #expect(whole.clientAwaitsContinue == parts.clientAwaitsContinue)
        }
      }
    }
  }

  @Test("The next exchange is as if this had not been")
  func nextExchange() throws {
    var server = Self.server(after: Self.get)
    var output: [UInt8] = []
    try server.send(
      whole: ResponseHead(status: 200), content: Array("hi".utf8).span, into: &output)
    try server.startNextExchange()
    let (_, after) = read([[UInt8](wire: Self.get)], with: server, ended: false)
    #expect(after == Self.server(after: Self.get))
  }

  @Test(
    "RFC 9110 9.3.2: to HEAD the length goes out without the content, as the head or the content says it"
  )
  func head() throws {
    func answer(_ fields: [(String, String)], _ content: String) throws -> String {
      var server = Self.server(after: "HEAD / HTTP/1.1\nHost: a\n\n")
      var output: [UInt8] = []
      try server.send(
        whole: ResponseHead(status: 200, fields: fields), content: Array(content.utf8).span,
        into: &output)
      return output.text
    }
    let five = [UInt8](wire: "HTTP/1.1 200 \nContent-Length: 5\n\n").text
    #expect(try answer([], "hello") == five)
    #expect(try answer([("Content-Length", "5")], "hello") == five)
    #expect(try answer([("Content-Length", "5")], "") == five)

    var server = Self.server(after: "HEAD / HTTP/1.1\nHost: a\n\n")
    var output: [UInt8] = []
    let isToFollow = try server.send(
      whole: ResponseHead(status: 200), content: Array("hello".utf8).span, follows: true,
      into: &output)
    #expect(!isToFollow, "the caller must not write the content either")
    #expect(output.text == five)
  }

  @Test("Content that the caller writes itself: its length goes out")
  func contentFollows() throws {
    var server = Self.server(after: Self.get)
    var output: [UInt8] = []
    let isToFollow = try server.send(
      whole: ResponseHead(status: 200), content: Array("hello".utf8).span, follows: true,
      into: &output)
    #expect(isToFollow)
    #expect(output == [UInt8](wire: "HTTP/1.1 200 \nContent-Length: 5\n\n"))
    #expect(server.ourState == .done)
  }

  struct Refused: CustomTestStringConvertible {
    var request = get
    var status = 200
    var fields: [(String, String)] = []
    var content = ""
    var reason: ProtocolError.Reason
    var testDescription: String { "\(status) \(fields) \(content): \(reason)" }
  }

  static let refused = [
    Refused(status: 100, reason: .invalidStatus),
    Refused(status: 101, reason: .invalidStatus),
    Refused(
      request: "CONNECT a:1 HTTP/1.1\nHost: a:1\n\n", status: 200, reason: .invalidStatus),
    Refused(status: 204, content: "x", reason: .contentNotAllowed),
    Refused(status: 204, fields: [("Content-Length", "0")], reason: .contentNotAllowed),
    Refused(status: 304, content: "x", reason: .contentNotAllowed),
    Refused(status: 205, content: "x", reason: .contentNotAllowed),
    Refused(status: 205, fields: [("Content-Length", "1")], reason: .contentNotAllowed),
    Refused(
      request: "HEAD / HTTP/1.1\nHost: a\n\n", status: 205, fields: [("Content-Length", "1")],
      reason: .contentNotAllowed),
    Refused(fields: [("Transfer-Encoding", "chunked")], reason: .bothLengthAndTransferEncoding),
    Refused(fields: [("Content-Length", "1")], content: "xy", reason: .contentExceedsLength),
    Refused(
      fields: [("Content-Length", "3")], content: "xy",
      reason: .contentShorterThanLength(missing: 1)),
    Refused(fields: [("Content-Length", "x")], reason: .invalidContentLength),
    Refused(
      fields: [("Content-Length", "0"), ("Content-Length", "0")], reason: .repeatedContentLength),
  ]

  @Test("What cannot be sent changes nothing, and another response can be", arguments: refused)
  func refusal(_ row: Refused) throws {
    let before = Self.server(after: row.request)
    var server = before
    var output = Array("before".utf8)
    let head = try ResponseHead(status: row.status, fields: row.fields)
    #expect(throws: ProtocolError(row.reason, by: .us)) {
      try server.send(whole: head, content: Array(row.content.utf8).span, into: &output)
    }
    #expect(output.text == "before")
    #expect(server == before)
    try server.send(whole: ResponseHead(status: 500), content: Span(), into: &output)
    #expect(output.text == "before" + [UInt8](wire: "HTTP/1.1 500 \nContent-Length: 0\n\n").text)
  }

  @Test("A second response, a client's, and one after a failure are refused")
  func notNow() throws {
    func reason(_ connection: Connection) -> ProtocolError.Reason? {
      var connection = connection
      var output: [UInt8] = []
      do throws(ProtocolError) {
        try connection.send(whole: ResponseHead(status: 200), content: Span(), into: &output)
        return nil
      } catch {
        return error.reason
      }
    }
    var answered = Self.server(after: Self.get)
    var output: [UInt8] = []
    try answered.send(whole: ResponseHead(status: 200), content: Span(), into: &output)
    var failed = Self.server(after: Self.get)
    failed.sendFailed()
    #expect(
      reason(answered) == .eventNotAllowedNow(.finalResponseHead, state: .done))
    #expect(reason(failed) == .sendingFailed)
    #expect(reason(Connection(role: .client)) == .wrongRole(.finalResponseHead))
  }
}
