// The client of a simulated life. What it receives is read by HTTPCore's own client, and checked as it comes.

import HTTPCore
import StreamSimulation
import Threads

final class LifeClient: SimulatedClient {
  /// A response, or the beginning of one.
  struct Received {
    var status: Int
    /// Whether a handler has made it, and for which request it says it is.
    var id: Int?
    var saysClose: Bool
    var body: [UInt8] = []
    var isComplete = false
  }

  /// Bytes to send, and what for.
  private struct Piece {
    var bytes: ArraySlice<UInt8>
    var request: Int
    var part: Part
    enum Part { case head, body, tunnel }
  }

  private let plan: LifePlan
  private var generator: SeededGenerator
  private var readers: [Connection] = []
  private var unsent: [Piece] = []
  private(set) var sentBytes = 0
  private(set) var responses: [Received] = []
  /// How often 100 was received, by request.
  private var continues: [Int: Int] = [:]
  /// Of which requests something was sent, and of which the head.
  private var begun: Set<Int> = []
  private var headsSent: Set<Int> = []
  private var bodiesBegun: Set<Int> = []

  private var input: [UInt8] = []
  /// The request whose response is being read.
  private var current = 0
  private var isTunnel = false
  private var nextSend = MonotonicTime(nanoseconds: 0)
  private var nextTake = MonotonicTime(nanoseconds: 0)
  private var waitsSince: MonotonicTime?
  private var actions = 0
  private var isGone = false
  private var sawReset = false
  private var sawEnd = false
  private var hasEnded = false
  /// Whether the server has said that nothing follows.
  private var isLast = false
  private var findings: [String] = []

  init(_ plan: LifePlan) throws {
    self.plan = plan
    generator = SeededGenerator(seed: plan.seed &+ 1)
    for request in plan.requests {
      let (head, body, reader) = try request.encoded()
      readers.append(reader)
      unsent.append(Piece(bytes: head[...], request: request.id, part: .head))
      if !body.isEmpty { unsent.append(Piece(bytes: body[...], request: request.id, part: .body)) }
      if request.isTakenOver, !request.tunnelled.isEmpty {
        unsent.append(Piece(bytes: request.tunnelled[...], request: request.id, part: .tunnel))
      }
    }
  }

  // MARK: Acting

  func nextAction(on wire: SimulatedWire) -> MonotonicTime? {
    if isGone { return nil }
    return earliest(earliest(sendTime(wire), takeTime(wire)), endTime(wire))
  }

  func act(on wire: SimulatedWire) {
    actions += 1
    if let (after, departure) = plan.temperament.departure, actions > after {
      depart(departure, wire)
      if isGone { return }
    }
    if let time = takeTime(wire), time <= wire.now {
      take(wire)
    } else if let time = sendTime(wire), time <= wire.now {
      send(wire)
    } else if let time = endTime(wire), time <= wire.now {
      end(wire)
    }
    for finding in findings { wire.report(finding) }
  }

  private func depart(_ departure: LifePlan.Temperament.Departure, _ wire: SimulatedWire) {
    switch departure {
    case .closes:
      wire.close()
      isGone = true
    case .resets:
      wire.reset()
      isGone = true
    case .endsHalf:
      unsent = []
      wire.endSending()
    case .fallsSilent: unsent = []
    }
  }

  // MARK: Sending

  /// When the next piece is sent, if it may be.
  private func sendTime(_ wire: SimulatedWire) -> MonotonicTime? {
    guard let piece = unsent.first else { return nil }
    let request = plan.requests[piece.request]
    switch piece.part {
    case .head where piece.request > current && !plan.temperament.isPipelining: return nil
    case .body
    where request.expectsContinue && continues[request.id] == nil
      && !bodiesBegun.contains(request.id):
      guard let patience = plan.temperament.continuePatience, let waitsSince else { return nil }
      return max(nextSend, waitsSince + .milliseconds(patience))
    case .tunnel where !isTunnel: return nil
    default: return nextSend
    }
  }

  private func send(_ wire: SimulatedWire) {
    let piece = unsent[0]
    let count = plan.temperament.sending.of(piece.bytes.count, using: &generator)
    wire.send(Array(piece.bytes.prefix(count)))
    sentBytes += count
    begun.insert(piece.request)
    if piece.part == .body { bodiesBegun.insert(piece.request) }
    if count == piece.bytes.count {
      unsent.removeFirst()
      if piece.part == .head { headsSent.insert(piece.request) }
      waitsSince = wire.now
    } else {
      unsent[0].bytes.removeFirst(count)
    }
    nextSend = wire.now + .milliseconds(plan.temperament.sendGap)
  }

  // MARK: Ending

  private func endTime(_ wire: SimulatedWire) -> MonotonicTime? {
    if sawEnd { return plan.temperament.ending == .stays ? nil : wire.now }
    guard unsent.isEmpty else { return nil }
    switch plan.temperament.ending {
    case .closes where current == plan.requests.count || isLast: return wire.now
    case .endsHalf where !hasEnded: return wire.now
    // A tunnel ends with what was to be said in it.
    case .closes where isTunnel && !hasEnded: return wire.now
    default: return nil
    }
  }

  private func end(_ wire: SimulatedWire) {
    if sawEnd || (plan.temperament.ending == .closes && !isTunnel) {
      wire.close()
      isGone = true
    } else {
      wire.endSending()
      hasEnded = true
    }
  }

  // MARK: Receiving

  private func takeTime(_ wire: SimulatedWire) -> MonotonicTime? {
    if wire.isReset, !sawReset { return wire.now }
    guard plan.temperament.taking != nil else { return nil }
    if wire.available > 0 { return max(nextTake, wire.now) }
    return wire.isAtEnd && !sawEnd ? wire.now : nil
  }

  private func take(_ wire: SimulatedWire) {
    if wire.isReset {
      sawReset = true
      isGone = true
      return
    }
    if wire.isAtEnd {
      sawEnd = true
      if isTunnel { responses[current].isComplete = true }
    } else {
      let count = (plan.temperament.taking ?? .all).of(wire.available, using: &generator)
      input += wire.take(atMost: count)
      nextTake = wire.now + .milliseconds(plan.temperament.takeGap)
      if !input.isEmpty, current < plan.requests.count, !begun.contains(current), !isTunnel, !isLast
      {
        findings.append("there is a response before its request \(current)")
      }
    }
    do {
      while try step() {}
    } catch {
      // What is cut in the middle is not complete, and that is seen. Everything else must be in order.
      if !sawEnd { findings.append("the response to \(current) is malformed: \(error)") }
      input = []
    }
  }

  /// Whether a response that should have no body may have one: as what the request is was not known yet.
  private func mayHaveBody(_ response: Received, _ request: PlannedRequest) -> Bool {
    response.status == 408 && request.method == "HEAD"
  }

  /// Reads one event.
  ///
  /// - Returns: Whether there may be more.
  private func step() throws -> Bool {
    if isTunnel {
      responses[current].body += input
      input = []
      return false
    }
    guard current < plan.requests.count, !isLast else {
      if !input.isEmpty, !mayHaveBody(responses[current - 1], plan.requests[current - 1]) {
        findings.append("there are bytes behind the last response")
      }
      input = []
      return false
    }
    let unread = input
    switch try readers[current].step(unread.span, inputEnded: sawEnd) {
    case .needMoreInput: return false
    case .paused:
      findings.append("a response goes on behind its end")
      return false
    case .event(let event, let consumed):
      input.removeFirst(consumed)
      note(event, unread)
      return event != .connectionClosed
    }
  }

  private func note(_ event: Event, _ unread: [UInt8]) {
    switch event {
    case .interimResponse(let head) where head.status == 100:
      let request = plan.requests[current]
      continues[current, default: 0] += 1
      if !request.expectsContinue || continues[current] != 1 {
        findings.append("100 was sent to \(current) without need")
      }
      // Before another protocol begins the server itself reads what there is (RFC 9110 section 7.8).
      if plan.streams, request.reading == .nothing, !request.answer.takesOver {
        findings.append("100 was sent though nobody reads")
      }
      if case .sized(let count) = request.body, count > plan.maximumBodySize,
        !request.answer.takesOver
      {
        findings.append("100 was sent for a body that is too large")
      }
    case .interimResponse(let head), .response(let head):
      begin(head)
    case .content(let range): responses[current].body += unread[range]
    case .endOfMessage: finish()
    default: findings.append("a response does not begin with \(event)")
    }
  }

  private func begin(_ head: ResponseHead) {
    let id = head.fields["X-Id"].flatMap { Int($0) }
    if id != nil, !headsSent.contains(current) {
      findings.append("the handler has answered a request that has not come")
    }
    responses.append(
      Received(status: head.status, id: id, saysClose: head.fields["Connection"] == "close"))
    isTunnel = readers[current].peerState == .switched
  }

  private func finish() {
    responses[current].isComplete = true
    isLast = responses[current].saysClose
    let request = plan.requests[current]
    // Without being told to go on it never sends the body, and so nothing behind it.
    let isWithheld =
      request.expectsContinue && unsent.first?.part == .body && unsent.first?.request == current
      && !bodiesBegun.contains(current)
    if isWithheld {
      if !isLast { findings.append("a body that was not asked for is waited for") }
      unsent = []
    }
    if isLast, !plan.temperament.isPipelining { unsent = [] }
    current += 1
  }
}
