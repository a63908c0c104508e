// The machine: bytes in, events out; events in, bytes out. It does no I/O and knows no time.
//
// This file holds what a conversation is and reads what the peer sends; Connection+Send.swift writes what we
// send, and Connection+Meaning.swift has what heads mean to both. The order inside each is: check, then change. Whatever throws leaves that half failed for good.

/// One end of an HTTP/1.1 connection, as a value: copy it to fork a conversation, compare it in a test.
///
/// ```swift
/// var server = Connection(role: .server)
/// while true {
///   switch try server.step(input.span, inputEnded: ended) {
///   case .event(let event, let consumed): …      // act on the event, then drop `consumed` bytes
///   case .needMoreInput: …                       // receive more
///   case .paused: try server.startNextExchange() // or close
///   }
/// }
/// ```
public struct Connection: Equatable, Sendable {
  /// The end that this value plays.
  public let role: Role
  /// What the peer may send.
  public let limits: Limits

  @usableFromInline var lifecycle = Lifecycle()
  /// What the exchange's request said; meaningful once there is one.
  @usableFromInline var exchange = Exchange()
  /// The head being read, or the next to be read; the trailers, behind chunked content.
  private var incomingHead: HeadParser
  /// The body being read while the peer's state is `sendBody`. Beside `incomingHead` and not with it in an enum,
  /// because what is inside an enum cannot be changed in place, and copying a parser on each call costs as much as
  /// parsing a small head.
  private var incomingBody = BodyDecoder(.none)
  var outgoing = BodyEncoder.none
  private var failure: ProtocolError?
  @usableFromInline var lastHead = LastHead()

  /// Starts a conversation.
  public init(role: Role, limits: Limits = Limits()) {
    self.role = role
    self.limits = limits.bounded
    incomingHead = HeadParser(Self.headKind(from: role.peer))
  }

  // Inlinable, as a call from another module would be given a copy of all that is here.

  /// The state of our half.
  @inlinable public var ourState: PeerState { lifecycle[role] }
  /// The state of the peer's half.
  @inlinable public var peerState: PeerState { lifecycle[role.peer] }
  /// The version of the last message that the peer sent; `nil` before the first.
  public private(set) var peerVersion: Version?
  /// Whether the connection may carry another exchange after this one, as far as is known.
  public var isPersistent: Bool { lifecycle.persistent }
  /// Whether the client waits for `100 Continue` before it sends content (RFC 9110 section 10.1.1).
  public internal(set) var clientAwaitsContinue = false
  /// Whether the client expects something else, which a server may answer with 417.
  public private(set) var clientExpectsOther = false
  /// How much content the message coming in declared; `nil` if it did not, or has none. In bytes.
  public private(set) var declaredLength: UInt64?
  /// Whether the message coming in still has content to come, as far as is known.
  public var expectsContent: Bool {
    peerState == .sendBody && incomingBody.expectsContent
  }

  /// Whether the request being answered is HEAD.
  @inlinable package var isAnsweringHead: Bool { exchange.kind == .head }
  /// Whether the request being answered is CONNECT.
  @inlinable package var isAnsweringConnect: Bool { exchange.kind == .connect }

  /// What was made of a head's fields alone is good for the next head while this number is the same. Once reading has failed
  /// it means nothing.
  @inlinable package var fieldChanges: Int { lastHead.changes }

  /// Whether the message being sent may end with trailers.
  package var sendsTrailers: Bool { outgoing.isChunked }

  /// What of a request its response depends on.
  @usableFromInline struct Exchange: Equatable, Sendable {
    @usableFromInline var kind = RequestKind.ordinary
    /// 1.0 until more is known: RFC 9112 section 6.1 has chunks for those only who are known to read them.
    var version = Version.http10
  }

  /// Reads the next event from bytes the peer sent.
  ///
  /// How the bytes were split makes no difference. Drop `consumed` bytes, then call again with the rest.
  ///
  /// The span of a property beside the connection cannot be lent: see <doc:HTTPCore#Input-that-is-a-property>.
  ///
  /// - Parameters:
  ///   - input: Bytes received and not yet consumed, oldest first. Borrowed for the call only.
  ///   - inputEnded: Whether the peer has closed its half, so that nothing will follow `input`.
  /// - Returns: One event and how many bytes it took, or that more bytes are needed, or that the peer is done.
  /// - Throws: ``ProtocolError`` with `party == .peer`. The peer's half then stays failed and each further call
  ///   throws the same error; a server may still send a response that says so.
  /// - Complexity: O(*n*) in bytes not yet looked at; but each call reads a chunk's line from its start until it is
  ///   complete, at most ``Limits/chunkLine`` bytes.
  ///
  /// RFC 9112 sections 2.2, 6.3 and 9.3.
  public mutating func step(
    _ input: Span<UInt8>, inputEnded: Bool = false
  ) throws(ProtocolError) -> Step {
    if let failure { throw failure }
    do throws(ProtocolError) {
      return try nextStep(input, inputEnded: inputEnded)
    } catch {
      failReading(input, error)
      throw error
    }
  }

  /// Reads the next request's head, as ``step(_:inputEnded:)`` would, without an event around it: moving one costs a third
  /// of reading a small head.
  ///
  /// - Returns: The head, to be dropped from the input (``RequestHead/length``); `nil` if more bytes are needed or, as
  ///   ``peerState`` then says, the client has closed its half.
  /// - Throws: As ``step(_:inputEnded:)`` does.
  package mutating func readRequest(
    _ input: Span<UInt8>, inputEnded: Bool
  ) throws(ProtocolError) -> RequestHead? {
    precondition(role == .server, "servers read requests")
    assert(peerState == .idle || peerState == .failed, "a request comes next")
    if let failure { throw failure }
    do throws(ProtocolError) {
      guard let length = try readHead(input, inputEnded: inputEnded) else { return nil }
      return try takeRequest(input.extracting(first: length))
    } catch {
      failReading(input, error)
      throw error
    }
  }

  /// The peer's half has failed.
  private mutating func failReading(_ input: Span<UInt8>, _ error: ProtocolError) {
    failure = error
    noteRequestLine(input)
    // How much had come by then makes no difference any more.
    incomingHead = HeadParser(Self.headKind(from: role.peer))
    incomingBody = BodyDecoder(.none)
    lastHead = LastHead()
    lifecycle.fail(role.peer)
  }

  /// Moves past the end of a message that has no content, as the next call of ``step(_:inputEnded:)`` would.
  ///
  /// - Returns: Whether the message has none.
  package mutating func endEmptyMessage() -> Bool {
    guard peerState == .sendBody, !incomingBody.expectsContent else { return false }
    do throws(ProtocolError) {
      try lifecycle.apply(.endOfMessage, by: role.peer, blame: .peer)
    } catch {
      preconditionFailure("a message has an end: \(error)")
    }
    return true
  }

  /// Goes on to the next exchange on this connection.
  ///
  /// A connection keeps the last head that it has read: if nobody else has it by then, the next one is stored in its place, and
  /// if that has the same fields, byte for byte, they are not taken apart again. Whoever has kept a head keeps it unchanged.
  ///
  /// - Throws: ``ProtocolError`` with `party == .us` unless both halves are done and the connection persists.
  public mutating func startNextExchange() throws(ProtocolError) {
    try lifecycle.startNextExchange()
    exchange = Exchange()
    outgoing = .none
    clientAwaitsContinue = false
    clientExpectsOther = false
    declaredLength = nil
  }

  /// Tells the machine that what it wrote could not be sent: our half has failed.
  public mutating func sendFailed() {
    lifecycle.fail(role)
  }

  // MARK: Reading

  private static func headKind(from sender: Role) -> HeadParser.Kind {
    sender == .client ? .request : .response
  }

  // These are inlined because steps are large: what is returned from one to the next is copied each time.

  @inline(__always)
  private mutating func nextStep(
    _ input: Span<UInt8>, inputEnded: Bool
  ) throws(ProtocolError) -> Step {
    switch peerState {
    case .sendBody: return try stepInBody(input, inputEnded: inputEnded)
    case .idle, .sendResponse, .failed: return try stepInHead(input, inputEnded: inputEnded)
    case .done, .mustClose, .closed:
      if inputEnded, input.isEmpty {
        try lifecycle.apply(.connectionClosed, by: role.peer, blame: .peer)
        return .event(.connectionClosed, consumed: 0)
      }
      distrust(bytesBehindResponse: input.count)
      return .paused
    case .mightSwitch, .switched: return .paused
    }
  }

  /// Makes this exchange a client's last if there are bytes behind its response: nobody has asked for them, and they
  /// would be taken for the next one (RFC 9112 section 6.3, last paragraph).
  private mutating func distrust(bytesBehindResponse count: Int) {
    if role == .client, count > 0 { lifecycle.stopPersisting() }
  }

  @inline(__always)
  private mutating func stepInHead(
    _ input: Span<UInt8>, inputEnded: Bool
  ) throws(ProtocolError) -> Step {
    if role == .client, peerState == .idle, !input.isEmpty {
      throw ProtocolError(.responseWithoutRequest, by: .peer)
    }
    guard let length = try readHead(input, inputEnded: inputEnded) else {
      let isClosed = peerState == .closed
      return isClosed ? .event(.connectionClosed, consumed: input.count) : .needMoreInput
    }
    let head = input.extracting(first: length)
    return role == .server
      ? .event(.request(try takeRequest(head)), consumed: length) : try takeResponse(head)
  }

  /// Reads on in a head.
  ///
  /// - Returns: Its length; `nil` if it is not complete, or the peer has closed its half instead of beginning one.
  @inline(__always)
  private mutating func readHead(
    _ input: Span<UInt8>, inputEnded: Bool
  ) throws(ProtocolError) -> Int? {
    if let length = try incomingHead.parseHead(input, limits: limits, after: &lastHead) {
      return length
    }
    noteRequestLine(input)
    guard inputEnded else { return nil }
    let isClean = peerState == .idle && (input.isEmpty || incomingHead.hasOnlySkippedLine(input))
    guard isClean else { throw ProtocolError(.closedInsideMessage, by: .peer) }
    try lifecycle.apply(.connectionClosed, by: role.peer, blame: .peer)
    return nil
  }

  @inline(__always)
  private mutating func stepInBody(
    _ input: Span<UInt8>, inputEnded: Bool
  ) throws(ProtocolError) -> Step {
    let found = try incomingBody.step(
      input, inputEnded: inputEnded, trailersWith: &incomingHead, limits: limits)
    switch found {
    case .nothing:
      return .needMoreInput
    case .content(let range):
      clientAwaitsContinue = false
      return .event(.content(range), consumed: range.upperBound)
    case .end(let trailers):
      try lifecycle.apply(.endOfMessage, by: role.peer, blame: .peer)
      clientAwaitsContinue = false
      incomingBody = BodyDecoder(.none)
      distrust(bytesBehindResponse: input.count - trailers.upperBound)
      return .event(
        .endOfMessage(trailers: takeTrailers(input.extracting(trailers))),
        consumed: trailers.upperBound)
    }
  }

  /// The fields of a trailer section that has been read, which may be empty.
  private mutating func takeTrailers(_ bytes: Span<UInt8>) -> Fields {
    if bytes.isEmpty { return Fields() }
    let lines = incomingHead.takeLines()
    incomingHead.startOver(Self.headKind(from: role.peer))
    return lines.isEmpty ? Fields() : Fields(storage: Array(copying: bytes), lines: lines)
  }

  /// Notes what a request line that is complete says about the response, should the rest of its head never be accepted:
  /// what refuses it has no content for HEAD, and chunks for HTTP/1.1 only.
  private mutating func noteRequestLine(_ input: Span<UInt8>) {
    guard exchange == Exchange(),
      case .request(let method, _, let version) = incomingHead.startLine
    else { return }
    exchange = Exchange(kind: RequestKind(input, method: method.range), version: version)
  }

  /// Acts on a request's head that is complete.
  @inline(__always)
  private mutating func takeRequest(_ head: Span<UInt8>) throws(ProtocolError) -> RequestHead {
    guard case .request(let method, let target, let version) = incomingHead.startLine else {
      preconditionFailure("a request is complete only after its request line")
    }
    let facts = incomingFacts(head)
    let lines = incomingHead.takeLines()
    // Before anything is refused: the refusal too has no content for HEAD, and no chunks for HTTP/1.0.
    exchange = Exchange(kind: RequestKind(head, method: method.range), version: version)
    try receiveRequest(facts, version)
    return RequestHead(
      method: method, target: target, version: version, fields: lastHead.keep(head, lines, facts))
  }

  /// What the fields of a head that is complete say about the protocol.
  @inline(__always)
  private func incomingFacts(_ head: Span<UInt8>) -> ProtocolFields {
    lastHead.facts ?? ProtocolFields(head, incomingHead.lines)
  }

  /// Acts on a response's head that is complete.
  @inline(__always)
  private mutating func takeResponse(_ head: Span<UInt8>) throws(ProtocolError) -> Step {
    guard case .response(let status, let reason, let version) = incomingHead.startLine else {
      preconditionFailure("a response is complete only after its status line")
    }
    let facts = incomingFacts(head)
    let lines = incomingHead.takeLines()
    let kind = try receiveResponse(facts, status, version)
    let response = ResponseHead(
      status: status, reason: reason, version: version, fields: lastHead.keep(head, lines, facts),
      facts: facts)
    let isFinal = kind == .finalResponseHead || kind == .switchAccepted && !response.isInterim
    let event: Event = isFinal ? .response(response) : .interimResponse(response)
    return .event(event, consumed: head.count)
  }

  private mutating func receiveRequest(
    _ facts: ProtocolFields, _ version: Version
  ) throws(ProtocolError) {
    let framing = try Self.check(facts, version, blame: .peer)
    try lifecycle.apply(.requestHead, by: .client, blame: .peer)
    begin(exchange.kind, version, facts, framing)
    clientExpectsOther = facts.expectsOther && version >= .http11
    peerVersion = version
    incomingBody = BodyDecoder(framing)
    declaredLength = framing.length
  }

  /// - Returns: What the head means to the state machine.
  private mutating func receiveResponse(
    _ facts: ProtocolFields, _ status: Int, _ version: Version
  ) throws(ProtocolError) -> EventKind {
    let kind = kind(ofResponse: status)
    if kind == .switchAccepted, !wasProposed(by: status) {
      throw ProtocolError(.switchWithoutProposal, by: .peer)
    }
    var framing = BodyFraming.none
    if kind == .finalResponseHead {
      framing = try BodyFraming.ofResponse(
        facts, status: status, version: version, request: exchange.kind, blame: .peer)
    }
    try lifecycle.apply(kind, by: .server, blame: .peer)
    peerVersion = version
    if answersExpectation(kind, status) { clientAwaitsContinue = false }
    guard kind == .finalResponseHead else { return kind }
    let persists = Persistence.isOffered(by: facts, version: version)
    if !persists || framing == .untilClose { lifecycle.stopPersisting() }
    incomingBody = BodyDecoder(framing)
    declaredLength = framing.length
    return kind
  }
}
