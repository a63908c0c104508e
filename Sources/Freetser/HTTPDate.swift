// The Date field (RFC 9110 section 6.6.1).

/// The current time as an HTTP date, made anew once a second.
struct HTTPDate {
  private var second = Int.min
  private var text = ""

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, for now.
  mutating func now() -> String {
    let now = CivilTime.nowInSeconds()
    if now != second {
      second = now
      text = CivilTime(secondsSince1970: now).httpDate
    }
    return text
  }
}
