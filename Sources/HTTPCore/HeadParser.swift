// Reads a head, or trailers, line by line.
//
// The input begins with the head's first byte on each call. A line is read, checked byte by byte and taken in one pass;
// if it turns out not to be complete, only its end is looked for on the next call, from where the last call stopped. So a
// head that comes byte by byte costs little more than one that comes whole. A line's flaw is reported when the line is
// complete, and a limit as soon as it is passed: what is reported depends on the bytes and never on how they were split.

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
  /// Where the first line that is not taken yet begins.
  private var lineStart = 0
  /// How far the end of that line has been looked for, in vain.
  private var scanned = 0

  init(_ kind: Kind) {
    self.kind = kind
  }

  /// Reads on.
  ///
  /// - Parameters:
  ///   - input: Everything from the head's first byte on.
  ///   - limits: Checked as the lines are taken.
  /// - Returns: The length of the complete head with its empty line, or `nil` while some of it is missing.
  /// - Throws: The first flaw, in the order of the bytes.
  mutating func parse(_ input: Span<UInt8>, limits: Limits) throws(ProtocolError) -> Int? {
    if scanned == 0, !input.isEmpty { try checkFirstByte(input[0]) }
    while true {
      let limit = byteLimit(limits)
      let end = min(input.count, limit)
      let isNew = scanned <= lineStart
      if isNew || input.lineFeed(from: scanned, to: end) != nil,
        let next = try takeLine(input, to: end, limits)
      {
        if next.isEnd { return next.position }
        lineStart = next.position
      } else {
        scanned = end
        if input.count >= limit { throw tooLong(limits) }
        return nil
      }
    }
  }

  /// Whether nothing but an empty line has come: then closing is no interruption.
  func hasOnlySkippedLine(_ input: Span<UInt8>) -> Bool {
    kind == .request && input.count == 2 && lineStart == 2
  }

  // MARK: Limits

  /// How many bytes may come before the end of the current line must have.
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

  // MARK: Lines

  /// Takes the line at `lineStart`.
  ///
  /// - Returns: Where the next line begins, and whether this one ended the head; `nil` if it is not complete.
  private mutating func takeLine(
    _ input: Span<UInt8>, to end: Int, _ limits: Limits
  ) throws(ProtocolError) -> (position: Int, isEnd: Bool)? {
    // RFC 9112 section 2.2: a server skips an empty line before a request line. We skip one.
    let mayBeEmpty =
      kind == .trailers || startLine != .none || (kind == .request && lineStart == 0)
    if mayBeEmpty, lineStart < end, let next = HeadLines.lineEnd(input, at: lineStart, end) {
      guard next > 0 else { return nil }
      return (next, isEnd: kind == .trailers || startLine != .none)
    }
    switch (kind, startLine) {
    case (.request, .none):
      guard
        let (line, next) = try HeadLines.requestLine(input, from: lineStart, to: end)
      else { return nil }
      startLine = line
      return (next, isEnd: false)
    case (.response, .none):
      guard
        let (line, next) = try HeadLines.statusLine(input, from: lineStart, to: end)
      else { return nil }
      startLine = line
      return (next, isEnd: false)
    default:
      guard
        let (field, next) = try HeadLines.fieldLine(input, from: lineStart, to: end)
      else { return nil }
      guard lines.count < limits.fieldCount else {
        throw ProtocolError(.tooManyFields(limit: limits.fieldCount), by: .peer)
      }
      // Room for what clients send, in one allocation.
      if lines.isEmpty { lines.reserveCapacity(16) }
      lines.append(field)
      return (next, isEnd: false)
    }
  }
}
