// A response that is known as a whole, which most are: its head, content and end are checked and written at once.

extension Connection {
  /// Checks a final response with all of its content and appends its bytes to `output`.
  ///
  /// It takes half the time of sending head, content and end one by one, and gives the same bytes but for two things:
  /// a head that leaves the framing open gets a `Content-Length`, except with 204 and 304, and if this throws nothing has
  /// changed, so that another response may be sent. To HEAD the content is not written, but its length is.
  ///
  /// - Parameters:
  ///   - head: Its fields need not say the length; if they do, it must be the content's. Chunks are not for what is whole.
  ///   - content: The bytes that follow it.
  ///   - follows: Whether the caller itself is to write the content right after this output, without a copy here.
  ///   - output: Bytes to write to the peer, in order. Nothing is appended if this throws.
  /// - Returns: Whether the caller is to write the content now: not if it is in the output, nor in answer to HEAD.
  /// - Throws: ``ProtocolError`` with `party == .us` if a response may not be sent now, or not like this.
  ///
  /// RFC 9112 sections 6 and 9.
  @discardableResult
  public mutating func send(
    whole head: ResponseHead, content: Span<UInt8>, follows: Bool = false,
    into output: inout [UInt8]
  ) throws(ProtocolError) -> Bool {
    guard ourState != .failed else { throw ProtocolError(.sendingFailed, by: .us) }
    guard role == .server else { throw ProtocolError(.wrongRole(.finalResponseHead), by: .us) }
    guard kind(ofResponse: head.status) == .finalResponseHead, head.status <= 599 else {
      throw ProtocolError(.invalidStatus, by: .us)
    }
    // RFC 9110 section 15.3.6: the length of a 205 is zero.
    if head.status == 205, content.count > 0 || head.facts.contentLength ?? 0 > 0 {
      throw ProtocolError(.contentNotAllowed, by: .us)
    }
    let addedLength = try Self.lengthToAdd(to: head, contentLength: content.count, in: exchange)
    let answersRequest = ourState == .sendResponse && peerState != .failed
    var next = lifecycle
    try next.apply(.finalResponseHead, by: .server, blame: .us)
    if head.facts.close || !answersRequest { next.stopPersisting() }
    let persistence = Self.persistence(next, exchange.version)
    try next.apply(.endOfMessage, by: .server, blame: .us)

    lifecycle = next
    outgoing = .none
    clientAwaitsContinue = false
    let isSent = exchange.kind != .head
    Encoder.write(
      whole: head, addingLength: addedLength, persistence: persistence,
      content: isSent && !follows ? content : Span(), into: &output)
    return isSent && follows
  }

  /// What is to be added as `Content-Length`; `nil` if the head says it, or there can be no content.
  private static func lengthToAdd(
    to head: ResponseHead, contentLength: Int, in exchange: Exchange
  ) throws(ProtocolError) -> Int? {
    let framing = try BodyFraming.ofResponse(
      head.facts, status: head.status, version: exchange.version, request: .ordinary, blame: .us)
    switch framing {
    case .none:
      // RFC 9110 section 8.6: 204 has no length either.
      let saysLength = head.status == 204 && head.facts.contentLength != nil
      if contentLength > 0 || saysLength { throw ProtocolError(.contentNotAllowed, by: .us) }
      return nil
    case .sized(let length):
      if contentLength > length { throw ProtocolError(.contentExceedsLength, by: .us) }
      let missing = length - UInt64(contentLength)
      if missing > 0, exchange.kind != .head {
        throw ProtocolError(.contentShorterThanLength(missing: missing), by: .us)
      }
      return nil
    case .chunked: throw ProtocolError(.bothLengthAndTransferEncoding, by: .us)
    case .untilClose: return contentLength
    }
  }
}
