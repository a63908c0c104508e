// Two ends talk: what one sends without error the other accepts as what it was; what may not be sent is not written.

import HTTPCore

/// The bytes are a series of steps; see ``Conversation/takeStep(_:)``.
func checkConversation(_ input: [UInt8]) throws(Finding) {
  var choices = Choices(input)
  var conversation = Conversation()
  while !choices.isUsedUp { try conversation.takeStep(&choices) }
  try conversation.deliverAll()
  try conversation.expectAgreement()
}

/// One end, and what became of what it sent.
private struct Speaker {
  var end: WatchedEnd
  /// Everything that it sent, in order.
  var said: [Item] = []
  /// What it wrote and the other end has not received yet.
  var inFlight: [UInt8] = []
  var hasClosed = false
  /// How many exchanges it has gone on from.
  var exchange = 0

  init(_ role: Role) {
    end = WatchedEnd(Connection(role: role))
  }
}

private struct Conversation {
  private var client = Speaker(.client)
  private var server = Speaker(.server)
  /// The request that the server answers.
  private var request: RequestHead?
  /// Whether the exchange's request was made HTTP/1.0 on its way, as an old proxy would.
  private var isDowngraded = false

  private subscript(role: Role) -> Speaker {
    get { role == .client ? client : server }
    set { if role == .client { client = newValue } else { server = newValue } }
  }

  /// The low half of a byte says what to do; its upper bits vary it, bit 7 by having the wrong end do it.
  mutating func takeStep(_ choices: inout Choices) throws(Finding) {
    let choice = choices.next()
    let isVaried = choice & 0x40 != 0
    let swapped = choice & 0x80 != 0
    let (client, server) = swapped ? (Role.server, Role.client) : (.client, .server)
    switch choice & 15 {
    case 0, 1: try sendRequest(from: client, &choices, downgraded: isVaried)
    case 2: try sendContent(from: client, &choices)
    case 3: try sendContentThatFollows(from: client, &choices)
    case 4: try sendEnd(from: client, &choices, withTrailers: isVaried)
    case 5: try send(.connectionClosed, from: client)
    case 6, 7: try sendResponse(from: server, &choices)
    case 8: try sendContent(from: server, &choices)
    case 9: try sendContentThatFollows(from: server, &choices)
    case 10: try sendEnd(from: server, &choices, withTrailers: isVaried)
    case 11: try send(.connectionClosed, from: server)
    case 12: try deliver(choices.next(), from: client)
    case 13: try deliver(choices.next(), from: server)
    case 14:
      try deliverAll()
      try expectAgreement()
    default:
      try startNextExchange(of: server)
      try startNextExchange(of: client)
    }
  }

  // MARK: What is sent

  private mutating func sendRequest(
    from role: Role, _ choices: inout Choices, downgraded: Bool
  ) throws(Finding) {
    let method = choices.next(of: ["GET", "HEAD", "POST", "CONNECT", "OPTIONS", "PUT", "head"])
    let targets = ["/", "/a?b=c", "*", "a:80", "http://a.example:80/b", "[::1]:443", "/%00"]
    let target = choices.next(of: targets)
    let fields = try makeFields(&choices, [("Host", "a")])
    guard
      let head = try make({ () throws(ProtocolError) in
        try RequestHead(method: method, target: target, fields: fields)
      })
    else { return }
    let position = client.inFlight.count
    guard try send(.request(head), from: role) else { return }
    // HTTP/1.0 knows no chunks; the server would be right to refuse them.
    isDowngraded = downgraded && !head.fields.contains("Transfer-Encoding")
    guard isDowngraded, let lineEnd = client.inFlight[position...].firstIndex(of: 13) else {
      return
    }
    client.inFlight[lineEnd - 1] = UInt8(ascii: "0")
  }

  private mutating func sendResponse(from role: Role, _ choices: inout Choices) throws(Finding) {
    let choice = choices.next()
    let statuses = [200, 204, 304, 100, 103, 101, 404, 299]
    let status = choice < 128 ? statuses[choice & 7] : choice * 3
    let reason = choices.next(of: ["", "OK", "Not Found"])
    let fields = try makeFields(&choices, [])
    guard
      let head = try make({ () throws(ProtocolError) in
        try ResponseHead(status: status, reason: reason, fields: fields)
      })
    else { return }
    // Bit 6: an interim response sent as a final one, or the reverse.
    let isInterim = head.isInterim != (choice & 0x40 != 0)
    try send(isInterim ? .interimResponse(head) : .response(head), from: role)
  }

  private mutating func sendContent(from role: Role, _ choices: inout Choices) throws(Finding) {
    try send(.content(Self.content(choices.next())), from: role)
  }

  /// Content that the caller puts behind the output itself.
  private mutating func sendContentThatFollows(
    from role: Role, _ choices: inout Choices
  ) throws(Finding) {
    let choice = choices.next()
    if choice == 255 { return try announceTheMost(from: role) }
    let content = Self.content(choice)
    try send(.contentFollows(count: content.count), followedBy: content, from: role)
  }

  private mutating func sendEnd(
    from role: Role, _ choices: inout Choices, withTrailers: Bool
  ) throws(Finding) {
    let trailers = withTrailers ? try makeFields(&choices, []) : Fields()
    try send(.endOfMessage(trailers: trailers), from: role)
  }

  private static func content(_ choice: Int) -> [UInt8] {
    let count = choice < 128 ? choice & 15 : choice
    return (0..<count).map { UInt8(truncatingIfNeeded: $0 &* choice) }
  }

  private func makeFields(
    _ choices: inout Choices, _ first: [(String, String)]
  ) throws(Finding) -> Fields {
    let names = [
      "X", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Host",
      "content-type", "TE", "Keep-Alive", "Trailer", "Cookie",
    ]
    let values = [
      "5", "0", "chunked", "close", "upgrade", "100-continue", "12", "keep-alive", "a, Close",
      "gzip, chunked", "", "b:8080", "upgrade, keep-alive, x",
    ]
    let choice = choices.next()
    let fields = choice & 0x40 == 0 ? first : []
    guard var fields = try make({ () throws(ProtocolError) in try Fields(fields) }) else {
      return Fields()
    }
    for _ in 0..<(choice & 7) {
      let (name, value) = (choices.next(of: names), choices.next(of: values))
      let before = fields
      let error = thrown { () throws(ProtocolError) in try fields.append(name, value) }
      if let error {
        try expect(error.party == .us, "what is made is our fault")
        try expect(fields == before, "a field that is refused changes nothing")
      } else {
        try expect(fields.values(of: name).last == value, "a field has the value that it was given")
      }
    }
    return fields
  }

  /// Makes a value, or nothing if its parts are not valid.
  private func make<Value>(_ body: () throws(ProtocolError) -> Value) throws(Finding) -> Value? {
    do throws(ProtocolError) {
      return try body()
    } catch {
      try expect(error.party == .us, "what is made is our fault")
      return nil
    }
  }

  // MARK: Sending

  /// Sends if that is allowed; if not, it was tried on a copy, and the conversation goes on without it.
  @discardableResult
  private mutating func send(
    _ event: OutgoingEvent, followedBy bytes: [UInt8] = [], from role: Role
  ) throws(Finding) -> Bool {
    if isRace(event, from: role) { return false }
    let before = Array("before".utf8)
    var output = before
    var copy = self[role].end.connection
    do throws(ProtocolError) {
      try copy.send(event, into: &output)
    } catch {
      try expect(error.party == .us, "what is sent is our fault")
      try expect(output == before, "what may not be sent is not written")
      try expectFailed(copy)
      return false
    }
    try expect(output.starts(with: before), "output is appended")
    try expectLegalStates(of: copy)
    self[role].end.connection = copy
    self[role].inFlight += output.dropFirst(before.count) + bytes
    note(event, followedBy: bytes, from: role)
    // Whoever closes tells the other at once here: that it could not know yet is a race.
    if event == .connectionClosed { try deliver(.max, from: role) }
    return true
  }

  private mutating func note(
    _ event: OutgoingEvent, followedBy bytes: [UInt8], from role: Role
  ) {
    let answersHead = role == .server && request?.hasMethod("HEAD") ?? false
    switch event {
    case .request(let head): self[role].said.append(.event(.request(head)))
    case .interimResponse(let head): self[role].said.append(.event(.interimResponse(head)))
    case .response(let head): self[role].said.append(.event(.response(head)))
    case .content(let bytes): if !answersHead { self[role].said.note(content: bytes) }
    case .contentFollows: self[role].said.note(content: bytes)
    case .endOfMessage(let trailers):
      self[role].said.append(.event(.endOfMessage(trailers: answersHead ? Fields() : trailers)))
    case .connectionClosed:
      // Closing twice is allowed, and says nothing new.
      if !self[role].hasClosed { self[role].said.append(.event(.connectionClosed)) }
      self[role].hasClosed = true
    }
  }

  private func expectFailed(_ connection: Connection) throws(Finding) {
    var connection = connection
    try expect(connection.ourState == .failed, "after an error our half has failed")
    try expectLegalStates(of: connection)
    let copy = connection
    var output: [UInt8] = []
    for event in [OutgoingEvent.connectionClosed, .content([]), .endOfMessage()] {
      let error = thrown { () throws(ProtocolError) in
        try connection.send(event, into: &output)
      }
      try expect(error == ProtocolError(.sendingFailed, by: .us), "a half that failed says so")
    }
    try expect(output.isEmpty && connection == copy, "a half that failed stays as it was")
  }

  /// Whether one end may do what the other, not knowing it yet, need not expect: HTTP/1.1 itself leaves that open.
  private func isRace(_ event: OutgoingEvent, from role: Role) -> Bool {
    guard role == .server else { return false }
    let isIdle = server.end.connection.ourState == .idle
    switch event {
    // Such as 408: a request may be under way, for which the client would take it.
    case .response: return isIdle
    case .connectionClosed:
      return client.exchange != server.exchange
        || (isIdle && client.end.connection.ourState != .idle)
    default: return false
    }
  }

  /// The largest chunk that can be announced has a line that can be read, once what came before it was.
  private func announceTheMost(from role: Role) throws(Finding) {
    guard self[role].inFlight.isEmpty, client.exchange == server.exchange else { return }
    var sender = self[role].end.connection
    var receiver = self[role.peer].end
    var output: [UInt8] = []
    do throws(ProtocolError) {
      try sender.send(.contentFollows(count: .max), into: &output)
    } catch {
      return try expectFailed(sender)
    }
    receiver.receive(output + [1])
    guard case .event(.content) = try receiver.next() else {
      return try expect(false, "a chunk of any size can be read")
    }
  }

  // MARK: Delivery

  private mutating func deliver(_ count: Int, from role: Role) throws(Finding) {
    let bytes = self[role].inFlight.prefix(count)
    self[role].inFlight = Array(self[role].inFlight.dropFirst(count))
    self[role.peer].end.receive(bytes)
    if self[role].inFlight.isEmpty, self[role].hasClosed { self[role.peer].end.endInput() }
    try read(by: role.peer)

    var heard = self[role.peer].end.items
    if isEndImplied(of: role) { heard.removeLast() }
    try expect(
      heard.areFirst(of: self[role].said) { isHeard($0, of: $1) },
      "what is received is what was sent: \(heard) of \(self[role].said)")
  }

  /// Whether the receiver knows already that the message has ended, as its length is reached, and the sender has not said so.
  private func isEndImplied(of role: Role) -> Bool {
    let heard = self[role.peer].end.items
    guard case .event(.endOfMessage)? = heard.last else { return false }
    return heard.count == self[role].said.count + 1
      && self[role].end.connection.ourState == .sendBody
  }

  private mutating func read(by role: Role) throws(Finding) {
    while self[role].end.items.last != .event(.connectionClosed) {
      switch try self[role].end.next() {
      case .event(.request(let head)): request = head
      case .event: break
      case .needMoreInput, .paused: return
      case .failed(let error): try expect(false, "what can be sent can be received, but: \(error)")
      }
    }
  }

  private func isHeard(_ event: Event, of said: Event) -> Bool {
    if case .request(let head) = event, case .request(let sent) = said, head.version < .http11 {
      return head.method == sent.method && head.target == sent.target && head.fields == sent.fields
    }
    return event.isReceived(of: said)
  }

  mutating func deliverAll() throws(Finding) {
    try deliver(.max, from: .client)
    try deliver(.max, from: .server)
  }

  private mutating func startNextExchange(of role: Role) throws(Finding) {
    var copy = self[role].end.connection
    let isDone = copy.ourState == .done && copy.peerState == .done
    do throws(ProtocolError) {
      try copy.startNextExchange()
    } catch {
      try expect(!isDone && error.party == .us, "an exchange that is done leads to the next")
      try expect(copy == self[role].end.connection, "an exchange goes on as if nothing was asked")
      return
    }
    try expect(isDone, "an exchange is done before the next")
    self[role].end.connection = copy
    self[role].exchange += 1
    if role == .server { request = nil }
    try read(by: role)
  }

  // MARK: Agreement

  /// Once everything was delivered, both ends know the same; unless one of them is ahead.
  func expectAgreement() throws(Finding) {
    if client.exchange != server.exchange { return }
    if isEndImplied(of: .client) || isEndImplied(of: .server) { return }
    let (one, other) = (client.end.connection, server.end.connection)
    for role in [Role.client, .server] {
      let (said, heard) = (self[role].said, self[role.peer].end.items)
      // The CR LF behind a chunk is taken together with what follows it.
      let (left, state) = (self[role.peer].end.input, self[role.peer].end.connection.peerState)
      let isLineEnd = state == .sendBody && left == Array("\r\n".utf8)
      try expect(left.isEmpty || isLineEnd, "each byte belongs to an event, but not \(left)")
      // The end of content without a length is known only when the connection closes.
      let isLate = isDowngraded && role == .server && heard.count == said.count - 1
      try expect(heard.count == said.count || isLate, "everything that was sent is received")
    }
    // An old client is answered in ways that the new one behind it does not expect.
    if isDowngraded { return }
    try expect(one.ourState == other.peerState, "both ends know the client's state")
    try expect(one.peerState == other.ourState, "both ends know the server's state")
    try expect(one.isPersistent == other.isPersistent, "both ends know whether this is the last")
    try expect(
      one.clientAwaitsContinue == other.clientAwaitsContinue,
      "both ends know whether the client waits")
  }
}
