// Wall time, which decides what has expired.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A moment in whole seconds since 1970-01-01 00:00 UTC.
///
/// The verbs of a routine never read a clock: they are told the time, which ``now()`` gives, so that a
/// routine does the same whenever it runs.
public struct Timestamp: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
  /// Seconds since 1970, without leap seconds.
  public var secondsSince1970: Int64

  /// The moment that many seconds after 1970 began.
  public init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

  /// The moment that many seconds after 1970 began.
  public init(integerLiteral seconds: Int64) { secondsSince1970 = seconds }

  /// Reads the system's clock: do it outside the routine, once, and hand the value in.
  public static func now() -> Timestamp {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(secondsSince1970: Int64(time.tv_sec))
  }

  /// Whether `left` is before `right`.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.secondsSince1970 < right.secondsSince1970
  }
}
