// Reads a head, or trailers, line by line as the lines become complete.
//
// The input is looked at again from the head's first byte on each call, but only from where the last call
// stopped looking: a head that comes byte by byte costs no more than one that comes whole. Each line is checked
// when its LF is there, and each limit as soon as it is passed, so that what is reported depends on the bytes
// alone and never on how they were split.

/// What a head parser has found so far.
struct HeadParser: Equatable, Sendable {
  enum Kind: Equatable, Sendable {
    case request
    case response
    case trailers
  }

  /// A start line taken apart; ranges count from the head's first byte.
  enum StartLine: Equatable, Sendable {
    case none
    case request(method: Range<Int>, target: Range<Int>, version: Version)
    case response(status: Int, reason: Range<Int>, version: Version)
  }

  let kind: Kind
  private(set) var startLine = StartLine.none
  private(set) var lines: [FieldLine] = []
  /// Where the line that is not complete yet begins.
  private var lineStart = 0
  /// How far that line's end has been looked for.
  private var scanned = 0

  init(_ kind: Kind) {
    self.kind = kind
  }

  /// Reads on.
  ///
  /// - Parameter input: Everything from the head's first byte on.
  /// - Returns: The length of the complete head with its empty line, or `nil` while some of it is missing.
  mutating func parse(
    _ input: Span<UInt8>, limits: Limits
  ) throws(ProtocolError) -> Int? {
    if scanned == 0, !input.isEmpty { try checkFirstByte(input[0]) }
    while true {
      let end = min(input.count, byteLimit(limits))
      guard let lineFeed = findLineFeed(input, from: scanned, to: end) else {
        scanned = end
        if input.count >= byteLimit(limits) { throw tooLong(limits) }
        return nil
      }
      guard lineFeed > lineStart, input[lineFeed - 1] == UInt8(ascii: "\r") else {
        throw ProtocolError(.bareLineFeed, by: .peer)
      }
      let line = lineStart..<(lineFeed - 1)
      scanned = lineFeed + 1
      let isFirst = lineStart == 0
      lineStart = scanned
      if line.isEmpty {
        // RFC 9112 section 2.2: a server skips an empty line before a request line. We skip one.
        if kind == .request, isFirst { continue }
        if kind == .trailers || startLine != .none { return scanned }
      }
      switch (kind, startLine) {
      case (.request, .none): startLine = try Self.parseRequestLine(input, line)
      case (.response, .none): startLine = try Self.parseStatusLine(input, line)
      default:
        guard lines.count < limits.fieldCount else {
          throw ProtocolError(.tooManyFields(limit: limits.fieldCount), by: .peer)
        }
        lines.append(try Self.parseFieldLine(input, line))
      }
    }
  }

  /// Whether nothing but an empty line has come: then closing is no interruption.
  func hasOnlySkippedLine(_ input: Span<UInt8>) -> Bool {
    kind == .request && input.count <= 2 && scanned == input.count && lineStart == scanned
  }

  // MARK: Limits

  /// How many bytes may come before the next line's LF must have.
  private func byteLimit(_ limits: Limits) -> Int {
    switch (kind, startLine) {
    case (.trailers, _): limits.trailers
    case (_, .none): min(limits.startLine + lineStart, limits.head)
    default: limits.head
    }
  }

  private func tooLong(_ limits: Limits) -> ProtocolError {
    switch (kind, startLine) {
    case (.trailers, _): ProtocolError(.trailersTooLarge(limit: limits.trailers), by: .peer)
    case (_, .none) where limits.startLine + lineStart <= limits.head:
      ProtocolError(.startLineTooLong(limit: limits.startLine), by: .peer)
    default: ProtocolError(.headTooLarge(limit: limits.head), by: .peer)
    }
  }

  /// Refuses at once what cannot become a start line, such as the first byte of TLS.
  private func checkFirstByte(_ byte: UInt8) throws(ProtocolError) {
    switch kind {
    case .request where !Grammar.tchar.contains(byte) && byte != UInt8(ascii: "\r"):
      throw ProtocolError(byte == UInt8(ascii: "\n") ? .bareLineFeed : .invalidMethod, by: .peer)
    case .response where byte != UInt8(ascii: "H"):
      throw ProtocolError(.malformedStatusLine, by: .peer)
    default: break
    }
  }

  private func findLineFeed(_ input: Span<UInt8>, from start: Int, to end: Int) -> Int? {
    var index = start
    while index < end {
      if input[index] == UInt8(ascii: "\n") { return index }
      index += 1
    }
    return nil
  }

  // MARK: Lines

  /// `request-line = method SP request-target SP HTTP-version` (RFC 9112 section 3).
  private static func parseRequestLine(
    _ input: Span<UInt8>, _ line: Range<Int>
  ) throws(ProtocolError) -> StartLine {
    guard let first = input.firstIndex(of: UInt8(ascii: " "), in: line) else {
      throw ProtocolError(.malformedRequestLine, by: .peer)
    }
    let method = line.lowerBound..<first
    guard Grammar.isToken(input, method) else { throw ProtocolError(.invalidMethod, by: .peer) }
    let rest = (first + 1)..<line.upperBound
    guard let second = input.firstIndex(of: UInt8(ascii: " "), in: rest) else {
      throw ProtocolError(.malformedRequestLine, by: .peer)
    }
    let target = rest.lowerBound..<second
    let version = try Version.parse(input, (second + 1)..<line.upperBound)
    if let flaw = Target.flaw(input, method: method, target: target) {
      throw ProtocolError(flaw, by: .peer)
    }
    return .request(method: method, target: target, version: version)
  }

  /// `status-line = HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 section 4).
  ///
  /// The second space is often left out when there is no reason; we take that, as everyone does.
  private static func parseStatusLine(
    _ input: Span<UInt8>, _ line: Range<Int>
  ) throws(ProtocolError) -> StartLine {
    let start = line.lowerBound
    guard line.count >= 12, input[start + 8] == UInt8(ascii: " ") else {
      throw ProtocolError(.malformedStatusLine, by: .peer)
    }
    let version = try Version.parse(input, start..<(start + 8))
    var status = 0
    for index in (start + 9)..<(start + 12) {
      guard Grammar.isDigit(input[index]) else { throw ProtocolError(.invalidStatus, by: .peer) }
      status = status * 10 + Int(input[index] - UInt8(ascii: "0"))
    }
    guard status >= 100 else { throw ProtocolError(.invalidStatus, by: .peer) }
    guard line.count > 12 else {
      return .response(
        status: status, reason: line.upperBound..<line.upperBound, version: version)
    }
    guard input[start + 12] == UInt8(ascii: " ") else {
      throw ProtocolError(.malformedStatusLine, by: .peer)
    }
    let reason = (start + 13)..<line.upperBound
    for index in reason where !Grammar.isFieldContent(input[index]) {
      throw ProtocolError(.invalidReason, by: .peer)
    }
    return .response(status: status, reason: reason, version: version)
  }

  /// `field-line = field-name ":" OWS field-value OWS` (RFC 9112 section 5).
  private static func parseFieldLine(
    _ input: Span<UInt8>, _ line: Range<Int>
  ) throws(ProtocolError) -> FieldLine {
    // Section 5.2: a line that begins with a space would continue the one before it.
    if Grammar.isSpace(input[line.lowerBound]) { throw ProtocolError(.lineFolding, by: .peer) }
    var colon = line.lowerBound
    while colon < line.upperBound, Grammar.tchar.contains(input[colon]) { colon += 1 }
    guard colon < line.upperBound else { throw ProtocolError(.missingColon, by: .peer) }
    guard input[colon] == UInt8(ascii: ":") else {
      // Section 5.1: a space before the colon has been used to smuggle fields past proxies.
      throw ProtocolError(
        Grammar.isSpace(input[colon]) ? .spaceAroundFieldName : .invalidFieldName, by: .peer)
    }
    guard colon > line.lowerBound else { throw ProtocolError(.invalidFieldName, by: .peer) }
    let value = Grammar.trimmed(input, (colon + 1)..<line.upperBound)
    for index in value where !Grammar.isFieldContent(input[index]) {
      throw ProtocolError(
        input[index] == UInt8(ascii: "\r") ? .bareCarriageReturn : .invalidFieldValue, by: .peer)
    }
    return FieldLine(name: line.lowerBound..<colon, value: value)
  }
}

extension Span where Element == UInt8 {
  /// The first place in `range` where `byte` stands.
  func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
    for index in range where self[index] == byte { return index }
    return nil
  }
}
