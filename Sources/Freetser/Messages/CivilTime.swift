// Date and time of day in UTC, for the Date field and for log lines.
//
// `gmtime_r` fills a structure that holds a pointer, and FoundationEssentials loads a calendar; this is arithmetic.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A moment in UTC, to the second, in the proleptic Gregorian calendar.
struct CivilTime: Equatable {
  var year: Int
  var month: Int
  var day: Int
  var hour: Int
  var minute: Int
  var second: Int
  /// 0 is Sunday.
  var weekday: Int

  /// The moment so many seconds after the beginning of 1970.
  ///
  /// Years are counted from March, so that the leap day is a year's last, in eras of 400 years (146,097 days).
  init(secondsSince1970 total: Int) {
    let daysSince1970 = total >= 0 ? total / 86_400 : (total - 86_399) / 86_400
    let secondOfDay = total - daysSince1970 * 86_400
    (hour, minute, second) = (secondOfDay / 3_600, secondOfDay / 60 % 60, secondOfDay % 60)
    weekday = ((daysSince1970 + 4) % 7 + 7) % 7

    let days = daysSince1970 + 719_468  // since 0000-03-01
    let era = (days >= 0 ? days : days - 146_096) / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Seconds since the beginning of 1970. The weekday does not matter.
  ///
  /// The way back of ``init(secondsSince1970:)``.
  var secondsSince1970: Int {
    let year = month <= 2 ? year - 1 : year
    let monthFromMarch = (month + 9) % 12
    let leapDays = floored(year, 4) - floored(year, 100) + floored(year, 400)
    let days = 365 * year + leapDays + (153 * monthFromMarch + 2) / 5 + day - 1
    return (days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second
  }

  private func floored(_ number: Int, _ divisor: Int) -> Int {
    (number >= 0 ? number : number - divisor + 1) / divisor
  }

  /// Seconds since 1970, now: see ``now()``.
  static func nowInSeconds() -> Int { now().seconds }

  /// Seconds since 1970, and what is over in milliseconds.
  struct Moment: Equatable {
    var seconds: Int
    var milliseconds: Int
  }

  /// The moment on the system's clock as of its last tick, mostly 1 to 4 ms ago, as the times of files are, for a fraction of
  /// what the exact time costs.
  static func now() -> Moment {
    var time = timespec()
    #if canImport(Darwin)
      unsafe clock_gettime(CLOCK_REALTIME, &time)
    #else
      unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
    #endif
    return Moment(seconds: Int(time.tv_sec), milliseconds: Int(time.tv_nsec) / 1_000_000)
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate, RFC 9110 section 5.6.7).
  var httpDate: String {
    "\(Self.days[weekday].prefix(3)), \(padded(day)) \(Self.months[month - 1]) \(padded(year, to: 4)) "
      + "\(padded(hour)):\(padded(minute)):\(padded(second)) GMT"
  }

  static let days = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `1994-11-06T08:49:37Z` (RFC 3339).
  var timestamp: String {
    String(copying: dateAndTime.span, 0..<dateAndTime.count) + "Z"
  }

  /// `1994-11-06T08:49:37`: a ``timestamp`` before its zone, of the years 0 to 9999.
  var dateAndTime: [19 of UInt8] {
    var text = [19 of UInt8](repeating: UInt8(ascii: "-"))
    func write(_ number: Int, at place: Int) {
      text[place] = UInt8(ascii: "0") + UInt8(number / 10)
      text[place + 1] = UInt8(ascii: "0") + UInt8(number % 10)
    }
    write(year / 100, at: 0)
    write(year % 100, at: 2)
    write(month, at: 5)
    write(day, at: 8)
    text[10] = UInt8(ascii: "T")
    write(hour, at: 11)
    text[13] = UInt8(ascii: ":")
    write(minute, at: 14)
    text[16] = UInt8(ascii: ":")
    write(second, at: 17)
    return text
  }

  private func padded(_ number: Int, to width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
