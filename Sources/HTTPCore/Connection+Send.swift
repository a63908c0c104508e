// What we send. Nothing that `step` would refuse on the other end can be written here, but for two things: limits, which
// each end sets for itself, and a server's answer before a request, such as 408, which a client may not expect.

extension Connection {
  /// Checks an event and appends its bytes to `output`.
  ///
  /// A response's framing is chosen here where the head leaves it open: chunked for a client of HTTP/1.1, until
  /// the connection closes for an older one. `Connection: close`, or `keep-alive` for a client of HTTP/1.0, is
  /// added as needed.
  ///
  /// - Parameters:
  ///   - event: What to send.
  ///   - output: Bytes to write to the peer, in order. Nothing is appended if this throws.
  /// - Throws: ``ProtocolError`` with `party == .us` if the event may not be sent now, or not like this. Our half
  ///   then stays failed.
  ///
  /// RFC 9112 sections 6 and 9.
  public mutating func send(
    _ event: OutgoingEvent, into output: inout [UInt8]
  ) throws(ProtocolError) {
    guard ourState != .failed else { throw ProtocolError(.sendingFailed, by: .us) }
    let written = output.count
    do throws(ProtocolError) {
      try write(event, into: &output)
    } catch {
      output.removeSubrange(written...)
      lifecycle.fail(role)
      throw error
    }
  }

  private mutating func write(
    _ event: OutgoingEvent, into output: inout [UInt8]
  ) throws(ProtocolError) {
    switch event {
    case .request(let head):
      try begin(head)
      Encoder.write(head, into: &output)
    case .interimResponse(let head):
      guard head.isInterim else { throw ProtocolError(.invalidStatus, by: .us) }
      try respond(head, into: &output)
    case .response(let head):
      // A response that was read may have any three digits, and RFC 9110 section 15 has no class above 5xx.
      guard 200...599 ~= head.status else { throw ProtocolError(.invalidStatus, by: .us) }
      try respond(head, into: &output)
    case .content(let bytes):
      try lifecycle.apply(.content, by: role, blame: .us)
      try outgoing.write(bytes, into: &output)
      if !bytes.isEmpty { clientAwaitsContinue = false }
    case .contentFollows(let count):
      try lifecycle.apply(.content, by: role, blame: .us)
      try outgoing.announce(count, into: &output)
      if count > 0 { clientAwaitsContinue = false }
    case .endOfMessage(let trailers):
      try lifecycle.apply(.endOfMessage, by: role, blame: .us)
      try outgoing.writeEnd(trailers: trailers, into: &output)
      clientAwaitsContinue = false
    case .connectionClosed:
      try lifecycle.apply(.connectionClosed, by: role, blame: .us)
    }
  }

  private mutating func begin(_ head: RequestHead) throws(ProtocolError) {
    guard role == .client else { throw ProtocolError(.wrongRole(.requestHead), by: .us) }
    let facts = ProtocolFields(head.fields)
    // Whatever version it was read with: what is sent on is a request of HTTP/1.1.
    let framing = try Self.check(facts, .http11, blame: .us)
    // RFC 9112 section 6.1: a server that is not known yet is the caller's to judge.
    if framing == .chunked, let peerVersion, peerVersion < .http11 {
      throw ProtocolError(.transferEncodingBeforeHTTP11, by: .us)
    }
    try lifecycle.apply(.requestHead, by: .client, blame: .us)
    begin(head.kind, .http11, facts, framing)
    outgoing = BodyEncoder(framing)
  }

  private mutating func respond(
    _ head: ResponseHead, into output: inout [UInt8]
  ) throws(ProtocolError) {
    let kind = kind(ofResponse: head.status)
    guard role == .server else { throw ProtocolError(.wrongRole(kind), by: .us) }
    if kind == .switchAccepted, !wasProposed(by: head.status) {
      throw ProtocolError(.switchWithoutProposal, by: .us)
    }
    let facts = head.facts
    if head.status == 101, !facts.hasUpgrade { throw ProtocolError(.missingUpgrade, by: .us) }
    // RFC 9110 section 8.6 and RFC 9112 section 6.1: no framing where there can be no content.
    let framesContent =
      facts.contentLength != nil || facts.contentLengthFlaw != nil
      || facts.transferEncoding != .absent
    if framesContent, kind != .finalResponseHead || head.status == 204 {
      throw ProtocolError(.contentNotAllowed, by: .us)
    }
    // RFC 9110 section 15.3.6: a length of zero is how a 205 says that it has none.
    if head.status == 205, facts.transferEncoding != .absent || facts.contentLength ?? 0 > 0 {
      throw ProtocolError(.contentNotAllowed, by: .us)
    }
    if kind == .finalResponseHead {
      try writeFinal(head, facts, into: &output)
    } else {
      try lifecycle.apply(kind, by: .server, blame: .us)
      if kind == .interimResponseHead, exchange.version < .http11 {
        throw ProtocolError(.interimBeforeHTTP11, by: .us)
      }
      if answersExpectation(kind, head.status) { clientAwaitsContinue = false }
      Encoder.write(head, adding: .none, persistence: .unsaid, into: &output)
    }
  }

  private mutating func writeFinal(
    _ head: ResponseHead, _ facts: ProtocolFields, into output: inout [UInt8]
  ) throws(ProtocolError) {
    let framing = try chosenFraming(head, facts)
    // An answer to something that was no request, or that came before the request's end was understood, is the last.
    let answersRequest = ourState == .sendResponse && peerState != .failed
    try lifecycle.apply(.finalResponseHead, by: .server, blame: .us)
    if facts.close || framing == .untilClose || !answersRequest { lifecycle.stopPersisting() }
    clientAwaitsContinue = false
    outgoing =
      exchange.kind == .head ? .dropped : BodyEncoder(head.status == 205 ? .none : framing)
    let isOpen = facts.transferEncoding == .absent && facts.contentLength == nil
    Encoder.write(
      head, adding: isOpen ? framing : .none,
      persistence: Self.persistence(lifecycle, exchange.version), into: &output)
  }

  /// What a response must say about the connection's future to a client of this version.
  static func persistence(
    _ lifecycle: Lifecycle, _ version: Version
  ) -> Encoder.PersistenceOption {
    !lifecycle.persistent ? .close : version < .http11 ? .keepAlive : .unsaid
  }

  /// The framing of a response: what its fields say, or the best that its client understands.
  private func chosenFraming(
    _ head: ResponseHead, _ facts: ProtocolFields
  ) throws(ProtocolError) -> BodyFraming {
    let framing = try BodyFraming.ofResponse(
      facts, status: head.status, version: exchange.version, request: exchange.kind, blame: .us)
    guard framing == .untilClose else { return framing }
    return head.status == 205 ? .sized(0) : exchange.version >= .http11 ? .chunked : .untilClose
  }
}
