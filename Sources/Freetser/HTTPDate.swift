// The Date field (RFC 9110 section 6.6.1).

/// The current time as an HTTP date, made anew once a second.
struct HTTPDate {
  /// Since 1970.
  private(set) var second = Int.min
  /// `Sun, 06 Nov 1994 08:49:37 GMT`; empty before the first update.
  private(set) var text = ""

  /// Brings both to now.
  mutating func update() {
    let now = CivilTime.nowInSeconds()
    guard now != second else { return }
    second = now
    text = CivilTime(secondsSince1970: now).httpDate
  }
}
