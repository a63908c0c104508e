// Numbers and times as people read them, in the units that fit.

import Threads

enum Shown {
  /// Keeps a number and its unit on one line.
  private static let space = "\u{a0}"

  /// `1,234,567`.
  static func count(_ number: Int) -> String {
    var digits = String(number)
    var groups: [String] = []
    while digits.count > 3 {
      groups.append(String(digits.suffix(3)))
      digits.removeLast(3)
    }
    return ([digits] + groups.reversed()).joined(separator: ",")
  }

  /// `0.12`, `1.2`, `12.3`, `123`, `1,234`: what is behind the point matters less the larger the number is.
  static func decimal(_ number: Double) -> String {
    let scale = number < 0.995 ? 100 : number < 99.95 ? 10 : 1
    let parts = Int((number * Double(scale)).rounded())
    if parts.isMultiple(of: scale) { return count(parts / scale) }
    let digits = scale == 100 ? 2 : 1
    let rest = String(parts % scale)
    return "\(parts / scale).\(String(repeating: "0", count: digits - rest.count))\(rest)"
  }

  /// `1.2 MB`, in powers of 1,000.
  static func bytes(_ number: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var (value, unit) = (Double(number), 0)
    while value >= 999.5, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return decimal(value) + space + units[unit]
  }

  /// `340 µs`, `1.2 ms`, `12.3 s`, `4 min`, `3 h 20 min`, `12 d 3 h`.
  static func time(_ duration: Duration) -> String {
    let seconds = duration / .seconds(1)
    if seconds <= 0 { return "0" }
    if seconds < 0.000_999_5 { return decimal(seconds * 1_000_000) + space + "µs" }
    if seconds < 0.999_5 { return decimal(seconds * 1_000) + space + "ms" }
    if seconds < 60 { return decimal(seconds) + space + "s" }
    let minutes = Int(seconds / 60)
    if minutes < 60 { return "\(minutes)\(space)min" }
    if minutes < 24 * 60 { return "\(minutes / 60)\(space)h \(minutes % 60)\(space)min" }
    return "\(minutes / (24 * 60))\(space)d \(minutes / 60 % 24)\(space)h"
  }

  /// `2026-11-26 18:16:53`: now, in UTC.
  static func present() -> String {
    CivilTime(secondsSince1970: CivilTime.nowInSeconds()).timestamp.replacing("T", with: " ")
      .replacing("Z", with: "")
  }
}
