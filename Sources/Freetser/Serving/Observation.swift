// Tells those who observe a server of each exchange. Nothing of it happens where nobody does.
//
// What is observed is what is sent, not what the handler gave: the status and the size are noted where a head is made.

import HTTPCore
import Threads
import Transport

/// The exchange of a connection that goes on, and when it began.
struct Observation {
  /// `nil` between exchanges, and where nobody observes.
  var exchange: Exchange?
  var began = MonotonicTime.distantFuture
  /// Whether the handler writes the body, so that its size is known in the end.
  var isWritten = false
  /// The time of day, kept from one exchange to the next.
  var clock = LogTime()
}

// Not inlined, as connections that nobody observes need no stack for it.
extension ConnectionLoop {
  @inline(never)
  mutating func observeOpening() {
    let peer = exchange.request.raw.stream.peer
    service.observe { $0.connectionOpened(from: peer) }
  }

  @inline(never)
  mutating func observeClosing() {
    let peer = exchange.request.raw.stream.peer
    service.observe { $0.connectionClosed(from: peer) }
  }

  @inline(never)
  mutating func beginObservation(of request: Request?) {
    observation.exchange = Exchange(request, from: exchange.request.raw.stream.peer)
    observation.began = exchange.request.raw.stream.now()
    observation.isWritten = false
  }

  /// A response begins, with so many bytes of body, or with what is written yet.
  @inline(never)
  mutating func observe(_ response: Response, bodySize: Int?) {
    let isForHead = exchange.request.machine.isAnsweringHead
    observation.exchange?.responseBegan(
      response.status, bodySize: isForHead ? 0 : bodySize ?? 0,
      after: exchange.request.raw.stream.now() - observation.began)
    observation.isWritten = bodySize == nil
  }

  /// A response was given.
  ///
  /// It is sent before others hear of it, so that its client does not wait for them; but not if the next request is there
  /// already, with whose answer it leaves.
  @inline(never)
  mutating func endObservation() throws(Interruption) {
    if exchange.request.raw.input.isEmpty { try flush() }
    report(isComplete: true)
  }

  /// The connection ends before its time.
  @inline(never)
  mutating func endObservation(after interruption: Interruption) {
    switch interruption {
    case .refused(let refusal): report(refusal)
    case .overdue: report(.handlerOverdue)
    case .cut, .lost: report(isComplete: false)
    }
  }

  private mutating func report(_ refusal: Refusal) {
    // What could not be read was a request too.
    if observation.exchange == nil { beginObservation(of: nil) }
    let response = refusal.response
    observe(response, bodySize: response.size)
    report(isComplete: true)
  }

  private mutating func report(isComplete: Bool) {
    if observation.isWritten { observation.exchange?.bodySize = exchange.count }
    // What leaves with the answers before it is not waited for.
    let isGathered =
      isComplete && !observation.isWritten && !exchange.request.raw.output.isEmpty
    let time = isGathered ? nil : exchange.request.raw.stream.now() - observation.began
    observation.clock.update()
    observation.exchange?.responseEnded(at: observation.clock, after: time, isComplete: isComplete)
    guard let ended = observation.exchange.take() else { return }
    service.observe { $0.exchangeEnded(ended) }
  }
}
