// What a server does, told to swift-metrics.

public import CoreMetrics
import HTTPTypes
import Threads
public import Transport

/// Sends what a server does to swift-metrics.
///
/// ```swift
/// configuration.observers.append(ServerMetrics())
/// ```
///
/// - `http.server.requests` counts them, by `method` and `status`.
/// - `http.server.duration` is how long it took until responses began (``Exchange/timeToResponse``), by the same.
/// - `http.server.connections` is how many there are now.
///
/// Methods that are not among those of RFC 9110 and PATCH are `other`, so that clients cannot make up series. `none` is
/// the method of a request whose head could not be read, and the status where nobody was left to be answered.
public final class ServerMetrics: ServerObserver {
  private struct Key: Hashable {
    var method: String
    /// 0 if there is none.
    var status: Int
  }

  private struct Series {
    let requests: Counter
    let duration: Timer
  }

  private let factory: any MetricsFactory
  private let connections: Meter
  /// Made once for each pair, as making them is costly. The lock is held meanwhile, so that it is once.
  private let series = Monitor<[Key: Series]>([:])

  /// Sends to a backend: the program's, unless said otherwise.
  ///
  /// Call `MetricsSystem.bootstrap` before.
  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    self.factory = factory
    connections = Meter(label: "http.server.connections", factory: factory)
  }

  /// Counts it.
  public func connectionOpened(from peer: Address) { connections.increment() }

  /// Counts it.
  public func connectionClosed(from peer: Address) { connections.decrement() }

  /// Counts it.
  public func exchangeEnded(_ exchange: Exchange) {
    let series = series(of: exchange)
    series.requests.increment()
    if let time = exchange.timeToResponse { series.duration.recordNanoseconds(time.inNanoseconds) }
  }

  private func series(of exchange: Exchange) -> Series {
    let key = Key(method: method(of: exchange), status: exchange.status?.code ?? 0)
    return series.withLock { all in
      if let series = all[key] { return series }
      let labels = [
        ("method", key.method), ("status", key.status == 0 ? "none" : String(key.status)),
      ]
      let series = Series(
        requests: Counter(label: "http.server.requests", dimensions: labels, factory: factory),
        duration: Timer(label: "http.server.duration", dimensions: labels, factory: factory))
      all[key] = series
      return series
    }
  }

  private func method(of exchange: Exchange) -> String {
    guard let method = exchange.request?.method else { return "none" }
    return Self.known.contains(method) ? method.rawValue : "other"
  }

  private static let known: Set<HTTPRequest.Method> = [
    .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch,
  ]
}
