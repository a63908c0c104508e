import HTTPCore
import Testing

@Suite("Sending")
struct SendingTests {
  /// A server that has read `request`.
  private func server(after request: String) -> Connection {
    read([[UInt8](wire: request)], with: Connection(role: .server), ended: false).connection
  }

  private func wire(
    _ events: OutgoingEvent..., from connection: Connection
  ) throws -> (text: String, connection: Connection) {
    var connection = connection
    var output: [UInt8] = []
    for event in events { try connection.send(event, into: &output) }
    return (output.text.replacing("\r\n", with: "\n"), connection)
  }

  private func expect(
    _ reason: ProtocolError.Reason, _ events: OutgoingEvent..., from connection: Connection,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var connection = connection
    var output: [UInt8] = Array("before".utf8)
    #expect(throws: ProtocolError(reason, by: .us), sourceLocation: sourceLocation) {
      for event in events.dropLast() { try connection.send(event, into: &output) }
      output = Array("before".utf8)
      try connection.send(events[events.count - 1], into: &output)
    }
    #expect(output.text == "before", "nothing is written", sourceLocation: sourceLocation)
    #expect(connection.ourState == .failed, sourceLocation: sourceLocation)
  }

  static let get = "GET / HTTP/1.1\nHost: a\n\n"

  @Test("A request, as it is written")
  func request() throws {
    let head = try RequestHead(
      method: "POST", target: "/x", fields: [("hOst", "a"), ("Content-Length", "2")])
    let (text, client) = try wire(
      .request(head), .content(Array("hi".utf8)), .endOfMessage(), from: Connection(role: .client))
    #expect(text == "POST /x HTTP/1.1\nhOst: a\nContent-Length: 2\n\nhi")
    #expect(client.ourState == .done)
  }

  @Test("A response with a length")
  func response() throws {
    let head = try ResponseHead(status: 200, reason: "OK", fields: [("Content-Length", "2")])
    let (text, after) = try wire(
      .response(head), .content(Array("hi".utf8)), .endOfMessage(), from: server(after: Self.get))
    #expect(text == "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi")
    #expect(after.ourState == .done)
  }

  @Test("RFC 9112 6.3: without a length, chunked for 1.1 and until close for 1.0")
  func chosenFraming() throws {
    let head = try ResponseHead(status: 200)
    let events: [OutgoingEvent] = [.response(head), .content(Array("hi".utf8)), .endOfMessage()]
    var output: [UInt8] = []
    var modern = server(after: Self.get)
    for event in events { try modern.send(event, into: &output) }
    #expect(
      output == [UInt8](wire: "HTTP/1.1 200 \nTransfer-Encoding: chunked\n\n2\nhi\n0\n\n"))
    #expect(modern.ourState == .done)
    let untilClose = [UInt8](wire: "HTTP/1.1 200 \nConnection: close\n\nhi")
    output = []
    let request = "GET / HTTP/1.0\nConnection: keep-alive\n\n"
    var old = server(after: request)
    for event in events { try old.send(event, into: &output) }
    #expect(output == untilClose)
    #expect(old.ourState == .mustClose)

    // RFC 9112 section 6.1: chunks are for those only who are known to read them.
    var next = server(after: request)
    let length = [("Content-Length", "0")]
    try next.send(.response(ResponseHead(status: 200, fields: length)), into: &output)
    try next.send(.endOfMessage(), into: &output)
    try next.startNextExchange()
    for unknown in [next, Connection(role: .server)] {
      var unknown = unknown
      output = []
      for event in events { try unknown.send(event, into: &output) }
      #expect(output == untilClose)
      #expect(unknown.ourState == .mustClose)
    }
  }

  @Test("RFC 9112 6.1: a client sends no chunks to a server that spoke HTTP/1.0 last")
  func chunksToOldServer() throws {
    let fields = [("Host", "a"), ("Transfer-Encoding", "chunked")]
    let post = OutgoingEvent.request(
      try RequestHead(method: "POST", target: "/", fields: fields))
    for (version, isOld) in [("1.0", true), ("1.1", false)] {
      var client = Connection(role: .client)
      var output: [UInt8] = []
      // As long as nothing is known it is the caller's choice.
      try client.send(post, into: &output)
      try client.send(.endOfMessage(), into: &output)
      let response = "HTTP/\(version) 204 None\nConnection: keep-alive\n\n"
      client = read([[UInt8](wire: response)], with: client, ended: false).connection
      try client.startNextExchange()
      if isOld {
        expect(.transferEncodingBeforeHTTP11, post, from: client)
      } else {
        try client.send(post, into: &output)
      }
    }
  }

  @Test("RFC 9112 9.3: Connection says what will happen, whatever the head said")
  func connectionField() throws {
    func connection(_ request: String, _ fields: [(String, String)]) throws -> [String] {
      let head = try ResponseHead(status: 200, fields: fields + [("Content-Length", "0")])
      return try wire(.response(head), from: server(after: request)).text.split(separator: "\n")
        .filter { $0.hasPrefix("Connection") }.map(String.init)
    }
    let close = "GET / HTTP/1.1\nHost: a\nConnection: close\n\n"
    let old = "GET / HTTP/1.0\nConnection: Keep-Alive\n\n"
    #expect(try connection(Self.get, []) == [])
    #expect(try connection(close, []) == ["Connection: close"])
    #expect(try connection(old, []) == ["Connection: keep-alive"])
    #expect(try connection("GET / HTTP/1.0\n\n", []) == ["Connection: close"])
    #expect(try connection(Self.get, [("Connection", "close")]) == ["Connection: close"])
    #expect(try connection(close, [("connection", "keep-alive")]) == ["Connection: close"])
    #expect(
      try connection(close, [("Connection", "foo, keep-alive")])
        == ["Connection: foo", "Connection: close"])
  }

  @Test("Content that the caller writes itself")
  func contentFollows() throws {
    let sized = try ResponseHead(status: 200, fields: [("Content-Length", "5")])
    let (text, after) = try wire(
      .response(sized), .contentFollows(count: 5), .endOfMessage(), from: server(after: Self.get))
    #expect(text == "HTTP/1.1 200 \nContent-Length: 5\n\n")
    #expect(after.ourState == .done)

    var chunked = server(after: Self.get)
    var output: [UInt8] = []
    try chunked.send(.response(ResponseHead(status: 200)), into: &output)
    output = []
    try chunked.send(.contentFollows(count: 17), into: &output)
    #expect(output.text == "11\r\n")
    output = []
    try chunked.send(.contentFollows(count: 10), into: &output)
    #expect(output.text == "\r\na\r\n")
    output = []
    try chunked.send(.endOfMessage(trailers: Fields([("Digest", "d")])), into: &output)
    #expect(output.text == "\r\n0\r\nDigest: d\r\n\r\n")
  }

  @Test("RFC 9110 9.3.2: HEAD can be answered as GET is, and no content goes out")
  func head() throws {
    let head = try ResponseHead(status: 200, fields: [("Content-Length", "5")])
    let request = "HEAD / HTTP/1.1\nHost: a\n\n"
    let (text, after) = try wire(
      .response(head), .content(Array("hello".utf8)), .endOfMessage(), from: server(after: request))
    #expect(text == "HTTP/1.1 200 \nContent-Length: 5\n\n")
    #expect(after.ourState == .done)
    // What the caller itself is about to write cannot be dropped here.
    expect(
      .contentNotAllowed, .response(head), .contentFollows(count: 5), from: server(after: request))
    let (empty, _) = try wire(
      .response(head), .contentFollows(count: 0), .endOfMessage(), from: server(after: request))
    #expect(empty == text)
  }

  @Test("A HEAD request that is refused gets no content, as soon as its request line has come")
  func refusedHead() throws {
    for request in [
      "HEAD / HTTP/1.1\n\n", "HEAD / HTTP/1.1\nHost: a\nContent-Length: x\n\n",
      "HEAD / HTTP/1.1\nno colon\n", "HEAD / HTTP/1.0\nA@: b\n", "HEAD / HTTP/1.1\nHost: a\n",
    ] {
      let wire = [UInt8](wire: request)
      for pieces in [[wire], wire.map { [$0] }] {
        var server = read(pieces, with: Connection(role: .server), ended: false).connection
        var output: [UInt8] = []
        let head = try ResponseHead(status: 400, fields: [("Content-Length", "5")])
        try server.send(.response(head), into: &output)
        try server.send(.content(Array("hello".utf8)), into: &output)
        try server.send(.endOfMessage(), into: &output)
        #expect(
          output == [UInt8](wire: "HTTP/1.1 400 \nContent-Length: 5\nConnection: close\n\n"))
      }
    }
  }

  @Test("RFC 9112 6.1: what refuses a head has chunks if its request line says HTTP/1.1")
  func refusedVersion() throws {
    for (request, isChunked) in [
      ("GET / HTTP/1.0\nno colon\n", false), ("GET / HTTP/1.1\nno colon\n", true),
      ("GET / HTTP/1.0\nHo", false), ("GET / HTTP/1.1\nHo", true), ("GET / HTTP/1.", false),
      ("GET / HTTP/2.0\n", false), ("G@T / HTTP/1.1\n", false),
    ] {
      let wire = [UInt8](wire: request)
      for pieces in [[wire], wire.map { [$0] }] {
        var server = read(pieces, with: Connection(role: .server), ended: false).connection
        var output: [UInt8] = []
        try server.send(.response(ResponseHead(status: 400)), into: &output)
        let chunked = isChunked ? "Transfer-Encoding: chunked\n" : ""
        #expect(output == [UInt8](wire: "HTTP/1.1 400 \n\(chunked)Connection: close\n\n"))
      }
    }
  }

  @Test("An answer to what was no request is the last")
  func answerToGarbage() throws {
    let garbled = read(
      [Array("GET / FTP/1.1\r\n".utf8)], with: Connection(role: .server), ended: false
    ).connection
    #expect(garbled.peerState == .failed)
    let head = try ResponseHead(status: 400, fields: [("Content-Length", "0")])
    let (text, after) = try wire(.response(head), .endOfMessage(), from: garbled)
    #expect(text == "HTTP/1.1 400 \nContent-Length: 0\nConnection: close\n\n")
    #expect(after.ourState == .mustClose)
    let (timeout, _) = try wire(.response(head), .endOfMessage(), from: Connection(role: .server))
    #expect(timeout.contains("Connection: close"))
  }

  @Test("Lengths must agree")
  func lengths() throws {
    let five = try OutgoingEvent.response(
      ResponseHead(status: 200, fields: [("Content-Length", "5")]))
    let ready = server(after: Self.get)
    expect(.contentExceedsLength, five, .content(Array("123456".utf8)), from: ready)
    expect(.contentExceedsLength, five, .contentFollows(count: 6), from: ready)
    expect(.contentShorterThanLength(missing: 5), five, .endOfMessage(), from: ready)
    let trailers = OutgoingEvent.endOfMessage(trailers: try Fields([("A", "b")]))
    expect(
      .trailersNeedChunkedFraming, five, .content(Array("12345".utf8)), trailers, from: ready)
    let open = OutgoingEvent.response(try ResponseHead(status: 200))
    expect(
      .trailersNeedChunkedFraming, open, .content([1]), trailers,
      from: server(after: "GET / HTTP/1.0\n\n"))
  }

  @Test("RFC 9112 7.1: an empty chunk would be the last, so empty content writes nothing")
  func emptyContent() throws {
    let open = OutgoingEvent.response(try ResponseHead(status: 200))
    let (text, _) = try wire(
      open, .content([]), .contentFollows(count: 0), .content([]), from: server(after: Self.get))
    #expect(text == "HTTP/1.1 200 \nTransfer-Encoding: chunked\n\n")
  }

  @Test("RFC 9112 6.1: nothing is sent with both framings")
  func bothFramings() throws {
    let both = [("Host", "a"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked")]
    expect(
      .bothLengthAndTransferEncoding, .response(try ResponseHead(status: 200, fields: both)),
      from: server(after: Self.get))
    expect(
      .bothLengthAndTransferEncoding,
      .request(try RequestHead(method: "POST", target: "/", fields: both)),
      from: Connection(role: .client))
  }

  @Test("RFC 9110 15.3.6: a 205 says that it has no content, and has none")
  func resetContent() throws {
    func reset(_ fields: [(String, String)] = []) throws -> OutgoingEvent {
      .response(try ResponseHead(status: 205, fields: fields))
    }
    for fields in [[], [("Content-Length", "0")]] {
      for request in [Self.get, "GET / HTTP/1.0\nConnection: keep-alive\n\n"] {
        let (text, after) = try wire(reset(fields), .endOfMessage(), from: server(after: request))
        #expect(text.hasPrefix("HTTP/1.1 205 \nContent-Length: 0\n"))
        #expect(after.ourState == .done)
      }
      expect(.contentNotAllowed, try reset(fields), .content([1]), from: server(after: Self.get))
    }
    for request in [Self.get, "HEAD / HTTP/1.1\nHost: a\n\n"] {
      for field in [("Content-Length", "1"), ("Transfer-Encoding", "chunked")] {
        expect(.contentNotAllowed, try reset([field]), from: server(after: request))
      }
    }
  }

  @Test("RFC 9110 7.8: a 101 names the protocol that it switches to")
  func switching() throws {
    let ready = server(
      after: "GET / HTTP/1.1\nHost: a\nUpgrade: x\nConnection: upgrade\n\n")
    for fields in [[], [("Connection", "upgrade")], [("Upgrade", ",")]] {
      let head = try ResponseHead(status: 101, fields: fields)
      expect(.missingUpgrade, .interimResponse(head), from: ready)
    }
    let fields = [("Upgrade", "x"), ("Connection", "upgrade")]
    let (_, after) = try wire(
      .interimResponse(ResponseHead(status: 101, fields: fields)), from: ready)
    #expect(after.ourState == .switched)
  }

  @Test("RFC 9110 7.2: Host means nothing in a response, and is sent as any field is")
  func hostInResponse() throws {
    let fields = [("Host", "a/b"), ("Host", "c"), ("Content-Length", "0")]
    let (text, _) = try wire(
      .response(ResponseHead(status: 200, fields: fields)), from: server(after: Self.get))
    #expect(text == "HTTP/1.1 200 \nHost: a/b\nHost: c\nContent-Length: 0\n\n")
    let request = try RequestHead(method: "GET", target: "/", fields: [("Host", "a/b")])
    expect(.invalidHost, .request(request), from: Connection(role: .client))
  }

  @Test("RFC 9110 8.6, 15: where there is no content there is no framing, and the reverse")
  func noContent() throws {
    func response(_ status: Int, _ fields: [(String, String)] = []) throws -> OutgoingEvent {
      .response(try ResponseHead(status: status, fields: fields))
    }
    let ready = server(after: Self.get)
    let connect = server(after: "CONNECT a:80 HTTP/1.1\nHost: a:80\n\n")
    let one = OutgoingEvent.content([1])
    expect(.contentNotAllowed, try response(204, [("Content-Length", "0")]), from: ready)
    expect(.contentNotAllowed, try response(204), one, from: ready)
    expect(.contentNotAllowed, try response(304), one, from: ready)
    expect(.contentNotAllowed, try response(200, [("Content-Length", "0")]), from: connect)
    expect(.contentNotAllowed, try response(200, [("Content-Length", "x")]), from: connect)
    expect(.invalidContentLength, try response(200, [("Content-Length", "x")]), from: ready)
    expect(
      .contentNotAllowed,
      .interimResponse(try ResponseHead(status: 100, fields: [("Content-Length", "0")])),
      from: ready)
    expect(
      .transferEncodingBeforeHTTP11, try response(200, [("Transfer-Encoding", "chunked")]),
      from: server(after: "GET / HTTP/1.0\n\n"))
    expect(
      .interimBeforeHTTP11, .interimResponse(try ResponseHead(status: 100)),
      from: server(after: "GET / HTTP/1.0\n\n"))
  }

  @Test("A request read from an older client is sent on as one of HTTP/1.1, by its rules")
  func sentOn() throws {
    func received(_ text: String) throws -> OutgoingEvent {
      let (reading, _) = read([[UInt8](wire: text)], with: Connection(role: .server), ended: false)
      guard case .event(.request(let head))? = reading.items.first else {
        throw ProtocolError(.malformedRequestLine, by: .us)
      }
      return .request(head)
    }
    let client = Connection(role: .client)
    expect(.missingHost, try received("GET / HTTP/1.0\n\n"), from: client)
    let upgrade = "GET / HTTP/1.0\nHost: a\nUpgrade: x\nConnection: upgrade\n\n"
    let (text, after) = try wire(try received(upgrade), .endOfMessage(), from: client)
    #expect(text.hasPrefix("GET / HTTP/1.1\n"))
    #expect(after.ourState == .mightSwitch)
    #expect(after.isPersistent)
  }

  @Test("RFC 9110 15: a response that was read is sent on, unless its status is above 599")
  func responseSentOn() throws {
    func received(_ status: Int) throws -> OutgoingEvent {
      var client = Connection(role: .client)
      var output: [UInt8] = []
      let request = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")])
      try client.send(.request(request), into: &output)
      let text = "HTTP/1.1 \(status) \nContent-Length: 0\n\n"
      let (reading, _) = read([[UInt8](wire: text)], with: client, ended: false)
      guard case .event(.response(let head))? = reading.items.first else {
        throw ProtocolError(.malformedStatusLine, by: .us)
      }
      return .response(head)
    }
    let (text, _) = try wire(try received(599), from: server(after: Self.get))
    #expect(text == "HTTP/1.1 599 \nContent-Length: 0\n\n")
    for status in [600, 700, 999] {
      expect(.invalidStatus, try received(status), from: server(after: Self.get))
    }
  }

  @Test("Only in turn, and only one's own part")
  func order() throws {
    let ok = OutgoingEvent.response(try ResponseHead(status: 200))
    let request = OutgoingEvent.request(
      try RequestHead(method: "GET", target: "/", fields: [("Host", "a")]))
    let client = Connection(role: .client)
    expect(.wrongRole(.finalResponseHead), ok, from: client)
    expect(.wrongRole(.requestHead), request, from: Connection(role: .server))
    expect(.eventNotAllowedNow(.content, state: .idle), .content([1]), from: client)
    expect(.eventNotAllowedNow(.requestHead, state: .sendBody), request, request, from: client)
    expect(
      .eventNotAllowedNow(.finalResponseHead, state: .sendBody), ok, ok,
      from: server(after: Self.get))
    expect(.invalidStatus, .response(try ResponseHead(status: 100)), from: server(after: Self.get))
    expect(
      .switchWithoutProposal, .interimResponse(try ResponseHead(status: 101)),
      from: server(after: Self.get))
    expect(
      .switchWithoutProposal, .interimResponse(try ResponseHead(status: 101)),
      from: server(after: "CONNECT a:80 HTTP/1.1\nHost: a:80\n\n"))
    expect(
      .missingHost, .request(try RequestHead(method: "GET", target: "/")), from: client)
    var failed = client
    failed.sendFailed()
    expect(.sendingFailed, request, from: failed)
  }

  @Test("Injection is refused where the value is made")
  func injection() throws {
    for (name, value) in [
      ("A", "b\r\nC: d"), ("A", "b\nc"), ("A", "b\rc"), ("A", "b\0"), ("A", " b"), ("A", "b\t"),
      ("A", "\u{7f}"),
    ] {
      #expect(throws: ProtocolError(.invalidFieldValue, by: .us)) { try Fields([(name, value)]) }
    }
    for name in ["", "A B", "A:", "A\r\n", "Ä"] {
      #expect(throws: ProtocolError(.invalidFieldName, by: .us)) { try Fields([(name, "b")]) }
    }
    #expect(throws: ProtocolError(.invalidReason, by: .us)) {
      try ResponseHead(status: 200, reason: "OK\r\nA: b")
    }
    #expect(throws: ProtocolError(.invalidStatus, by: .us)) { try ResponseHead(status: 99) }
    #expect(throws: ProtocolError(.invalidStatus, by: .us)) { try ResponseHead(status: 600) }
    #expect(throws: ProtocolError(.invalidMethod, by: .us)) {
      try RequestHead(method: "GET /", target: "/")
    }
    for target in ["", "/a b", "/\r\n", "/é", "/#a", "http://u@a/"] {
      #expect(throws: ProtocolError(.invalidTarget, by: .us)) {
        try RequestHead(method: "GET", target: target)
      }
    }
  }

  @Test("A field that is refused leaves the fields as they were")
  func failedAppend() throws {
    var fields = try Fields([("A", "1")])
    let before = fields
    #expect(throws: ProtocolError.self) { try fields.append("B", "\n") }
    #expect(fields == before)
    try fields.append("B", "2")
    #expect(fields.map(\.value) == ["1", "2"])
  }

  @Test("RFC 9112 7: the refusal of what an HTTP/1.0 client sent has no chunks")
  func refusalOfOldClient() throws {
    var server = Connection(role: .server)
    let wire = [UInt8](wire: "POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n")
    #expect(throws: ProtocolError.self) { try server.step(wire.span) }
    var output: [UInt8] = []
    try server.send(.response(ResponseHead(status: 400)), into: &output)
    #expect(output == [UInt8](wire: "HTTP/1.1 400 \nConnection: close\n\n"))
  }

  @Test("The head's own options of Connection stay, but for those about persistence")
  func connectionOptions() throws {
    let old = "GET / HTTP/1.0\nConnection: keep-alive\n\n"
    for (own, request, expected) in [
      ("Upgrade, close, a,b", "GET / HTTP/1.1\nHost: a\n\n", "Upgrade, a, b\nConnection: close"),
      ("foo", old, "foo\nConnection: keep-alive"), ("close", old, "close"),
      ("keep-alive", "GET / HTTP/1.0\n\n", "close"),
    ] {
      var server = Connection(role: .server)
      let wire = [UInt8](wire: request)
      _ = try server.step(wire.span)
      var output: [UInt8] = []
      let head = try ResponseHead(status: 204, fields: [("A", "b"), ("cOnnection", own)])
      try server.send(.response(head), into: &output)
      #expect(output == [UInt8](wire: "HTTP/1.1 204 \nA: b\nConnection: " + expected + "\n\n"))
    }
    for own in ["KEEP-ALIVE", "", ","] {
      var server = Connection(role: .server)
      let wire = [UInt8](wire: "GET / HTTP/1.1\nHost: a\n\n")
      _ = try server.step(wire.span)
      var output: [UInt8] = []
      let head = try ResponseHead(status: 204, fields: [("Connection", own)])
      try server.send(.response(head), into: &output)
      #expect(output == [UInt8](wire: "HTTP/1.1 204 \n\n"))
    }
  }
}

@Suite("Fields")
struct FieldsTests {
  @Test("Lookup without regard to case, original spelling kept, repeated fields joined")
  func lookup() throws {
    let fields = try Fields([("ACCept", "a"), ("Host", "h"), ("accept", "b"), ("X", "")])
    #expect(fields["Accept"] == "a, b")
    #expect(fields.values(of: "ACCEPT") == ["a", "b"])
    #expect(fields["accep"] == nil)
    #expect(fields["x"] == "")
    #expect(fields.contains("HOST"))
    #expect(fields.map(\.name) == ["ACCept", "Host", "accept", "X"])
    #expect(fields.withValue(of: "host") { $0.count } == 1)
  }

  @Test("RFC 9110 5.5: values and reasons that are no text are lent as they came")
  func bytes() throws {
    let wire = [UInt8](wire: "HTTP/1.1 200 O\u{1}K\nA: \u{2}\nB: b\na: x\u{1}\u{2}\nA:\n\n").map {
      $0 == 1 ? 0xff : $0 == 2 ? 0x80 : $0
    }
    var client = Connection(role: .client)
    var output: [UInt8] = []
    let request = try RequestHead(method: "GET", target: "/", fields: [("Host", "a")])
    try client.send(.request(request), into: &output)
    guard case .event(.response(let head), _) = try client.step(wire.span) else {
      Issue.record("no response")
      return
    }
    func copy(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }
    #expect(head.withReason(copy) == [0x4f, 0xff, 0x4b])
    #expect(head.fields.withValue(of: "a", copy) == [0x80])
    #expect(head.fields.withValue(of: "c", copy) == nil)
    var values: [[UInt8]] = []
    head.fields.forEachValue(of: "a") { values.append(copy($0)) }
    #expect(values == [[0x80], [0x78, 0xff, 0x80], []])
    #expect(
      head.fields.indices.map { head.fields.withValue(at: $0, copy) }
        == [[0x80], [0x62], [0x78, 0xff, 0x80], []])
    #expect(try RequestHead(method: "GET", target: "/x").withTarget(copy) == Array("/x".utf8))
    #expect(throws: ProtocolError(.invalidStatus, by: .us)) {
      try head.fields.forEachValue(of: "a") { _ throws(ProtocolError) in
        throw ProtocolError(.invalidStatus, by: .us)
      }
    }
  }

  @Test("Equality is about what is said, not where it is stored")
  func equality() throws {
    let wire = [UInt8](wire: "GET /x HTTP/1.1\nHOST: a\n\n")
    let (reading, _) = read([wire], with: Connection(role: .server), ended: false)
    let built = try RequestHead(method: "GET", target: "/x", fields: [("host", "a")])
    #expect(reading.items.first == .event(.request(built)))
    let other = try RequestHead(method: "GET", target: "/y", fields: [("host", "a")])
    #expect(reading.items.first != .event(.request(other)))
    #expect(try Fields([("A", "b")]) != Fields([("A", "B")]))
    // Bytes that are no text are compared as they are.
    let values = [0x80, 0x81].map { value in
      read(
        [[UInt8](wire: "GET / HTTP/1.0\nA: ") + [value] + [UInt8](wire: "\n\n")],
        with: Connection(role: .server), ended: false
      ).reading.items
    }
    #expect(values[0] != values[1])
  }
}
