// Dates that clients send (RFC 9110 section 5.6.7).

extension CivilTime {
  /// The three forms of an HTTP-date: today's, that of RFC 850, and that of C's asctime.
  ///
  /// `W` and `w` are a long and a short name of a weekday, `d` and `e` a day of two digits or of a space and one, `m` a
  /// month, `Y` and `y` a year of four or two digits, `t` a time of day; the rest stands for itself.
  private static let forms = ["w, d m Y t GMT", "W, d-m-y t GMT", "w m e t Y"]

  /// Reads a date in any of the three forms.
  ///
  /// - Parameters:
  ///   - text: The whole value of a field. Names are English, in their usual case.
  ///   - thisYear: For a year of two digits, which is never more than 50 years ahead.
  /// - Returns: `nil` if the text is no date, or one that no calendar has. The weekday may be wrong.
  init?(httpDate text: String, thisYear: Int) {
    // The longest is 33 characters: `Wednesday, 09-Nov-94 08:49:37 GMT`.
    guard text.utf8.count <= 33, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
    for form in Self.forms {
      if let time = try? Self(text, as: form, thisYear: thisYear), time.exists {
        self = time
        return
      }
    }
    return nil
  }

  private init(_ text: String, as form: String, thisYear: Int) throws(DateReader.Mismatch) {
    self.init(secondsSince1970: 0)
    var reader = DateReader(rest: text[...])
    for symbol in form {
      switch symbol {
      case "W": weekday = try reader.name(of: Self.days)
      case "w": weekday = try reader.name(of: Self.days.map { String($0.prefix(3)) })
      case "d": day = try reader.number(digits: 2)
      case "e": day = try reader.numberAfterSpaces(width: 2)
      case "m": month = try reader.name(of: Self.months) + 1
      case "Y": year = try reader.number(digits: 4)
      case "y":
        year = try reader.number(digits: 2) + thisYear / 100 * 100
        if year > thisYear + 50 { year -= 100 }
      case "t":
        hour = try reader.number(digits: 2)
        try reader.expect(":")
        minute = try reader.number(digits: 2)
        try reader.expect(":")
        second = try reader.number(digits: 2)
      default: try reader.expect(symbol)
      }
    }
    guard reader.rest.isEmpty else { throw DateReader.Mismatch() }
  }

  /// Whether calendars have the day and clocks the time; 60 is a leap second.
  private var exists: Bool {
    guard 1...31 ~= day, 0...23 ~= hour, 0...59 ~= minute, 0...60 ~= second else { return false }
    var midnight = self
    (midnight.hour, midnight.minute, midnight.second) = (0, 0, 0)
    return CivilTime(secondsSince1970: midnight.secondsSince1970).day == day
  }
}

/// Takes a text apart from its beginning.
private struct DateReader {
  var rest: Substring

  struct Mismatch: Error {}

  mutating func expect(_ character: Character) throws(Mismatch) {
    guard rest.popFirst() == character else { throw Mismatch() }
  }

  mutating func number(digits count: Int) throws(Mismatch) -> Int {
    let digits = rest.prefix(count)
    guard digits.count == count, digits.allSatisfy({ "0"..."9" ~= $0 }), let number = Int(digits)
    else { throw Mismatch() }
    rest.removeFirst(count)
    return number
  }

  mutating func numberAfterSpaces(width: Int) throws(Mismatch) -> Int {
    let spaces = rest.prefix(width - 1).prefix { $0 == " " }.count
    rest.removeFirst(spaces)
    return try number(digits: width - spaces)
  }

  /// - Returns: Which of the names comes.
  mutating func name(of names: [String]) throws(Mismatch) -> Int {
    guard let found = names.firstIndex(where: { rest.hasPrefix($0) }) else { throw Mismatch() }
    rest.removeFirst(names[found].count)
    return found
  }
}
