// A clock that a test turns.

public import KVStore
import Threads

/// Wall time that stands still until a test moves it, for what expires.
///
/// ```swift
/// let clock = TestClock()
/// let app = try TestClient(makeServer(store, now: { clock.now }))
/// clock.advance(by: 3600)
/// ```
///
/// Give a store's `configuration.clock` the same, if it deletes by itself what has expired.
public final class TestClock: Sendable {
  private let time: Monitor<Timestamp>

  /// A clock that shows this time; by default the morning of 1 January 2030, UTC.
  public init(_ now: Timestamp = 1_893_488_400) {
    time = Monitor(now)
  }

  /// What it shows. It may be set back too.
  public var now: Timestamp {
    get { time.withLock { $0 } }
    set { time.withLock { $0 = newValue } }
  }

  /// Lets so many seconds pass.
  public func advance(by seconds: Int64) {
    time.withLock { $0.secondsSince1970 += seconds }
  }
}
