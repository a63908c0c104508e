import HTTPCore
import Testing

@Suite("Conversations between a client and a server")
struct ConversationTests {
  private func get(_ fields: [(String, String)] = []) throws -> OutgoingEvent {
    .request(try RequestHead(method: "GET", target: "/", fields: [("Host", "a")] + fields))
  }
  private func post(_ fields: [(String, String)]) throws -> OutgoingEvent {
    .request(try RequestHead(method: "POST", target: "/", fields: [("Host", "a")] + fields))
  }
  private func ok(_ fields: [(String, String)] = [("Content-Length", "0")]) throws -> OutgoingEvent
  {
    .response(try ResponseHead(status: 200, fields: fields))
  }

  @Test("Two exchanges on one connection, then closing")
  func keepAlive() throws {
    var pair = ConnectionPair()
    for _ in 1...2 {
      _ = try pair.send(get(), .endOfMessage(), from: .client)
      #expect(pair.states == [.done, .sendResponse])
      _ = try pair.send(ok(), .endOfMessage(), from: .server)
      #expect(pair.states == [.done, .done])
      try pair.client.startNextExchange()
      try pair.server.startNextExchange()
      #expect(pair.states == [.idle, .idle])
    }
    _ = try pair.send(.connectionClosed, from: .client)
    #expect(pair.states == [.closed, .mustClose])
    _ = try pair.send(.connectionClosed, from: .server)
    #expect(pair.states == [.closed, .closed])
  }

  @Test("RFC 9110 10.1.1: Expect: 100-continue")
  func expectContinue() throws {
    var pair = ConnectionPair()
    _ = try pair.send(
      post([("Content-Length", "2"), ("Expect", "100-Continue")]), from: .client)
    #expect(pair.server.clientAwaitsContinue)
    for status in [102, 103] {
      _ = try pair.send(.interimResponse(try ResponseHead(status: status)), from: .server)
      #expect(pair.server.clientAwaitsContinue, "\(status) does not ask for the content")
      #expect(pair.client.clientAwaitsContinue)
    }
    var final = pair
    _ = try final.send(ok(), from: .server)
    #expect(!final.server.clientAwaitsContinue)
    #expect(!final.client.clientAwaitsContinue)
    var impatient = pair
    _ = try pair.send(.interimResponse(try ResponseHead(status: 100)), from: .server)
    #expect(!pair.server.clientAwaitsContinue)
    #expect(!pair.client.clientAwaitsContinue)
    _ = try impatient.send(.content([1, 2]), from: .client)
    #expect(!impatient.server.clientAwaitsContinue)
    #expect(!impatient.client.clientAwaitsContinue, "who sends content does not wait")

    var bodiless = ConnectionPair()
    _ = try bodiless.send(get([("Expect", "100-continue")]), from: .client)
    #expect(!bodiless.server.clientAwaitsContinue)
  }

  @Test("An upgrade that is accepted hands over the rest of the bytes")
  func upgrade() throws {
    var pair = ConnectionPair()
    _ = try pair.send(
      get([("Upgrade", "x"), ("Connection", "upgrade")]), .endOfMessage(), from: .client)
    #expect(pair.states == [.mightSwitch, .sendResponse])
    #expect(try pair.server.step([1, 2].span) == .paused)
    let reading = try pair.send(
      .interimResponse(
        try ResponseHead(status: 101, fields: [("Upgrade", "x"), ("Connection", "upgrade")])),
      from: .server)
    #expect(reading.error == nil)
    #expect(pair.states == [.switched, .switched])
    #expect(try pair.server.step([1, 2].span) == .paused)
  }

  @Test("An upgrade that is declined goes on as HTTP")
  func declined() throws {
    var pair = ConnectionPair()
    _ = try pair.send(
      get([("Upgrade", "x"), ("Connection", "upgrade")]), .endOfMessage(), from: .client)
    _ = try pair.send(ok(), .endOfMessage(), from: .server)
    #expect(pair.states == [.done, .done])
  }

  @Test(
    "RFC 9110 9.3.6: content of a CONNECT request ends where any request's does",
    arguments: [("Content-Length", "2"), ("Transfer-Encoding", "chunked")])
  func connectContent(framing: (String, String)) throws {
    let head = try RequestHead(
      method: "CONNECT", target: "a:80", fields: [("Host", "a:80"), framing])
    var pair = ConnectionPair()
    let reading = try pair.send(
      .request(head), .content(Array("hi".utf8)), .endOfMessage(), from: .client)
    #expect(
      reading.description
        == #"["CONNECT a:80 HTTP/1.1", "content(hi)", "end"] -> mightSwitch, 0 left"#)
    #expect(pair.states == [.mightSwitch, .sendResponse])
    var accepted = pair
    _ = try accepted.send(.response(try ResponseHead(status: 200)), from: .server)
    #expect(accepted.states == [.switched, .switched])
    let declined = OutgoingEvent.response(
      try ResponseHead(status: 403, fields: [("Content-Length", "0")]))
    _ = try pair.send(declined, .endOfMessage(), from: .server)
    #expect(pair.states == [.done, .done])
  }

  @Test(
    "RFC 9110 7.8: an Upgrade field that names no protocol, or that Connection does not name, proposes nothing",
    arguments: [
      [("Upgrade", ","), ("Connection", "upgrade")], [("Upgrade", "x")],
      [("Upgrade", "x"), ("Connection", "keep-alive")], [("Connection", "upgrade")],
    ])
  func emptyUpgrade(fields: [(String, String)]) throws {
    var pair = ConnectionPair()
    _ = try pair.send(get(fields), .endOfMessage(), from: .client)
    #expect(pair.states == [.done, .sendResponse])
  }

  @Test("The peer's version is that of its last message, and stays over to the next exchange")
  func peerVersion() throws {
    var server = Connection(role: .server)
    #expect(server.peerVersion == nil)
    for (version, before) in [("1.0", nil), ("1.1", Version.http10), ("1.3", .http11)] {
      #expect(server.peerVersion == before)
      let wire = "GET / HTTP/\(version)\nHost: a\nConnection: keep-alive\n\n"
      server = read([[UInt8](wire: wire)], with: server, ended: false).connection
      #expect(server.peerVersion?.description == "HTTP/\(version)")
      var output: [UInt8] = []
      try server.send(ok(), into: &output)
      try server.send(.endOfMessage(), into: &output)
      try server.startNextExchange()
    }
  }

  @Test("After the end always the end")
  func closedStays() throws {
    var pair = ConnectionPair()
    let nothing: [UInt8] = []
    for _ in 1...3 {
      #expect(
        try pair.server.step(nothing.span, inputEnded: true)
          == .event(.connectionClosed, consumed: 0))
      #expect(pair.server.peerState == .closed)
    }
  }

  @Test("The rules that bind the peer bind us: a client cannot send a request ahead of a response")
  func noPipelining() throws {
    var pair = ConnectionPair()
    _ = try pair.send(get(), .endOfMessage(), from: .client)
    var output: [UInt8] = []
    #expect(throws: ProtocolError(.eventNotAllowedNow(.requestHead, state: .done), by: .us)) {
      try pair.client.send(get(), into: &output)
    }
    #expect(output.isEmpty)
  }

  @Test("Six fields have a meaning to HTTP/1.1; what all others say changes nothing")
  func otherFields() throws {
    func state(after fields: [(String, String)]) throws -> Connection {
      var pair = ConnectionPair()
      _ = try pair.send(get(fields), from: .client)
      return pair.server
    }
    let plain = try state(after: [])
    for name in ["Accept", "Keep-Alive", "TE", "Trailer", "Proxy-Connection", "Content-Type", "X"] {
      #expect(try state(after: [(name, "close, chunked, 5, 100-continue, x")]) == plain)
    }
    let ours = [
      ("Connection", "close"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked"),
      ("Expect", "x"),
    ]
    for field in ours { #expect(try state(after: [field]) != plain) }
  }

  @Test("A conversation can be forked, and the forks compared")
  func values() throws {
    var pair = ConnectionPair()
    _ = try pair.send(get(), .endOfMessage(), from: .client)
    var fork = pair
    #expect(fork.server == pair.server)
    _ = try pair.send(ok(), .endOfMessage(), from: .server)
    #expect(fork.server != pair.server)
    _ = try fork.send(ok(), .endOfMessage(), from: .server)
    #expect(fork.server == pair.server)
  }

  @Test("A head that is kept stays as it was, whatever is read after it")
  func reuse() throws {
    var server = Connection(role: .server)
    var kept: [RequestHead] = []
    for number in 1...3 {
      let wire = [UInt8](wire: "GET /\(number) HTTP/1.1\nHost: host\(number)\nX: \(number)\n\n")
      guard case .event(.request(let head), _) = try server.step(wire.span) else {
        Issue.record("no request")
        return
      }
      kept.append(head)
      _ = try server.step(wire.span.extracting(first: 0))
      var output: [UInt8] = []
      try server.send(ok(), into: &output)
      try server.send(.endOfMessage(), into: &output)
      try server.startNextExchange()
    }
    #expect(kept.map(\.target) == ["/1", "/2", "/3"])
    #expect(kept.map { $0.fields["host"] } == ["host1", "host2", "host3"])
  }

  @Test("After an error the same error comes again, and a response can still be sent")
  func errorStays() throws {
    var server = Connection(role: .server)
    let wire = [UInt8](wire: "GET / HTTP/1.1\n\n")
    for _ in 1...2 {
      #expect(throws: ProtocolError(.missingHost, by: .peer)) { try server.step(wire.span) }
    }
    var output: [UInt8] = []
    try server.send(ok(), into: &output)
    try server.send(.endOfMessage(), into: &output)
    #expect(output.text.contains("Connection: close\r\n"))
  }

  @Test("Two connections of which the same can be said are equal, however they came there")
  func equality() throws {
    func after(_ body: String) throws -> Connection {
      var server = Connection(role: .server)
      var wire = [UInt8](wire: "POST / HTTP/1.1\nHost: a\n" + body)
      while case .event(_, let consumed) = try server.step(wire.span) { wire.removeFirst(consumed) }
      var output: [UInt8] = []
      try server.send(
        .response(ResponseHead(status: 200, fields: [("Content-Length", "0")])), into: &output)
      try server.send(.endOfMessage(), into: &output)
      try server.startNextExchange()
      return server
    }
    let sized = try after("Content-Length: 1\n\na")
    let chunked = try after("Transfer-Encoding: chunked\n\n1\na\n0\n\n")
    let padded = try after("Transfer-Encoding: chunked\n\n1\na\n000\nA: b\n\n")
    #expect(sized == chunked)
    #expect(chunked == padded)

    func reading(_ body: String, in pieces: Int = 1) -> Connection {
      let wire = [UInt8](wire: "POST / HTTP/1.1\nHost: a\n" + body)
      let cut = pieces == 1 ? [wire] : wire.map { [$0] }
      return read(cut, with: Connection(role: .server), ended: false).connection
    }
    let coded = "Transfer-Encoding: chunked\n\n"
    #expect(reading(coded + "0\n\n") == reading(coded + "000\n\n"))
    #expect(reading(coded + "0\n\n") == reading(coded + "1\na\n0;a=b\nA: b\nC: d\n\n"))
    // After an error nothing is left of how much had come.
    for wrong in ["A: b\n\nx", "A\u{7f}\n\n", coded + "1\na\n0\nA: b\nHost: a\n\n"] {
      #expect(reading(wrong) == reading(wrong, in: .max))
    }
    #expect(reading("A: b\nB\n\n") == reading("C: long\nD: e\nB\n\n"))
  }

  @Test("Random conversations give the same events however the bytes are cut", arguments: 0..<40)
  func random(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var client = Connection(role: .client)
    var server = Connection(role: .server)
    for _ in 0..<5 {
      let content = (0..<Int.random(in: 0...300, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let chunked = Bool.random(using: &random)
      let framing =
        chunked ? ("Transfer-Encoding", "chunked") : ("Content-Length", "\(content.count)")
      let (sentRequest, receivedRequest) = try converse(
        .request(RequestHead(method: "POST", target: "/", fields: [("Host", "a"), framing])),
        content, from: &client, to: &server, using: &random)
      #expect(sentRequest == receivedRequest, "seed \(seed)")
      let (sentResponse, receivedResponse) = try converse(
        .response(ResponseHead(status: 200, fields: [framing])),
        content, from: &server, to: &client, using: &random)
      #expect(sentResponse == receivedResponse, "seed \(seed)")
      try client.startNextExchange()
      try server.startNextExchange()
    }
  }

  /// Sends a message in random pieces; returns the content sent and the content received.
  private func converse(
    _ head: OutgoingEvent, _ content: [UInt8], from sender: inout Connection,
    to receiver: inout Connection, using random: inout SeededGenerator
  ) throws -> (sent: [UInt8], received: [UInt8]) {
    var wire: [UInt8] = []
    try sender.send(head, into: &wire)
    var rest = content[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...100, using: &random))
      try sender.send(.content(Array(piece)), into: &wire)
      rest = rest.dropFirst(piece.count)
    }
    try sender.send(.endOfMessage(), into: &wire)

    var received: [UInt8] = []
    var input: [UInt8] = []
    var remaining = wire[...]
    while true {
      switch try receiver.step(input.span) {
      case .event(.content(let range), let consumed):
        received += input[range]
        input.removeFirst(consumed)
      case .event(.endOfMessage, let consumed):
        input.removeFirst(consumed)
        #expect(input.isEmpty && remaining.isEmpty)
        return (content, received)
      case .event(_, let consumed): input.removeFirst(consumed)
      case .needMoreInput:
        let piece = remaining.prefix(Int.random(in: 1...50, using: &random))
        try #require(!piece.isEmpty)
        input += piece
        remaining = remaining.dropFirst(piece.count)
      case .paused: Issue.record("paused in the middle of a message")
      }
    }
  }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
