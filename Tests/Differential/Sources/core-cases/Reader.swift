// Reads the bytes of a case with HTTPCore, cut as the case asks for.

import Cases
import HTTPCore

/// One end of a connection that reads, and answers what it must answer to read on.
struct Reader {
  private var connection: Connection
  /// What to do about proposed switches, or the method of requests.
  private let mode: String
  private var input: ArraySlice<UInt8> = []
  private(set) var outcome = Outcome()
  private var stopped = false

  init(isServer: Bool, mode: String) throws(ProtocolError) {
    connection = Connection(role: isServer ? .server : .client)
    self.mode = mode
    if !isServer { try request() }
  }

  /// What comes of a case; and, if it depends on how the bytes were cut, what came of them otherwise.
  static func read(_ reading: Case.Reading) throws(ProtocolError) -> (Outcome, split: String?) {
    let reader = try Reader(isServer: reading.isServer, mode: reading.mode)
    var first: Outcome?
    for pieces in reading.pieces {
      var copy = reader
      let outcome = try copy.read(pieces, ends: reading.ends, count: reading.bytes.count)
      guard let whole = first else {
        first = outcome
        continue
      }
      if outcome != whole {
        return (whole, "\(pieces.map(\.count).prefix(8)): \(outcome.json())")
      }
    }
    return (first ?? Outcome(), nil)
  }

  private mutating func read(
    _ pieces: [ArraySlice<UInt8>], ends: Bool, count: Int
  ) throws(ProtocolError) -> Outcome {
    for piece in pieces {
      input += piece
      try drain(ended: false)
    }
    if ends { try drain(ended: true) }
    outcome.state = "\(connection.peerState)"
    // After an error nothing is read, and how much had come by then does depend on the cuts.
    outcome.left = outcome.error == nil ? input.count : 0
    return outcome
  }

  private mutating func drain(ended: Bool) throws(ProtocolError) {
    while !stopped {
      let unread = input
      let step: Step
      do throws(ProtocolError) {
        step = try connection.step(unread.span, inputEnded: ended)
      } catch {
        outcome.error = error.reason.name
        outcome.status = error.statusHint
        stopped = true
        return
      }
      switch step {
      case .event(let event, let consumed):
        outcome.note(event, input: unread)
        input = unread.dropFirst(consumed)
        if event == .connectionClosed { stopped = true }
      case .needMoreInput: return
      case .paused:
        if input.isEmpty && !ended { return }
        stopped = try !goOn()
      }
    }
  }

  /// Answers, or asks again, so that there is more to read; returns whether there is.
  private mutating func goOn() throws(ProtocolError) -> Bool {
    if connection.role == .server {
      guard connection.ourState == .sendResponse else { return false }
      let isProposed = connection.peerState == .mightSwitch
      if isProposed, mode == "stop" { return false }
      var output: [UInt8] = []
      let declined = try ResponseHead(
        status: isProposed ? 426 : 200, fields: [("Content-Length", "0")])
      try connection.send(.response(declined), into: &output)
      try connection.send(.endOfMessage(), into: &output)
    }
    guard connection.ourState == .done, connection.peerState == .done else {
      // Then only its end may come, if nothing else has.
      return input.isEmpty && connection.peerState == .mustClose
    }
    try connection.startNextExchange()
    if connection.role == .client { try request() }
    return true
  }

  private mutating func request() throws(ProtocolError) {
    var fields = [("Host", "a")]
    if mode == "UPGRADE" { fields += [("Upgrade", "x"), ("Connection", "upgrade")] }
    let head = try RequestHead(
      method: mode == "UPGRADE" ? "GET" : mode, target: mode == "CONNECT" ? "a:80" : "/",
      fields: fields)
    var output: [UInt8] = []
    try connection.send(.request(head), into: &output)
    try connection.send(.endOfMessage(), into: &output)
  }
}

extension Outcome {
  /// Adds an event of HTTPCore.
  mutating func note(_ event: Event, input: ArraySlice<UInt8>) {
    switch event {
    case .request(let head):
      note(
        .request(
          method: Array(head.method.utf8), target: Array(head.target.utf8),
          version: "1.\(head.version.minor)", fields: head.fields.cases))
    case .interimResponse(let head), .response(let head):
      note(
        .response(
          status: head.status, reason: Array(head.reason.utf8), version: "1.\(head.version.minor)",
          fields: head.fields.cases))
    case .content(let range):
      note(.content(Array(input.dropFirst(range.lowerBound).prefix(range.count))))
    case .endOfMessage(let trailers): note(.end(trailers.cases))
    case .connectionClosed: note(.closed)
    }
  }
}

extension Fields {
  /// The fields with the bytes of their values as they came.
  var cases: [Outcome.Field] {
    map { Outcome.Field($0.name.utf8, $0.value.utf8) }
  }
}
