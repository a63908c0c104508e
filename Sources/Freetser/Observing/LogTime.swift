// When something happened, for a line of a log.

/// A moment in UTC, in text. Where there is much to log most of it shares its millisecond with what came before, and so its
/// text.
struct LogTime {
  private var moment = CivilTime.Moment(seconds: .min, milliseconds: 0)
  /// As in `2026-11-26T18:16:53.123Z` (RFC 3339), of the years 0 to 9999.
  private(set) var text = [24 of UInt8](repeating: UInt8(ascii: "Z"))

  /// Makes it another moment; returns whether its text is another one now.
  @discardableResult
  mutating func set(_ new: CivilTime.Moment) -> Bool {
    if new == moment { return false }
    if new.seconds != moment.seconds {
      let date = CivilTime(secondsSince1970: new.seconds).dateAndTime
      for place in date.indices { text[place] = date[place] }
      text[19] = UInt8(ascii: ".")
    }
    moment = new
    text[20] = UInt8(ascii: "0") + UInt8(new.milliseconds / 100)
    text[21] = UInt8(ascii: "0") + UInt8(new.milliseconds / 10 % 10)
    text[22] = UInt8(ascii: "0") + UInt8(new.milliseconds % 10)
    return true
  }
}
