// When something happened, for a line of a log.

/// A moment in UTC, in text but for its milliseconds. On a connection with much to log most of it shares its second with what
/// came before, and so its text.
struct LogTime {
  private var second = Int.min
  /// See ``CivilTime/dateAndTime``.
  private(set) var dateAndTime = [19 of UInt8](repeating: 0)
  /// From 0 to 999.
  private(set) var milliseconds = 0

  /// A moment, so many seconds and milliseconds after the beginning of 1970.
  init(seconds: Int, milliseconds: Int) {
    set(seconds: seconds, milliseconds: milliseconds)
  }

  /// No moment yet.
  init() {}

  /// Makes it the present moment, as ``CivilTime/now()`` tells it.
  mutating func update() {
    let now = CivilTime.now()
    set(seconds: now.seconds, milliseconds: now.milliseconds)
  }

  /// Makes it another moment.
  mutating func set(seconds: Int, milliseconds: Int) {
    if seconds != second {
      second = seconds
      dateAndTime = CivilTime(secondsSince1970: seconds).dateAndTime
    }
    self.milliseconds = milliseconds
  }
}
