// Tells those who observe a server of each exchange. Nothing of it happens where nobody does.
//
// What is observed is what is sent, not what the handler gave: the status and the size are noted where a head is made. What
// was noted becomes an exchange only when that is told: to move one from hand to hand costs more than to tell of it.

import HTTPCore
import HTTPTypes
import Threads
import Transport

/// What is noted of the exchange of a connection that goes on.
struct Observation {
  /// When it began; `nil` between exchanges, and where nobody observes.
  fileprivate var began: MonotonicTime?
  /// That of the response which has begun; `nil` if none has.
  fileprivate var status: HTTPResponse.Status?
  /// How many bytes its body has; `nil` if the handler writes it, or if none has begun.
  fileprivate var bodySize: Int?
  /// How long it took to begin; `nil` if none has, or if nobody needs to know.
  fileprivate var timeToResponse: Duration?
  /// What the lines of logs have in common.
  fileprivate var known = KnownParts()
}

// Not inlined, as connections that nobody observes need no stack for it.
extension ConnectionLoop {
  @inline(never)
  mutating func observeOpening() {
    let peer = exchange.request.raw.stream.peer
    observation.known = service.takeKnownParts()
    for observer in service.configuration.observers { observer.connectionOpened(from: peer) }
  }

  @inline(never)
  mutating func observeClosing() {
    let peer = exchange.request.raw.stream.peer
    // Whatever was not sent.
    exchange.request.raw.releaseLines()
    for observer in service.configuration.observers { observer.connectionClosed(from: peer) }
    observation.known.forget()
    service.keep(observation.known)
  }

  @inline(never)
  mutating func beginObservation() {
    observation.began = exchange.request.raw.stream.now()
    (observation.status, observation.bodySize, observation.timeToResponse) = (nil, nil, nil)
    observation.known.fieldChanges = exchange.request.machine.fieldChanges
  }

  /// A response begins, with so many bytes of body, or with what is written yet.
  @inline(never)
  mutating func observe(_ response: Response, bodySize: Int?) {
    guard let began = observation.began else { return }
    let isForHead = exchange.request.machine.isAnsweringHead
    observation.status = response.status
    observation.bodySize = isForHead && bodySize != nil ? 0 : bodySize
    observation.timeToResponse =
      service.needsTimeToResponse ? exchange.request.raw.stream.now() - began : nil
  }

  /// A response was given.
  ///
  /// It is sent before others hear of it, so that its client does not wait for them; but not if the next request is there
  /// already, with whose answer it leaves.
  @inline(never)
  mutating func endObservation(of request: Request) throws(Interruption) {
    if exchange.request.raw.input.isEmpty { try flush() }
    guard let began = observation.began.take() else { return }
    let outcome = outcome(since: began, isComplete: true)
    exchange.request.raw.lines.areOpen = !exchange.request.raw.output.isEmpty
    service.exchangeEnded(request, outcome, &observation.known, &exchange.request.raw.lines)
  }

  /// The connection ends before its time, in the exchange of this request, or of one that could not be read.
  @inline(never)
  mutating func endObservation(of request: Request?, after interruption: Interruption) {
    let isTold: Bool
    switch interruption {
    case .refused(let refusal): isTold = note(refusal)
    case .overdue: isTold = note(.handlerOverdue)
    case .cut, .lost: isTold = false
    }
    guard let began = observation.began.take() else { return }
    let outcome = outcome(since: began, isComplete: isTold)
    if let request {
      return service.exchangeEnded(
        request, outcome, &observation.known, &exchange.request.raw.lines)
    }
    let unread = Exchange(nil, from: exchange.request.raw.stream.peer, outcome)
    for observer in service.configuration.observers { observer.exchangeEnded(unread) }
  }

  /// The client was told something of ours instead.
  private mutating func note(_ refusal: Refusal) -> Bool {
    // What could not be read was a request too.
    if observation.began == nil { beginObservation() }
    let response = refusal.response
    observe(response, bodySize: response.size)
    return true
  }

  private mutating func outcome(since began: MonotonicTime, isComplete: Bool) -> Exchange.Outcome {
    let status = observation.status
    // What leaves with the answers before it is not waited for.
    let isGathered =
      isComplete && observation.bodySize != nil && !exchange.request.raw.output.isEmpty
    let timeToResponse = observation.timeToResponse
    return Exchange.Outcome(
      status: status, bodySize: status == nil ? 0 : observation.bodySize ?? exchange.count,
      timeToResponse: timeToResponse,
      duration: (isGathered ? timeToResponse : nil) ?? exchange.request.raw.stream.now() - began,
      isComplete: isComplete, end: CivilTime.now())
  }
}

/// Is told of an exchange whose request could be read, and lent what is known of its connection and where lines may wait.
// A function, which is lent what it has captured. What is taken out of an array or an optional is counted up and down
// instead, and all connections would fight over the count.
typealias ExchangeListener =
  @Sendable (Request, Exchange.Outcome, inout KnownParts, inout HeldLines) -> Void

extension ServerObserver {
  /// Whether it is of interest here when a response began.
  var needsTimeToResponse: Bool { (self as? AccessLog)?.needsTimeToResponse ?? true }

  fileprivate var listener: ExchangeListener {
    if let log = self as? AccessLog { return log.listener }
    return { request, outcome, _, _ in
      exchangeEnded(Exchange(request, from: request.peer, outcome))
    }
  }
}

extension [any ServerObserver] {
  /// Tells all of them, one after the other.
  var listener: ExchangeListener {
    guard let first else { return { _, _, _, _ in } }
    var listener = first.listener
    for observer in dropFirst() {
      let (earlier, last) = (listener, observer.listener)
      listener = {
        earlier($0, $1, &$2, &$3)
        last($0, $1, &$2, &$3)
      }
    }
    return listener
  }
}
