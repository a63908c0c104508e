// When something happened, for a line of a log.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A moment in UTC, in text but for its milliseconds. Most of what is logged shares its second with what was logged before it,
/// and so its text.
struct LogTime {
  private var second = Int.min
  /// See ``CivilTime/dateAndTime``.
  private(set) var dateAndTime = [19 of UInt8](repeating: 0)
  /// From 0 to 999.
  private(set) var milliseconds = 0

  /// A moment, so many seconds and milliseconds after the beginning of 1970.
  init(seconds: Int, milliseconds: Int) { set(seconds, milliseconds) }

  /// No moment yet.
  init() {}

  /// Makes it the present moment as of the system's last tick, mostly 1 to 4 ms ago, for a fraction of what the exact time
  /// costs.
  mutating func update() {
    var time = timespec()
    #if canImport(Darwin)
      unsafe clock_gettime(CLOCK_REALTIME, &time)
    #else
      unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
    #endif
    set(Int(time.tv_sec), Int(time.tv_nsec) / 1_000_000)
  }

  private mutating func set(_ seconds: Int, _ milliseconds: Int) {
    if seconds != second {
      second = seconds
      dateAndTime = CivilTime(secondsSince1970: seconds).dateAndTime
    }
    self.milliseconds = milliseconds
  }
}
