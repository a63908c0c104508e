// The lines of a head, each taken apart and checked in one pass from left to right.
//
// Where a byte does not belong, a line is flawed if it is complete; if its end has not come, nothing is said yet, as
// the answer may not depend on how much has come. `refuseIfComplete` sees to that.

enum HeadLines {
  /// `request-line = method SP request-target SP HTTP-version` (RFC 9112 section 3).
  ///
  /// - Parameter start: Where the line begins; if it is taken, where the next begins.
  /// - Returns: The line, or `nil` if it is not complete.
  static func requestLine(
    _ input: Span<UInt8>, from start: inout Int, to end: Int
  ) throws(ProtocolError) -> HeadParser.StartLine? {
    let method = start..<input.endOfToken(from: start, to: end)
    guard let byte = input.byte(at: method.upperBound, before: end) else { return nil }
    guard byte == UInt8(ascii: " "), !method.isEmpty else {
      let isOver = byte == UInt8(ascii: "\r")
      try refuseIfComplete(
        isOver ? .malformedRequestLine : .invalidMethod, input, from: method.upperBound, end)
      return nil
    }

    let targetStart = method.upperBound + 1
    let target = targetStart..<input.endOfTarget(from: targetStart, to: end)
    guard let byte = input.byte(at: target.upperBound, before: end) else { return nil }
    guard byte == UInt8(ascii: " "), !target.isEmpty else {
      // What ends too soon lacks a part; anything else is no part of a target.
      let isOver = byte == UInt8(ascii: "\r") || byte == UInt8(ascii: " ")
      try refuseIfComplete(
        isOver ? .malformedRequestLine : .invalidTarget, input, from: target.upperBound, end)
      return nil
    }

    guard let (version, next) = try versionAndEnd(input, from: target.upperBound + 1, to: end)
    else {
      return nil
    }
    if let reason = Target.flawInForm(input, method: method, target: target) {
      throw ProtocolError(reason, by: .peer)
    }
    start = next
    return .request(method: ByteRange(method), target: ByteRange(target), version: version)
  }

  /// `HTTP-version CRLF`, the end of a request line.
  ///
  /// - Returns: The version and where the next line begins, or `nil` if the line is not complete.
  @inline(__always)
  private static func versionAndEnd(
    _ input: Span<UInt8>, from start: Int, to end: Int
  ) throws(ProtocolError) -> (Version, next: Int)? {
    let expected = start..<(start + Version.length)
    if expected.upperBound < end,
      case .ends(let next) = ending(input, at: expected.upperBound, end),
      let version = Version.readHTTP1(input, expected)
    {
      return (version, next)
    }
    let found = start..<input.endOfFieldContent(from: start, to: end)
    guard let next = try lineEnd(input, at: found.upperBound, end, else: .malformedVersion) else {
      return nil
    }
    return (try Version.parse(input, found), next)
  }

  /// `status-line = HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 section 4).
  ///
  /// The second space is often left out when there is no reason; we take that, as everyone does.
  ///
  /// - Parameter start: Where the line begins; if it is taken, where the next begins.
  /// - Returns: The line, or `nil` if it is not complete.
  static func statusLine(
    _ input: Span<UInt8>, from start: inout Int, to end: Int
  ) throws(ProtocolError) -> HeadParser.StartLine? {
    let line = start..<input.endOfFieldContent(from: start, to: end)
    guard let next = try lineEnd(input, at: line.upperBound, end, else: .invalidReason) else {
      return nil
    }
    let statusStart = start + Version.length + 1
    let statusEnd = statusStart + 3
    guard line.upperBound >= statusEnd, input[statusStart - 1] == UInt8(ascii: " "),
      line.upperBound == statusEnd || input[statusEnd] == UInt8(ascii: " ")
    else { throw ProtocolError(.malformedStatusLine, by: .peer) }
    let version = try Version.parse(input, start..<(statusStart - 1))
    var status = 0
    for index in statusStart..<statusEnd {
      guard Grammar.isDigit(input[index]) else { throw ProtocolError(.invalidStatus, by: .peer) }
      status = status * 10 + Int(input[index] - UInt8(ascii: "0"))
    }
    guard status >= 100 else { throw ProtocolError(.invalidStatus, by: .peer) }
    let reason = min(statusEnd + 1, line.upperBound)..<line.upperBound
    start = next
    return .response(status: status, reason: ByteRange(reason), version: version)
  }

  /// What stands where a field line may.
  enum LastFound {
    /// A field line, which was taken.
    case line
    /// The empty line behind the last of them, which was passed over.
    case emptyLine
    /// Something that is not complete.
    case unfinished
  }

  /// `*( field-name ":" OWS field-value OWS CRLF )` (RFC 9112 section 5), as many lines as there is room for.
  ///
  /// - Returns: What was found last, and where what was not taken begins.
  static func fieldLines(
    _ input: Span<UInt8>, from start: Int, to end: Int, into lines: inout OutputSpan<FieldLine>
  ) throws(ProtocolError) -> (LastFound, next: Int) {
    var start = start
    while !lines.isFull {
      let name = start..<input.endOfToken(from: start, to: end)
      guard name.upperBound < end else { return (.unfinished, start) }
      guard !name.isEmpty, input[name.upperBound] == UInt8(ascii: ":") else {
        return try withoutName(input, name, end)
      }

      var valueStart = name.upperBound + 1
      while valueStart < end, Grammar.isSpace(input[valueStart]) { valueStart += 1 }
      // Begins at the name, whose bytes may all stand in a value: so this scan does not wait for the one before.
      var valueEnd = input.endOfFieldContent(from: start, to: end)
      guard let next = try lineEnd(input, at: valueEnd, end, else: .invalidFieldValue) else {
        return (.unfinished, start)
      }
      while valueEnd > valueStart, Grammar.isSpace(input[valueEnd - 1]) { valueEnd -= 1 }
      lines.append(FieldLine(name: name, value: valueStart..<valueEnd))
      start = next
    }
    return (.line, start)
  }

  /// What stands there is no name with a colon: an empty line, or one that is flawed.
  private static func withoutName(
    _ input: Span<UInt8>, _ name: Range<Int>, _ end: Int
  ) throws(ProtocolError) -> (LastFound, next: Int) {
    let start = name.lowerBound
    switch ending(input, at: start, end) {
    case .ends(let next): return (.emptyLine, next)
    case .mayEnd: return (.unfinished, start)
    case .goesOn:
      let reason = reason(notColon: input[name.upperBound], nameIsEmpty: name.isEmpty)
      try refuseIfComplete(reason, input, from: name.upperBound, end)
      return (.unfinished, start)
    }
  }

  /// Why a name is not followed by a colon.
  private static func reason(
    notColon byte: UInt8, nameIsEmpty: Bool
  ) -> ProtocolError.Reason {
    switch byte {
    // Section 5.2: a line that begins with a space would continue the one before it.
    case UInt8(ascii: " "), UInt8(ascii: "\t"): nameIsEmpty ? .lineFolding : .spaceAroundFieldName
    case UInt8(ascii: "\r"): .missingColon
    default: .invalidFieldName
    }
  }

  // MARK: Ends of lines

  /// Where the next line begins, if CR LF stands at `index`; `nil` if that has not come yet.
  ///
  /// - Throws: Where something else stands there, `reason`, or that a CR or LF stands alone.
  @inline(__always)
  private static func lineEnd(
    _ input: Span<UInt8>, at index: Int, _ end: Int, else reason: ProtocolError.Reason
  ) throws(ProtocolError) -> Int? {
    guard index < end else { return nil }
    switch ending(input, at: index, end) {
    case .ends(let next): return next
    case .mayEnd: return nil
    case .goesOn:
      let isReturn = input[index] == UInt8(ascii: "\r")
      try refuseIfComplete(isReturn ? .bareCarriageReturn : reason, input, from: index, end)
      return nil
    }
  }

  /// What stands where a line may end.
  enum End {
    /// CR LF; the next line begins there.
    case ends(next: Int)
    /// CR, and nothing has come behind it.
    case mayEnd
    /// Something else.
    case goesOn
  }

  /// Whether the line ends at `index`, which is before `end`.
  @inline(__always)
  static func ending(_ input: Span<UInt8>, at index: Int, _ end: Int) -> End {
    guard input[index] == UInt8(ascii: "\r") else { return .goesOn }
    guard index + 1 < end else { return .mayEnd }
    return input[index + 1] == UInt8(ascii: "\n") ? .ends(next: index + 2) : .goesOn
  }

  /// Throws if the line is complete: its flaw is `reason`, unless it ends with LF alone, which is a flaw before all
  /// others.
  ///
  /// - Parameter index: Where the flaw is. There is no LF before it.
  private static func refuseIfComplete(
    _ reason: ProtocolError.Reason, _ input: Span<UInt8>, from index: Int, _ end: Int
  ) throws(ProtocolError) {
    guard let lineFeed = input.lineFeed(from: index, to: end) else { return }
    let isBare = lineFeed == 0 || input[lineFeed - 1] != UInt8(ascii: "\r")
    throw ProtocolError(isBare ? .bareLineFeed : reason, by: .peer)
  }
}

extension Span where Element == UInt8 {
  @inline(__always)
  fileprivate func byte(at index: Int, before end: Int) -> UInt8? {
    index < end ? self[index] : nil
  }
}
