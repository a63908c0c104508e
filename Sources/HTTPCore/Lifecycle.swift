// Everything that changes the state of either half of a connection; nothing else does.
//
// Each half of a connection, the client's and the server's, is in one state. Two things move them:
//
// - an event, sent or received: `nextState`, which knows nothing of which role we play, so that the same
//   rules bind us and the peer;
// - the other half, or a decision about the connection: `settle`, run after each event until nothing moves.
//
// Two facts go with the states. `persistent` begins as true and can only become false: then a half that is
// done must close. `proposal` is what a client asked to switch to (RFC 9110 section 7.8, section 9.3.6):
// while it is open a client that is done waits to learn whether its next bytes are HTTP.

/// The state of one half of a connection.
public enum PeerState: Equatable, Sendable, CaseIterable {
  /// No message of the current exchange has begun.
  case idle
  /// The server has a request to answer (server only).
  case sendResponse
  /// A head was sent; content and its end follow.
  case sendBody
  /// The message is complete; the next exchange may begin.
  case done
  /// The message is complete, and nothing but closing may follow.
  case mustClose
  /// This half of the connection is closed.
  case closed
  /// The client is done and has proposed a switch that is not answered yet (client only).
  case mightSwitch
  /// Another protocol has taken over.
  case switched
  /// A rule was broken; nothing more can happen here.
  case failed

  /// Whether this is a state of an exchange after which there may be another.
  var isOrdinary: Bool {
    switch self {
    case .idle, .sendResponse, .sendBody, .done: true
    case .mustClose, .closed, .mightSwitch, .switched, .failed: false
    }
  }

  /// The state in words, for messages.
  var words: String {
    switch self {
    case .idle: "idle"
    case .sendResponse: "sendResponse"
    case .sendBody: "sendBody"
    case .done: "done"
    case .mustClose: "mustClose"
    case .closed: "closed"
    case .mightSwitch: "mightSwitch"
    case .switched: "switched"
    case .failed: "failed"
    }
  }
}

/// Every legal move of one half of an exchange by an event, one per line; `nil` means "not now".
func nextState(_ role: Role, _ state: PeerState, on event: EventKind) -> PeerState? {
  switch (role, state, event) {
  case (.client, .idle, .requestHead): .sendBody
  case (.client, .sendBody, .content): .sendBody
  case (.client, .sendBody, .endOfMessage): .done

  case (.server, .idle, .requestHead): .sendResponse  // the server half sees requests too
  case (.server, .idle, .finalResponseHead): .sendBody  // to what was no request: 400, 408
  case (.server, .sendResponse, .interimResponseHead): .sendResponse
  case (.server, .sendResponse, .finalResponseHead): .sendBody
  case (.server, .sendResponse, .switchAccepted): .switched
  case (.server, .sendBody, .content): .sendBody
  case (.server, .sendBody, .endOfMessage): .done

  case (_, .idle, .connectionClosed): .closed
  case (_, .done, .connectionClosed): .closed
  case (_, .mustClose, .connectionClosed): .closed
  case (_, .closed, .connectionClosed): .closed
  default: nil
  }
}

/// What a client asked to switch to.
enum SwitchProposal: Equatable, Sendable {
  case none
  /// An `Upgrade` field: a 101 accepts it.
  case upgrade
  /// The CONNECT method: any 2xx accepts it.
  case connect
}

/// The states of both halves, and what binds them.
@usableFromInline struct Lifecycle: Equatable, Sendable {
  @usableFromInline private(set) var client = PeerState.idle
  @usableFromInline private(set) var server = PeerState.idle
  private(set) var persistent = true
  private(set) var proposal = SwitchProposal.none

  @inlinable subscript(role: Role) -> PeerState { role == .client ? client : server }

  /// Moves by an event that `role` sent; `blame` is who is told when it may not happen now.
  mutating func apply(
    _ event: EventKind, by role: Role, blame: ProtocolError.Party
  ) throws(ProtocolError) {
    guard let next = nextState(role, self[role], on: event) else {
      throw ProtocolError(.eventNotAllowedNow(event, state: self[role]), by: blame)
    }
    // Content, interim responses: nothing else moves either.
    if next == self[role] { return }
    set(role, next)
    switch event {
    case .requestHead: server = nextState(.server, server, on: .requestHead) ?? server
    case .finalResponseHead: proposal = .none  // whatever was proposed is declined
    default: break
    }
    settle()
  }

  /// Notes what the client asked to switch to.
  mutating func propose(_ proposal: SwitchProposal) {
    self.proposal = proposal
    settle()
  }

  /// The connection will not outlive this exchange.
  mutating func stopPersisting() {
    persistent = false
    settle()
  }

  /// A rule was broken on `role`'s side.
  mutating func fail(_ role: Role) {
    set(role, .failed)
    settle()
  }

  /// Both halves go back to idle, if they are done.
  mutating func startNextExchange() throws(ProtocolError) {
    guard client == .done, server == .done else {
      throw ProtocolError(.exchangeNotFinished, by: .us)
    }
    self = Lifecycle()
  }

  private mutating func set(_ role: Role, _ state: PeerState) {
    if role == .client { client = state } else { server = state }
  }

  /// Applies the rules about both halves until none of them moves anything.
  private mutating func settle() {
    // No rule moves a half in the course of an ordinary exchange.
    if persistent, proposal == .none, client.isOrdinary, server.isOrdinary { return }
    while true {
      let before = (client, server)
      client = settledClient(client, beside: server, proposal, persistent: persistent)
      server = settledServer(server, beside: client, persistent: persistent)
      if before == (client, server) { return }
    }
  }
}

/// Where the client's half goes by itself.
func settledClient(
  _ client: PeerState, beside server: PeerState, _ proposal: SwitchProposal, persistent: Bool
) -> PeerState {
  switch (client, server) {
  case (.done, _) where proposal != .none: .mightSwitch
  case (.mightSwitch, .switched): .switched
  case (.mightSwitch, _) where proposal == .none: .done
  case (.done, _) where !persistent: .mustClose
  case (.done, .closed), (.done, .failed), (.idle, .closed): .mustClose
  default: client
  }
}

/// Where the server's half goes by itself.
func settledServer(
  _ server: PeerState, beside client: PeerState, persistent: Bool
) -> PeerState {
  switch (server, client) {
  case (.done, _) where !persistent: .mustClose
  case (.done, .closed), (.done, .failed), (.idle, .closed): .mustClose
  default: server
  }
}
