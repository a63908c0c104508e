// Tells those who observe a server of each exchange. Nothing of it happens where nobody does.

import HTTPCore
import HTTPTypes
import Threads

/// An exchange that goes on, and when it began.
///
/// An object, so that a connection that nobody observes has no room for it.
final class Observation {
  var exchange: Exchange
  let began: MonotonicTime

  init(_ exchange: Exchange, began: MonotonicTime) {
    self.exchange = exchange
    self.began = began
  }
}

extension ConnectionLoop {
  // Not inlined, here and below, as connections that nobody observes need no stack for it.
  @inline(never)
  mutating func beginObservation(of head: RequestHead, from origin: RequestOrigin) {
    let request = Request(
      head: head, body: [], isServerReady: service.isReady, origin: origin, number: requests)
    let stream = exchange.request.raw.stream
    observation = Observation(Exchange(request, from: stream.peer), began: stream.now())
  }

  /// A response was sent.
  @inline(never)
  mutating func endObservation(with response: Response) {
    observation?.exchange.status = response.status
    if case .bytes(let bytes) = response.body {
      let isSent = !response.isBodiless && observation?.exchange.request?.method != .head
      observation?.exchange.bodySize = isSent ? bytes.count : 0
    } else {
      observation?.exchange.bodySize = exchange.count
    }
    report(isComplete: true)
  }

  /// The connection ended before its time.
  @inline(never)
  mutating func endObservation(after interruption: Interruption) {
    guard service.isObserved else { return }
    let stream = exchange.request.raw.stream
    switch interruption {
    case .refused(let refusal):
      // What could not be read was a request too.
      observation =
        observation ?? Observation(Exchange(nil, from: stream.peer), began: stream.now())
      observation?.exchange.status = refusal.status
      report(isComplete: true)
    case .overdue:
      observation?.exchange.status = Refusal.handlerOverdue.status
      report(isComplete: true)
    case .cut, .lost:
      observation?.exchange.bodySize = exchange.count
      report(isComplete: false)
    }
  }

  private mutating func report(isComplete: Bool) {
    guard let observation else { return }
    self.observation = nil
    observation.exchange.isComplete = isComplete
    observation.exchange.duration = exchange.request.raw.stream.now() - observation.began
    service.observe { $0.exchangeEnded(observation.exchange) }
  }
}
