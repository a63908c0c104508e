// Time for deadlines: it never jumps, and it means nothing outside this process.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Nanoseconds on the system's monotonic clock.
public struct MonotonicTime: Comparable, Sendable {
  @usableFromInline package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Reads the clock; on Linux this is no system call.
  package static func now() -> MonotonicTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// The time of the system's last tick, mostly 1 to 4 ms ago, for a fraction of what the exact time costs.
  package static func lastTick() -> MonotonicTime {
    #if canImport(Darwin)
      return now()
    #else
      var time = timespec()
      unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
      return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    #endif
  }

  /// A time past every other: a deadline that never comes.
  public static let distantFuture = MonotonicTime(nanoseconds: .max)

  /// Whether `left` is before `right`.
  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The time `duration` later, or the farthest that can be counted.
  package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.inNanoseconds)
    if overflow { return MonotonicTime(nanoseconds: duration < .zero ? .min : .max) }
    return MonotonicTime(nanoseconds: sum)
  }

  /// The time from `earlier` to `later`.
  package static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
    .nanoseconds(later.nanoseconds - earlier.nanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds, held to what `Int64` can count (292 years).
  package var inNanoseconds: Int64 {
    // Nine seconds fit into one word, and to divide two takes ten times as long.
    if let word = Int64(exactly: attoseconds) { return word / 1_000_000_000 }
    return Int64(clamping: attoseconds / 1_000_000_000)
  }
}
