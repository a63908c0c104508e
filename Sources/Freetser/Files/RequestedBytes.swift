// Which bytes of a body a request asks for (RFC 9110 section 14).

/// What the `Range` of a GET request asks for.
enum RequestedBytes: Equatable {
  /// All of them: there is no range, or none that is understood or worth it.
  case all
  /// These parts, in ascending order, none empty and none overlapping another; at least one.
  case parts([Range<Int>])
  /// None that there are.
  case none

  /// More parts than this are not sent: the whole is.
  ///
  /// Readers of documents and archives ask for a few.
  private static let maximumParts = 16

  /// Reads a `ranges-specifier`.
  ///
  /// Another unit than bytes, what is malformed, too many parts, and parts that overlap or are out of order count as no
  /// range at all (section 14.2), so that an answer is never much longer than the whole.
  ///
  /// - Parameters:
  ///   - value: The field's value, `nil` if there is none.
  ///   - size: How many bytes there are.
  init(_ value: String?, of size: Int) {
    self = .all
    // Of nothing there are no parts, and some clients ask for the first bytes of whatever there is.
    guard let value, size > 0, value.utf8.allSatisfy({ $0 < 0x80 }),
      value.prefix(6).lowercased() == "bytes="
    else { return }
    let members = value.utf8.dropFirst(6).split(separator: UInt8(ascii: ",")).map(trimmed)
      .filter { !$0.isEmpty }.map { Substring($0) }
    guard 1...Self.maximumParts ~= members.count else { return }
    var parts: [Range<Int>] = []
    for member in members {
      guard let part = Self.part(member, of: size) else { return }
      if part.isEmpty { continue }
      guard part.lowerBound >= parts.last?.upperBound ?? 0 else { return }
      parts.append(part)
    }
    self = parts.isEmpty ? .none : .parts(parts)
  }

  /// `first-pos "-" [ last-pos ]`, or `"-" suffix-length`.
  ///
  /// - Returns: What there is of it, which may be empty; `nil` if it is malformed.
  private static func part(_ text: Substring, of size: Int) -> Range<Int>? {
    guard let dash = text.firstIndex(of: "-") else { return nil }
    let (left, right) = (text[..<dash], text[text.index(after: dash)...])
    if left.isEmpty {
      return number(right).map { size - min($0, size)..<size }
    }
    guard let first = number(left), let last = right.isEmpty ? .max : number(right), first <= last
    else { return nil }
    return min(first, size)..<(min(last, size - 1) + 1)
  }

  /// `1*DIGIT`; the largest number for those that are larger.
  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
    else { return nil }
    return Int(text) ?? .max
  }
}
