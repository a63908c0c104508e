// Reads a head, or trailers, line by line, unless all of a head's fields are known already (LastHead).
//
// The input begins with the head's first byte on each call. A line is read, checked byte by byte and taken in one pass;
// if it turns out not to be complete, only its end is looked for on the next call, from where the last call stopped. So
// a head that comes byte by byte costs little more than one that comes whole. A line's flaw is reported when the line
// is complete, and a limit as soon as it is passed: what is reported depends on the bytes and never on how they were
// split.

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
    case request(method: ByteRange, target: ByteRange, version: Version)
    case response(status: Int, reason: ByteRange, version: Version)
  }

  private(set) var kind: Kind
  private(set) var startLine = StartLine.none
  /// The field lines taken so far.
  private(set) var lines: [FieldLine] = []
  /// Where the first line that is not taken yet begins.
  private var lineStart = 0
  /// How far the end of that line has been looked for, in vain.
  private var scanned = 0

  init(_ kind: Kind) {
    self.kind = kind
  }

  /// Reads on in a head.
  ///
  /// - Parameters:
  ///   - input: Everything from the head's first byte on.
  ///   - limits: Checked as the lines are taken.
  ///   - last: The last head. If the fields are not the same, the lines get its memory, and nothing is known of it any more.
  /// - Returns: The length of the complete head with its empty line, or `nil` while some of it is missing.
  /// - Throws: The first flaw, in the order of the bytes.
  mutating func parseHead(
    _ input: Span<UInt8>, limits: Limits, after last: inout LastHead
  ) throws(ProtocolError) -> Int? {
    if startLine == .none {
      guard try takeStartLine(input, limits) else { return nil }
    }
    if last.facts != nil {
      if let end = last.end(of: input.extracting(first: limits.head), withFieldsFrom: lineStart) {
        lines = last.lines(from: lineStart)
        return end
      }
      lines = last.takeMemoryForLines()
    }
    return try takeFieldLines(input, limits)
  }

  /// Reads on in trailers, likewise.
  mutating func parseTrailers(_ input: Span<UInt8>, limits: Limits) throws(ProtocolError) -> Int? {
    try takeFieldLines(input, limits)
  }

  /// Gives the lines away, once the head is complete, and begins anew.
  mutating func takeLines() -> [FieldLine] {
    var taken: [FieldLine] = []
    swap(&taken, &lines)
    startOver(kind)
    return taken
  }

  /// Begins anew, after the lines were taken.
  mutating func startOver(_ kind: Kind) {
    assert(lines.isEmpty, "the lines were taken")
    self.kind = kind
    startLine = .none
    lineStart = 0
    scanned = 0
  }

  /// Whether nothing but an empty line has come: then closing is no interruption.
  func hasOnlySkippedLine(_ input: Span<UInt8>) -> Bool {
    kind == .request && input.count == 2 && lineStart == 2
  }

  // MARK: Lines

  /// - Returns: Whether the start line is complete.
  private mutating func takeStartLine(
    _ input: Span<UInt8>, _ limits: Limits
  ) throws(ProtocolError) -> Bool {
    if scanned == 0, !input.isEmpty { try Self.checkFirstByte(input[0], of: kind) }
    // RFC 9112 section 2.2: a server skips an empty line before a request line. We skip one.
    if kind == .request, lineStart == 0, !input.isEmpty,
      case .ends(let next) = HeadLines.ending(input, at: 0, input.count)
    {
      lineStart = next
    }
    let limit = min(limits.startLine + lineStart, limits.head)
    let end = min(input.count, limit)
    if lineStart < end, mayHaveLine(input, to: end) {
      let taken =
        kind == .request
        ? try HeadLines.requestLine(input, from: &lineStart, to: end)
        : try HeadLines.statusLine(input, from: &lineStart, to: end)
      if let taken {
        startLine = taken
        return true
      }
    }
    scanned = end
    if input.count >= limit {
      let isLine = limit < limits.head
      throw ProtocolError(
        isLine ? .startLineTooLong(limit: limits.startLine) : .headTooLarge(limit: limits.head),
        by: .peer)
    }
    return false
  }

  /// - Returns: Where the empty line behind the fields ends, or `nil` if it has not come.
  private mutating func takeFieldLines(
    _ input: Span<UInt8>, _ limits: Limits
  ) throws(ProtocolError) -> Int? {
    let limit = kind == .trailers ? limits.trailers : limits.head
    let end = min(input.count, limit)
    guard mayHaveLine(input, to: end) else { return try needMore(input, end, limit) }

    var found = HeadLines.LastFound.line
    var next = lineStart
    while found == .line {
      // For all lines that may be there, of four bytes at least, so that a head that comes whole costs one allocation;
      // for sixteen, more than most clients send, if it comes in pieces. One too many may be taken, to be counted.
      let room = min(limits.fieldCount - lines.count + 1, max((end - next) / 4 + 1, 16))
      try lines.append(addingCapacity: room) { (taken) throws(ProtocolError) in
        (found, next) = try HeadLines.fieldLines(input, from: next, to: end, into: &taken)
      }
      guard lines.count <= limits.fieldCount else {
        throw ProtocolError(.tooManyFields(limit: limits.fieldCount), by: .peer)
      }
    }
    lineStart = next
    return found == .emptyLine ? next : try needMore(input, end, limit)
  }

  private mutating func needMore(
    _ input: Span<UInt8>, _ end: Int, _ limit: Int
  ) throws(ProtocolError) -> Int? {
    scanned = end
    if input.count >= limit {
      let isTrailers = kind == .trailers
      throw ProtocolError(
        isTrailers ? .trailersTooLarge(limit: limit) : .headTooLarge(limit: limit), by: .peer)
    }
    return nil
  }

  /// Whether it is worth reading the line at `lineStart`: it is new, or its end is there now.
  private func mayHaveLine(_ input: Span<UInt8>, to end: Int) -> Bool {
    scanned <= lineStart || input.lineFeed(from: scanned, to: end) != nil
  }

  /// Refuses at once what cannot become a start line, such as the first byte of TLS.
  private static func checkFirstByte(_ byte: UInt8, of kind: Kind) throws(ProtocolError) {
    switch kind {
    case .request where !Grammar.tchar.contains(byte) && byte != UInt8(ascii: "\r"):
      throw ProtocolError(byte == UInt8(ascii: "\n") ? .bareLineFeed : .invalidMethod, by: .peer)
    case .response where byte != UInt8(ascii: "H"):
      throw ProtocolError(.malformedStatusLine, by: .peer)
    default: break
    }
  }
}
