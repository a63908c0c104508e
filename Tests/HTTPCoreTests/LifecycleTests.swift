import Testing

@testable import HTTPCore

@Suite("The state machine")
struct LifecycleTests {
  /// Every legal move, written out a second time; all others must be refused.
  static let legal: [(Role, PeerState, EventKind, PeerState)] = [
    (.client, .idle, .requestHead, .sendBody),
    (.client, .sendBody, .content, .sendBody),
    (.client, .sendBody, .endOfMessage, .done),
    (.client, .idle, .connectionClosed, .closed),
    (.client, .done, .connectionClosed, .closed),
    (.client, .mustClose, .connectionClosed, .closed),
    (.client, .closed, .connectionClosed, .closed),
    (.server, .idle, .requestHead, .sendResponse),
    (.server, .idle, .finalResponseHead, .sendBody),
    (.server, .sendResponse, .interimResponseHead, .sendResponse),
    (.server, .sendResponse, .finalResponseHead, .sendBody),
    (.server, .sendResponse, .switchAccepted, .switched),
    (.server, .sendBody, .content, .sendBody),
    (.server, .sendBody, .endOfMessage, .done),
    (.server, .idle, .connectionClosed, .closed),
    (.server, .done, .connectionClosed, .closed),
    (.server, .mustClose, .connectionClosed, .closed),
    (.server, .closed, .connectionClosed, .closed),
  ]

  @Test("The whole table: role x state x event")
  func wholeTable() {
    for role in [Role.client, .server] {
      for state in PeerState.allCases {
        for event in EventKind.allCases {
          let expected = Self.legal.first { $0.0 == role && $0.1 == state && $0.2 == event }?.3
          #expect(nextState(role, state, on: event) == expected, "\(role) \(state) \(event)")
        }
      }
    }
  }

  private func lifecycle(
    _ events: [(Role, EventKind)], before: (inout Lifecycle) -> Void = { _ in }
  ) throws -> Lifecycle {
    var lifecycle = Lifecycle()
    before(&lifecycle)
    for (role, event) in events { try lifecycle.apply(event, by: role, blame: .us) }
    return lifecycle
  }

  static let exchange: [(Role, EventKind)] = [
    (.client, .requestHead), (.client, .endOfMessage), (.server, .finalResponseHead),
    (.server, .endOfMessage),
  ]

  @Test("An exchange ends with both halves done, and the next begins with both idle")
  func exchangeEnds() throws {
    var done = try lifecycle(Self.exchange)
    #expect(done.client == .done && done.server == .done)
    try done.startNextExchange()
    #expect(done == Lifecycle())
  }

  @Test("RFC 9112 9.3: without persistence both halves must close")
  func closes() throws {
    var last = try lifecycle(Self.exchange) { $0.stopPersisting() }
    #expect(last.client == .mustClose && last.server == .mustClose)
    #expect(throws: ProtocolError(.exchangeNotFinished, by: .us)) { try last.startNextExchange() }
  }

  @Test("RFC 9112 9.6: when one half has closed the other must")
  func closeSpreads() throws {
    let client = try lifecycle([(.client, .connectionClosed)])
    #expect(client.client == .closed && client.server == .mustClose)
    let server = try lifecycle([(.server, .connectionClosed)])
    #expect(server.client == .mustClose && server.server == .closed)
  }

  @Test("A failed half makes the other close when it is done, and not before")
  func failureSpreads() throws {
    var lifecycle = try lifecycle([(.client, .requestHead)])
    lifecycle.fail(.client)
    #expect(lifecycle.server == .sendResponse)
    try lifecycle.apply(.finalResponseHead, by: .server, blame: .us)
    try lifecycle.apply(.endOfMessage, by: .server, blame: .us)
    #expect(lifecycle.server == .mustClose)
  }

  @Test("RFC 9110 7.8: a switch waits for the answer, then happens or does not")
  func switches() throws {
    var accepted = Lifecycle()
    try accepted.apply(.requestHead, by: .client, blame: .us)
    accepted.propose(.upgrade)
    try accepted.apply(.endOfMessage, by: .client, blame: .us)
    #expect(accepted.client == .mightSwitch)
    var declined = accepted
    try accepted.apply(.switchAccepted, by: .server, blame: .us)
    #expect(accepted.client == .switched && accepted.server == .switched)
    try declined.apply(.finalResponseHead, by: .server, blame: .us)
    #expect(declined.client == .done && declined.server == .sendBody)
  }
}
