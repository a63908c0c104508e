// The Date field (RFC 9110 section 6.6.1).

import Threads

/// The current time as an HTTP date, made once a second for all connections.
final class HTTPDate: Sendable {
  private let made = Monitor((second: Int.min, text: ""))

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, for a second since 1970.
  func text(for second: Int) -> String {
    made.withLock { made in
      if made.second != second {
        made = (second, CivilTime(secondsSince1970: second).httpDate)
      }
      return made.text
    }
  }
}
