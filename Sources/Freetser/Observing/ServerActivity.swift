// What a server has done and does, in numbers.

import HTTPTypes
public import KVStore
import Threads
public import Transport

/// Counts what a server does.
///
/// ```swift
/// let activity = ServerActivity()
/// configuration.observers.append(activity)
/// …
/// print(activity.counts.requestsPerSecond)
/// ```
///
/// Several servers may have the same one, and are counted together. ``Handler/statusPage(_:store:title:)`` shows it.
public final class ServerActivity: ServerObserver {
  private struct State {
    var counts = Counts()
    var seconds = RecentSeconds()
  }

  private let began = MonotonicTime.now()
  // One lock for all: it is held for some 50 ns, of the microseconds that a request takes.
  private let state = Monitor(State())

  /// Nothing yet.
  public init() {}

  /// Counts it.
  public func connectionOpened(from peer: Address) {
    state.withLock { state in
      state.counts.connections += 1
      state.counts.allConnections += 1
    }
  }

  /// Counts it.
  public func connectionClosed(from peer: Address) {
    state.withLock { $0.counts.connections -= 1 }
  }

  /// Counts it.
  public func exchangeEnded(_ exchange: Exchange) {
    let second = second(of: .lastTick())
    state.withLock { state in
      state.counts.add(exchange)
      state.seconds.add(second)
    }
  }

  private func second(of time: MonotonicTime) -> Int {
    Int((time - began).inNanoseconds / 1_000_000_000)
  }

  /// All that was counted until now.
  public var counts: Counts { counts(at: .lastTick()) }

  func counts(at now: MonotonicTime) -> Counts {
    let state = state.withLock { $0 }
    var counts = state.counts
    counts.uptime = max(.zero, now - began)
    counts.lastMinute = state.seconds.counts(before: second(of: now))
    return counts
  }

  /// What a server has done since its ``ServerActivity`` was made.
  public struct Counts: Equatable, Sendable {
    /// Since then.
    public var uptime: Duration = .zero
    /// The connections that are served now.
    public var connections = 0
    /// Those that are or were.
    public var allConnections = 0
    /// The requests that were answered with 101: their connections went on with another protocol.
    public var informational = 0
    /// Those that were answered with 200 to 299.
    public var successful = 0
    /// Those that were answered with 300 to 399.
    public var redirections = 0
    /// Those that were answered with 400 to 499.
    public var clientErrors = 0
    /// Those that were answered with 500 to 599.
    public var serverErrors = 0
    /// Those whose clients left before they were answered.
    public var unanswered = 0
    /// All of them.
    public var requests: Int {
      informational + successful + redirections + clientErrors + serverErrors + unanswered
    }
    /// The bytes of the responses' bodies.
    public var bytesSent = 0
    /// How long it took until responses began (``Exchange/timeToResponse``).
    public var responseTimes = DurationCounts()
    /// How many requests ended in each of the last 60 seconds that are over, the oldest first; fewer in the first minute.
    public var lastMinute: [Int] = []
    /// How many requests ended in a second of the last minute, on average.
    public var requestsPerSecond: Double {
      lastMinute.isEmpty ? 0 : Double(lastMinute.reduce(0, +)) / Double(lastMinute.count)
    }
  }
}

extension ServerActivity.Counts {
  fileprivate mutating func add(_ exchange: Exchange) {
    switch exchange.status?.kind {
    case .informational: informational += 1
    case .successful: successful += 1
    case .redirection: redirections += 1
    case .clientError: clientErrors += 1
    case .serverError: serverErrors += 1
    case .invalid, nil: unanswered += 1
    }
    bytesSent += exchange.bodySize
    if let time = exchange.timeToResponse { responseTimes.add(time) }
  }
}

/// How many there were in each of the last seconds: a ring, whose places are emptied when they are used again.
struct RecentSeconds {
  /// One more than are shown: the present second is not over.
  private var seconds = [(number: Int, count: Int)](
    repeating: (number: -1, count: 0), count: RecentSeconds.count + 1)

  /// How many are kept.
  static var count: Int { 60 }

  /// Counts one in a second, which is never long before the one that was counted last.
  mutating func add(_ second: Int) {
    let place = second % seconds.count
    if seconds[place].number != second { seconds[place] = (number: second, count: 0) }
    seconds[place].count += 1
  }

  /// What there was in the seconds before one, oldest first: as many as are kept, or have been.
  func counts(before second: Int) -> [Int] {
    (max(0, second - Self.count)..<second).map { number in
      let kept = seconds[number % seconds.count]
      return kept.number == number ? kept.count : 0
    }
  }
}
