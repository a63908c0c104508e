// What heads mean to a conversation, the same whether they were read or are to be written.

extension Connection {
  /// What is checked of a request's head besides its grammar: framing, and Host (RFC 9112 section 3.2).
  static func check(
    _ facts: ProtocolFields, _ version: Version, blame: ProtocolError.Party
  ) throws(ProtocolError) -> BodyFraming {
    if facts.hasInvalidHost { throw ProtocolError(.invalidHost, by: blame) }
    if facts.repeatsHost { throw ProtocolError(.repeatedHost, by: blame) }
    if !facts.hasHost, version >= .http11 {
      throw ProtocolError(.missingHost, by: blame)
    }
    return try BodyFraming.ofRequest(facts, version: version, blame: blame)
  }

  /// Notes what the response to this request, sent or received, will depend on.
  mutating func begin(
    _ kind: RequestKind, _ version: Version, _ facts: ProtocolFields, _ framing: BodyFraming
  ) {
    exchange = Exchange(kind: kind, version: version)
    if !Persistence.isOffered(by: facts, version: version) { lifecycle.stopPersisting() }
    if exchange.kind == .connect {
      lifecycle.propose(.connect)
    } else if facts.proposesUpgrade, version >= .http11 {
      lifecycle.propose(.upgrade)
    }
    // RFC 9110 section 10.1.1: ignored from an HTTP/1.0 client, and where there is no content to wait with.
    clientAwaitsContinue =
      facts.expectsContinue && version >= .http11 && framing != .none && framing != .sized(0)
  }

  /// What a response's head means to the state machine: interim, final, or the end of HTTP here.
  func kind(ofResponse status: Int) -> EventKind {
    if status == 101 { return .switchAccepted }
    if status < 200 { return .interimResponseHead }
    let accepts = exchange.kind == .connect && 200...299 ~= status
    return accepts ? .switchAccepted : .finalResponseHead
  }

  /// Whether a client that waits for `100 Continue` has its answer with this response, as it has not with another
  /// interim one (RFC 9110 section 10.1.1).
  func answersExpectation(_ kind: EventKind, _ status: Int) -> Bool {
    kind != .interimResponseHead || status == 100
  }

  /// Whether the switch that this response accepts was proposed: by Upgrade for a 101, by CONNECT for a 2xx.
  func wasProposed(by status: Int) -> Bool {
    lifecycle.proposal == (status == 101 ? .upgrade : .connect)
  }
}
