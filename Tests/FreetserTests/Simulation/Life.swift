// One life of a connection: the real server over a simulated wire, and what must be true when it is over.

import Freetser
import HTTPCore
import StreamSimulation
import Threads

@testable import Freetser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Where lines go that are counted, and not read.
private let nowhere = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)

struct Life {
  let plan: LifePlan
  private let client: LifeClient
  private let wire: SimulatedWire
  private let handler: SimulatedHandler
  private let service: Service
  /// In every second life somebody observes, as the server then goes other ways.
  private let recorder: ExchangeRecorder?
  private let log: LogQueue?
  private(set) var findings: [String] = []

  /// How many steps the server took.
  var steps: Int { wire.steps }
  /// How many responses came whole.
  var answered: Int { client.responses.count { $0.isComplete } }

  init(_ plan: LifePlan) throws {
    self.plan = plan
    client = try LifeClient(plan)
    wire = SimulatedWire(to: client, plan.faults, capacity: plan.capacity, seed: plan.seed &+ 2)
    let handler = SimulatedHandler(plan, wire)
    self.handler = handler
    recorder = plan.seed.isMultiple(of: 2) ? ExchangeRecorder() : nil
    log = recorder.map { _ in LogQueue(descriptor: nowhere) }
    var configuration = plan.configuration
    if let recorder, let log { configuration.observers = [recorder, AccessLog(to: log)] }
    service = Service(
      configuration: configuration,
      handler: plan.streams
        ? .streaming { try handler.answer($0, &$1) } : .whole { try handler.answer($0) })
  }

  /// Lives, and looks back.
  mutating func live() {
    if let (after, cuttingAfter) = plan.stop {
      wire.planStop(after: .seconds(after), cuttingAfter: .seconds(cuttingAfter))
    }
    do {
      let stream = SimulatedStream(on: wire, receiveTimeout: plan.timeouts.keepAlive)
      var loop = ConnectionLoop(stream, service)
      loop.run()
    }
    let age = wire.age
    wire.finish()
    findings = wire.findings
    check(wire.serverHasClosed, "the connection was not closed")
    check(age <= longestLife, "it lasted \(age), and \(longestLife) is the longest")
    // A byte takes an attempt and a wait, and each a few more where luck is against it.
    check(steps <= 500 + wire.moved * 16, "\(steps) steps moved \(wire.moved) bytes")
    checkBudget()
    checkCalls()
    if let recorder { checkObserved(by: recorder) }
    if let recorder, let log {
      log.stop()
      check(log.added == recorder.exchanges.count, "a line was lost, or logged twice")
    }
    for (number, response) in client.responses.enumerated() { check(response, to: number) }
    if plan.isCertain { checkCertain() }
  }

  private mutating func check(_ condition: Bool, _ finding: String) {
    if !condition { findings.append(finding) }
  }

  /// What the timeouts allow at most.
  private var longestLife: Duration {
    let times = plan.timeouts
    let exchanges = handler.calls.count + 2
    // A body is waited for once by its handler and once more to drop what is left of it.
    let body = times.body + times.bodyIdle + .seconds(client.sentBytes) / times.minimumBodyRate
    let exchange = times.keepAlive + times.head + body * 2
    // Each wait for room ends unless the client takes something in its time.
    let sends = times.send * (wire.takes + exchanges * 2)
    return exchange * exchanges + sends + times.linger + wire.worked + handler.waited
  }

  private mutating func checkBudget() {
    let share = BodyShare(of: service.bodyBudget)
    let isWhole = share.cover(service.configuration.maximumBufferedBytes)
    check(isWhole, "not all memory for bodies was given back")
  }

  private mutating func checkCalls() {
    check(handler.calls == handler.calls.sorted(), "handlers were called out of order")
    check(Set(handler.calls).count == handler.calls.count, "a handler was called twice")
    for id in handler.calls where plan.requests.indices.contains(id) {
      check(plan.requests[id].flaw == nil, "a handler was called for a request with a flaw")
    }
  }

  /// Each request whose head came is told of once, and what is told is what the client got.
  private mutating func checkObserved(by recorder: ExchangeRecorder) {
    let exchanges = recorder.exchanges
    check(recorder.opened == 1 && recorder.closed == 1, "a connection is opened and closed once")
    let ids = exchanges.compactMap { $0.request?.fields["X-Id"].flatMap { Int($0) } }
    check(Set(ids).isSuperset(of: handler.calls), "a request was not told of")
    check(Set(ids).count == ids.count, "a request was told of twice")
    check(client.responses.count <= exchanges.count, "a response was not told of")
    for (response, exchange) in zip(client.responses, exchanges) {
      check(
        exchange.status?.code == response.status,
        "\(response.status) was told of as \(exchange.status.map { "\($0.code)" } ?? "none")")
      // Whether a body goes with the answer to a head that cannot be read, server and client may see differently.
      guard response.isComplete, let request = exchange.request, request.method != .connect,
        exchange.status != .switchingProtocols
      else { continue }
      check(exchange.bodySize >= response.body.count, "a body was told of as shorter than it is")
      if exchange.isComplete {
        check(exchange.bodySize == response.body.count, "a body was told of as longer than it is")
      }
    }
  }

  // MARK: Each response

  private mutating func check(_ response: LifeClient.Received, to number: Int) {
    let request = plan.requests[number]
    if let id = response.id {
      check(id == number, "the response to \(id) came for \(number)")
      checkHandlers(response, to: request)
    } else {
      check(
        refusals(of: request).contains(response.status),
        "\(number) was answered with \(response.status)")
      // Only where a handler failed, and nothing else, may the connection go on.
      let isLast = number == client.responses.count - 1
      check(isLast || response.status == 500, "the connection goes on after a refusal")
    }
  }

  private mutating func checkHandlers(
    _ response: LifeClient.Received, to request: PlannedRequest
  ) {
    guard let expected = request.response else {
      check(
        !response.isComplete || response.body.count == request.declaredLength
          || mayBeCutUnseen(request),
        "the broken response to \(request.id) seems whole")
      check(
        request.bodyOfBroken.starts(with: response.body),
        "what came of the broken response to \(request.id) is wrong")
      return
    }
    check(expected.status == response.status, "\(request.id) has the status \(response.status)")
    if response.isComplete, !request.isTakenOver, !mayBeCutUnseen(request) {
      check(response.body == expected.body, "the response to \(request.id) is another")
    } else {
      check(
        expected.body.starts(with: response.body),
        "what came of the response to \(request.id) is wrong")
    }
  }

  /// Whether the client cannot tell the response's end from a cut.
  ///
  /// A server that stops has to wake threads that wait for clients, and what wakes them ends the connection in order.
  /// Responses that nothing but the end of the connection ends then look whole: those without a length to HTTP/1.0.
  private func mayBeCutUnseen(_ request: PlannedRequest) -> Bool {
    plan.stop != nil && endsWithConnection(request)
  }

  /// Whether nothing else tells where the response ends.
  private func endsWithConnection(_ request: PlannedRequest) -> Bool {
    guard request.isOld, case .stream(let stream) = request.answer else { return false }
    return stream.declares == .nothing
  }

  /// With what the server itself may answer.
  private func refusals(of request: PlannedRequest) -> Set<Int> {
    if let flaw = request.flaw { return isSlow ? flaw.statuses.union([408]) : flaw.statuses }
    var statuses: Set<Int> = []
    if isSlow { statuses.insert(408) }
    let limit = request.answer.takesOver ? RequestBody.drainLimit : plan.maximumBodySize
    if request.body.count > min(limit, plan.maximumBodySize) { statuses.insert(413) }
    if case .brokenChunks = request.body { statuses.insert(400) }
    if request.method == "CONNECT", !request.isTakenOver { statuses.insert(501) }
    if request.response == nil { statuses.insert(500) }
    return statuses
  }

  /// Whether the client may have taken too long to send.
  private var isSlow: Bool {
    plan.temperament.sendGap > 0 || !plan.faults.events.isEmpty || plan.temperament.takeGap > 0
      || plan.temperament.departure != nil || plan.temperament.continuePatience != 0
      || plan.temperament.taking == nil
  }

  // MARK: What a client is owed

  /// Nothing was against this client: it has all there is to have, up to where the connection had to end.
  private mutating func checkCertain() {
    check(!wire.wasResetByServer || hasCut, "the server reset a connection that was in order")
    for (number, request) in plan.requests.enumerated() {
      guard number < client.responses.count else {
        if mayBeDestroyed(from: number) { return }
        findings.append("\(number) was not answered")
        return
      }
      let response = client.responses[number]
      if request.flaw != nil {
        check(response.isComplete, "the refusal of \(number) did not come whole")
        return
      }
      // What is wrong behind what the handler has read is found when the response has been sent.
      if response.isComplete, isBrokenBody(request) || isBroken(request) { return }
      if response.isComplete, !response.saysClose, !request.isTakenOver { continue }
      if response.isComplete {
        check(mayClose(request) || response.id == nil, "the connection closes after \(number)")
        if request.isTakenOver, response.id != nil, let expected = request.response {
          check(response.body == expected.body, "the tunnel's bytes are not all there")
        }
      } else {
        check(
          isBroken(request) || mayBeDestroyed(from: number), "the response to \(number) was cut")
      }
      return
    }
  }

  /// Whether this response, or one behind it, may have had to be cut by a reset, which destroys all that the client has not
  /// taken: the responses before it too.
  private func mayBeDestroyed(from number: Int) -> Bool {
    sendsBehindLast(from: number)
      || plan.requests[number...].contains { isBroken($0) && endsWithConnection($0) }
  }

  private var hasCut: Bool { sendsBehindLast(from: 0) || plan.requests.contains { isBroken($0) } }

  /// Whether the client goes on to send behind a request that it calls its last, for which nobody waits.
  private func sendsBehindLast(from number: Int) -> Bool {
    plan.temperament.isPipelining
      && plan.requests[number...].dropLast().contains {
        $0.asksToClose || $0.isOld && !$0.keepsOldAlive
      }
  }

  /// Whether the handler may have to give the response up in the middle.
  private func isBroken(_ request: PlannedRequest) -> Bool {
    guard case .stream(let stream) = request.answer else { return false }
    if !stream.isKept { return true }
    // Reading while writing may fail.
    guard plan.streams, request.reading == .late else { return false }
    if case .brokenChunks = request.body { return true }
    return request.body.count > plan.maximumBodySize || isSlow
  }

  /// Whether the connection may end after the request though nothing is wrong.
  private func mayClose(_ request: PlannedRequest) -> Bool {
    if request.asksToClose || request.isTakenOver || request.method == "CONNECT" { return true }
    if request.isOld, !request.keepsOldAlive || endsWithConnection(request) { return true }
    guard plan.streams else { return false }
    // A body that was not read, or not to its end.
    if request.expectsContinue || request.body.count > 200_000 { return true }
    return request.reading == .careless
      && (request.body.count > plan.maximumBodySize || isSlow || isBrokenBody(request))
  }

  private func isBrokenBody(_ request: PlannedRequest) -> Bool {
    if case .brokenChunks = request.body { true } else { false }
  }
}
