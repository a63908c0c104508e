// An observer that keeps what it is told.

import Freetser
import Threads

final class ExchangeRecorder: ServerObserver {
  private struct Seen {
    var opened = 0
    var closed = 0
    var exchanges: [Exchange] = []
  }

  private let seen = Monitor(Seen())

  var opened: Int { seen.withLock { $0.opened } }
  var closed: Int { seen.withLock { $0.closed } }
  var exchanges: [Exchange] { seen.withLock { $0.exchanges } }

  /// What became of each exchange: `GET /a 200 5 whole`, `- 400 0 cut`.
  var summaries: [String] {
    exchanges.map { exchange in
      let request = exchange.request.map { "\($0.method) \($0.target)" } ?? "?"
      let status = exchange.status.map { "\($0.code)" } ?? "-"
      return "\(request) \(status) \(exchange.bodySize) \(exchange.isComplete ? "whole" : "cut")"
    }
  }

  func connectionOpened(from peer: Address) { seen.withLock { $0.opened += 1 } }
  func connectionClosed(from peer: Address) { seen.withLock { $0.closed += 1 } }

  func exchangeEnded(_ exchange: Exchange) {
    seen.withLock { $0.exchanges.append(exchange) }
    seen.wakeAll()
  }

  /// Waits until so many exchanges have ended.
  ///
  /// - Returns: Whether they have; a test that waits in vain has failed.
  func hasSeen(exchanges count: Int) -> Bool {
    seen.wait(until: .now() + .seconds(60)) { $0.exchanges.count >= count ? true : nil } ?? false
  }
}
