// One end of a connection that is watched at every step: what must be true whatever the peer sends.

import HTTPCore

/// Something that was sent or received; content is joined, so that how it was cut makes no difference.
enum Item: Equatable {
  case event(Event)
  case content([UInt8])
}

/// What one call of ``WatchedEnd/next()`` came to.
enum Outcome {
  case event(Event)
  case needMoreInput
  case paused
  case failed(ProtocolError)
}

/// A connection, what it has received and what it made of that.
struct WatchedEnd {
  var connection: Connection
  private(set) var items: [Item] = []
  private(set) var error: ProtocolError?
  /// Received and not consumed. An allocation of just these bytes, so that AddressSanitizer sees each read past their end.
  private(set) var input: [UInt8] = []
  private(set) var inputEnded = false
  /// How much content the message being read has had so far.
  private var contentCount: UInt64 = 0

  init(_ connection: Connection) {
    self.connection = connection
  }

  mutating func receive(_ bytes: some Collection<UInt8>) {
    input = Array(input + bytes)
  }

  mutating func endInput() {
    inputEnded = true
  }

  /// Takes one step.
  mutating func next() throws(Finding) -> Outcome {
    let before = (peerState: connection.peerState, expectsContent: connection.expectsContent)
    let bytes = input
    let step: Step
    do throws(ProtocolError) {
      step = try connection.step(bytes.span, inputEnded: inputEnded)
    } catch {
      try expectFailed(with: error)
      if before.peerState == .idle { try expectSameWithoutMemory(nil, error) }
      self.error = error
      return .failed(error)
    }
    try expectLegalStates(of: connection)
    switch step {
    case .event(let event, let consumed):
      try expect(0...input.count ~= consumed, "no more is consumed than there is")
      let moved = consumed > 0 || connection.peerState != before.peerState
      try expect(moved || event == .connectionClosed, "each event is progress")
      if case .content = event {
        try expect(before.expectsContent, "content comes only where it is expected")
      }
      try expectValid(event, consumed)
      if before.peerState == .idle { try expectSameWithoutMemory(step, nil) }
      items.note(event, input)
      input = Array(input.dropFirst(consumed))
      return .event(event)
    case .needMoreInput:
      try expect(!inputEnded, "there is nothing to wait for once the input has ended")
      try expectNothingNew(step)
      return .needMoreInput
    case .paused:
      let pauses: [PeerState] = [.done, .mustClose, .closed, .mightSwitch, .switched]
      try expect(pauses.contains(connection.peerState), "no pause inside a message")
      if connection.role == .client, !input.isEmpty, connection.peerState != .switched {
        try expect(!connection.isPersistent, "what is behind a response is never another's")
      }
      try expectNothingNew(step)
      return .paused
    }
  }

  /// A server that has read nothing before finds the same in a request.
  private func expectSameWithoutMemory(_ step: Step?, _ error: ProtocolError?) throws(Finding) {
    guard connection.role == .server else { return }
    var other = Connection(role: .server, limits: connection.limits)
    let found: Step
    do throws(ProtocolError) {
      found = try other.step(input.span, inputEnded: inputEnded)
    } catch let flaw {
      return try expect(flaw == error, "what was read before changes no error")
    }
    try expect(found == step, "what was read before changes nothing")
    try expect(
      other.isPersistent == connection.isPersistent
        && other.declaredLength == connection.declaredLength
        && other.expectsContent == connection.expectsContent
        && other.clientAwaitsContinue == connection.clientAwaitsContinue
        && other.clientExpectsOther == connection.clientExpectsOther,
      "what was read before changes nothing of what follows")
  }

  /// Reads until more input is needed, the peer is done, or nothing can follow.
  mutating func readAll() throws(Finding) {
    while true {
      guard case .event(let event) = try next(), event != .connectionClosed else { return }
    }
  }

  /// Gives the items away: they are the next of `expected`, but for content, which may be cut otherwise.
  mutating func expectItems(again expected: inout ArraySlice<Item>) throws(Finding) {
    defer { items = [] }
    for item in items {
      if case .content = item { continue }
      while case .content? = expected.first { expected.removeFirst() }
      try expect(item == expected.popFirst(), "using memory again changes nothing")
    }
  }

  // MARK: Rules

  private func expectNothingNew(_ step: Step) throws(Finding) {
    var again = connection
    let repeated = try expectNoError("the same input has the same outcome") {
      () throws(ProtocolError) in try again.step(input.span, inputEnded: inputEnded)
    }
    try expect(repeated == step, "without new input there is no new outcome")
    try expect(again == connection, "without new input the state stays")
  }

  private func expectFailed(with error: ProtocolError) throws(Finding) {
    try expect(error.party == .peer, "what is received is the peer's fault: \(error)")
    try expect([400, 414, 431, 501, 505].contains(error.statusHint), "each error has a status")
    try expect(connection.peerState == .failed, "after an error the peer's half has failed")
    try expect(connection.ourState != .failed, "our half is not to blame")
    try expectLegalStates(of: connection)
    for bytes in [input, []] {
      var again = connection
      let repeated = thrown { () throws(ProtocolError) in
        _ = try again.step(bytes.span, inputEnded: inputEnded)
      }
      try expect(repeated == error, "the same error comes again")
      try expect(again == connection, "an error that comes again changes nothing")
    }
  }

  private mutating func expectValid(_ event: Event, _ consumed: Int) throws(Finding) {
    let limits = connection.limits
    switch event {
    case .request(let head):
      try expect(connection.role == .server, "only servers read requests")
      let startLine = head.method.utf8.count + head.target.utf8.count + " HTTP/1.1\r\n ".utf8.count
      try expect(startLine <= limits.startLine, "a start line keeps to its limit")
      try expectValid(head.fields, headOf: consumed)
    case .interimResponse(let head), .response(let head):
      try expect(connection.role == .client, "only clients read responses")
      try expect(100...999 ~= head.status, "a status has three digits")
      if case .response = event { try expect(!head.isInterim, "1xx is interim") }
      try expectValid(head.fields, headOf: consumed)
    case .content(let range):
      try expect(!range.isEmpty, "content is not empty")
      try expect(range.upperBound == consumed, "content ends where the event does")
      let lineLimit = limits.chunkLine + "\r\n".utf8.count
      try expect(0...lineLimit ~= range.lowerBound, "a chunk's line keeps to its limit")
      contentCount += UInt64(range.count)
      let declared = connection.declaredLength ?? .max
      try expect(contentCount <= declared, "there is no more content than declared")
    case .endOfMessage(let trailers):
      try expect(trailers.count <= limits.fieldCount, "trailers keep to the limit on fields")
      let limit = limits.trailers + limits.chunkLine + "\r\n".utf8.count
      try expect(consumed <= limit, "trailers keep to their limit")
      let declared = connection.declaredLength ?? contentCount
      try expect(contentCount == declared, "there is as much content as declared")
    case .connectionClosed:
      try expect(inputEnded && consumed == input.count, "closing is the last event")
    }
  }

  private mutating func expectValid(_ fields: Fields, headOf length: Int) throws(Finding) {
    try expect(length > 0 && length <= connection.limits.head, "a head keeps to its limit")
    try expect(fields.count <= connection.limits.fieldCount, "fields keep to their limit")
    contentCount = 0
  }
}

/// Which states the two halves may be in at the same time.
func expectLegalStates(of connection: Connection) throws(Finding) {
  let (client, server) =
    connection.role == .client
    ? (connection.ourState, connection.peerState) : (connection.peerState, connection.ourState)
  try expect(client != .sendResponse, "a client does not respond")
  try expect(server != .mightSwitch, "a server does not propose a switch")
  try expect(client != .switched || [.switched, .failed].contains(server), "both ends switch")
  let finishes: [PeerState] = [.sendBody, .switched, .failed]
  try expect(server != .switched || finishes.contains(client), "a switch leaves nothing open")
  try expect(client != .idle || server != .sendResponse, "an answer needs a request")
  let mayGoOn = connection.isPersistent || (client != .done && server != .done)
  try expect(mayGoOn, "without persistence a half that is done must close")
}

extension [Item] {
  /// Adds an event, content joined to the content before it.
  mutating func note(_ event: Event, _ input: [UInt8]) {
    if case .content(let range) = event {
      note(content: input[range])
    } else {
      append(.event(event))
    }
  }

  mutating func note(content piece: some Collection<UInt8>) {
    if piece.isEmpty { return }
    guard case .content(var bytes)? = last else { return append(.content(Array<UInt8>(piece))) }
    removeLast()
    bytes += piece
    append(.content(bytes))
  }

  /// Whether these are the first of `others`; the last content may be cut short.
  ///
  /// - Parameter matches: Whether an event is what became of another.
  func areFirst(of others: [Item], _ matches: (Event, Event) -> Bool = { $0 == $1 }) -> Bool {
    guard count <= others.count else { return false }
    return indices.allSatisfy { index in
      switch (self[index], others[index]) {
      case (.event(let event), .event(let other)): matches(event, other)
      case (.content(let bytes), .content(let other)):
        index == count - 1 ? other.starts(with: bytes) : bytes == other
      default: false
      }
    }
  }
}
