// Tells those who observe a server of each exchange. Nothing of it happens where nobody does.
//
// What is observed is what is sent, not what the handler gave: the status and the size are noted where a head is made.

import HTTPCore
import Threads
import Transport

/// An exchange that goes on, and when it began.
///
/// An object, so that a connection that nobody observes has no room for it.
final class Observation {
  var exchange: Exchange
  let began: MonotonicTime
  /// Whether the handler writes the body, so that its size is known in the end.
  var isWritten = false

  init(_ exchange: Exchange, began: MonotonicTime) {
    self.exchange = exchange
    self.began = began
  }
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
  mutating func beginObservation(of head: RequestHead, from origin: RequestOrigin) {
    let request = Request(
      head: head, body: [], isServerReady: service.isReady, origin: origin, number: requests)
    let stream = exchange.request.raw.stream
    observation = Observation(Exchange(request, from: stream.peer), began: stream.now())
  }

  /// A response begins, with so many bytes of body, or with what is written yet.
  @inline(never)
  mutating func observe(_ response: Response, bodySize: Int?) {
    guard let observation else { return }
    let isForHead = exchange.request.machine.isAnsweringHead
    observation.exchange.status = response.status
    observation.exchange.bodySize = isForHead ? 0 : bodySize ?? 0
    observation.exchange.timeToResponse =
      exchange.request.raw.stream.now() - observation.began
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
    let stream = exchange.request.raw.stream
    // What could not be read was a request too.
    observation =
      observation ?? Observation(Exchange(nil, from: stream.peer), began: stream.now())
    let response = refusal.response
    observe(response, bodySize: response.bytes?.count)
    report(isComplete: true)
  }

  private mutating func report(isComplete: Bool) {
    guard let observation else { return }
    self.observation = nil
    if observation.isWritten { observation.exchange.bodySize = exchange.count }
    observation.exchange.isComplete = isComplete
    observation.exchange.duration = exchange.request.raw.stream.now() - observation.began
    service.observe { $0.exchangeEnded(observation.exchange) }
  }
}
