// Follows a script: what one end of a conversation sends and receives, in turn.
//
//     script client request=474554,2f,486f7374,61 end= receive=485454… next
//
// What belongs to a step is hexadecimal, with commas between its parts.

import Cases
import HTTPCore

struct Script {
  private var connection: Connection
  private var input: ArraySlice<UInt8> = []
  private var output: [UInt8] = []
  private var outcome = Outcome()

  /// What comes of a script; `nil` if a step of it cannot be understood.
  static func run(role: String, steps: [Substring]) -> Outcome? {
    var script = Script(connection: Connection(role: role == "server" ? .server : .client))
    do {
      for step in steps {
        guard try script.follow(step) else { return nil }
      }
    } catch {
      script.outcome.error = (error.party == .us ? "us: " : "") + error.reason.name
      script.outcome.status = error.statusHint
    }
    script.outcome.state = "\(script.connection.ourState) \(script.connection.peerState)"
    script.outcome.left = script.input.count
    script.outcome.wire = script.output
    return script.outcome
  }

  /// - Returns: Whether it could be understood.
  private mutating func follow(_ step: Substring) throws(ProtocolError) -> Bool {
    let words = step.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    var parts: [[UInt8]] = []
    if words.count > 1, !words[1].isEmpty {
      for part in words[1].split(separator: ",", omittingEmptySubsequences: false) {
        guard let bytes = [UInt8](hexadecimal: part) else { return false }
        parts.append(bytes)
      }
    }
    switch words[0] {
    case "request" where parts.count >= 2:
      let head = try RequestHead(
        method: text(parts[0]), target: text(parts[1]), fields: Fields(pairs(parts.dropFirst(2))))
      try connection.send(.request(head), into: &output)
    case "response" where parts.count >= 2, "interim" where parts.count >= 2:
      let head = try ResponseHead(
        status: Int(text(parts[0])) ?? 0, reason: text(parts[1]),
        fields: Fields(pairs(parts.dropFirst(2))))
      try connection.send(
        words[0] == "interim" ? .interimResponse(head) : .response(head), into: &output)
    case "content" where parts.count == 1:
      try connection.send(.content(parts[0]), into: &output)
    case "follows" where parts.count == 1:
      try connection.send(.contentFollows(count: parts[0].count), into: &output)
      output += parts[0]
    case "end":
      try connection.send(.endOfMessage(trailers: Fields(pairs(parts[...]))), into: &output)
    case "close": try connection.send(.connectionClosed, into: &output)
    case "next": try connection.startNextExchange()
    case "receive" where parts.count == 1:
      input += parts[0]
      try receive(ended: false)
    case "ended": try receive(ended: true)
    default: return false
    }
    return true
  }

  private mutating func receive(ended: Bool) throws(ProtocolError) {
    while true {
      let unread = input
      guard
        case .event(let event, let consumed) = try connection.step(unread.span, inputEnded: ended)
      else { return }
      outcome.note(event, input: unread)
      input = unread.dropFirst(consumed)
      if event == .connectionClosed { return }
    }
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func pairs(_ parts: ArraySlice<[UInt8]>) -> [(String, String)] {
    stride(from: parts.startIndex, to: parts.endIndex - 1, by: 2).map {
      (text(parts[$0]), text(parts[$0 + 1]))
    }
  }
}
