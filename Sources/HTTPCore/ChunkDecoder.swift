// Chunked content (RFC 9112 section 7.1).
//
//     chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//     last-chunk     = 1*"0" [ chunk-ext ] CRLF
//     chunked-body   = *chunk last-chunk trailer-section CRLF
//
// A chunk's line is taken together with the first of its data, and the CR LF behind the data together with the
// next line: nothing is consumed before it has been checked, and each call that consumes has something to tell.

/// Where in a chunked body the reader is.
enum ChunkDecoder: Equatable, Sendable {
  /// Before a chunk's line. The CR LF behind the chunk before comes first, unless this is the first.
  case beforeLine(isFirst: Bool)
  /// Inside a chunk, with so many bytes of its data to come; never zero.
  case inData(remaining: UInt64)
  /// Behind the last chunk's line, which stays at the front of the input until the trailers are complete.
  case inTrailers(lineLength: Int)

  /// Reads on.
  ///
  /// - Parameters:
  ///   - input: Bytes not yet consumed.
  ///   - parser: Kept between calls by the caller, who has no head to read meanwhile; it reads the trailers here.
  ///   - limits: Of chunk lines and trailers.
  /// - Returns: What was found.
  /// - Throws: The first flaw.
  @inline(__always)
  mutating func step(
    _ input: Span<UInt8>, trailersWith parser: inout HeadParser, limits: Limits
  ) throws(ProtocolError) -> BodyDecoder.Found {
    switch self {
    case .beforeLine(let isFirst):
      guard
        let (size, end) = try Self.parseLine(input, isFirst: isFirst, limit: limits.chunkLine)
      else { return .nothing }
      if size == 0 {
        self = .inTrailers(lineLength: end)
        parser.startOver(.trailers)
        return try Self.decodeTrailers(input, from: end, with: &parser, limits: limits)
      }
      return takeData(input, from: end, remaining: size)
    case .inData(let remaining):
      return takeData(input, from: 0, remaining: remaining)
    case .inTrailers(let lineLength):
      return try Self.decodeTrailers(input, from: lineLength, with: &parser, limits: limits)
    }
  }

  private static func decodeTrailers(
    _ input: Span<UInt8>, from start: Int, with parser: inout HeadParser, limits: Limits
  ) throws(ProtocolError) -> BodyDecoder.Found {
    let rest = input.extracting(droppingFirst: start)
    guard let length = try parser.parseTrailers(rest, limits: limits) else { return .nothing }
    try Trailers.check(rest, parser.lines, blame: .peer)
    return .end(trailers: start..<(start + length))
  }

  @inline(__always)
  private mutating func takeData(
    _ input: Span<UInt8>, from start: Int, remaining: UInt64
  ) -> BodyDecoder.Found {
    let available = UInt64(input.count - start)
    guard available > 0 else { return .nothing }
    let count = min(available, remaining)
    self = count == remaining ? .beforeLine(isFirst: false) : .inData(remaining: remaining - count)
    let end = start + Int(count)
    return .content(start..<end)
  }

  /// Reads a chunk's line.
  ///
  /// - Returns: The size of the chunk and where its data begins, or `nil` while some of the line is missing.
  @inline(__always)
  private static func parseLine(
    _ input: Span<UInt8>, isFirst: Bool, limit: Int
  ) throws(ProtocolError) -> (size: UInt64, end: Int)? {
    var start = 0
    if !isFirst {
      // Section 7.1: exactly CR LF. Skipping any two bytes here let attackers hide a request (h11 before 0.16).
      if input.count > 0, input[0] != UInt8(ascii: "\r") { throw malformed }
      if input.count > 1, input[1] != UInt8(ascii: "\n") { throw malformed }
      start = 2
    }
    let end = min(input.count, start + limit)
    var index = start
    var size: UInt64 = 0
    while index < end, let digit = Grammar.hexValue(input[index]) {
      guard size < 1 << 59 else { throw malformed }
      size = size << 4 | digit
      index += 1
    }
    if index == start + limit { throw tooLong(limit) }
    guard index < end else { return nil }
    guard index > start else { throw malformed }
    // Nearly every line ends here.
    if case .ends(let next) = HeadLines.ending(input, at: index, end) { return (size, next) }
    return try skipExtensions(input, from: index, lineStart: start, limit: limit).map { (size, $0) }
  }

  /// Skips `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) CRLF` (section 7.1.1).
  ///
  /// What the extensions say is ignored, as the section allows; what they are made of is not: no control bytes,
  /// so no CR or LF that another reader might take for the line's end.
  private static func skipExtensions(
    _ input: Span<UInt8>, from start: Int, lineStart: Int, limit: Int
  ) throws(ProtocolError) -> Int? {
    var index = start
    var inExtension = false
    while index < input.count {
      guard index - lineStart < limit - 1 else { throw tooLong(limit) }
      switch input[index] {
      case UInt8(ascii: "\r"):
        guard inExtension || index == start else { throw malformed }
        guard index + 1 < input.count else { return nil }
        guard input[index + 1] == UInt8(ascii: "\n") else { throw malformed }
        return index + 2
      case UInt8(ascii: ";"):
        inExtension = true
      case let byte where !inExtension && !Grammar.isSpace(byte): throw malformed
      case let byte where !Grammar.isFieldContent(byte): throw malformed
      default: break
      }
      index += 1
    }
    return nil
  }

  private static var malformed: ProtocolError { ProtocolError(.malformedChunk, by: .peer) }

  private static func tooLong(_ limit: Int) -> ProtocolError {
    ProtocolError(.chunkLineTooLong(limit: limit), by: .peer)
  }
}

/// Fields behind chunked content (RFC 9110 section 6.5).
enum Trailers {
  /// Refuses what must be known before the content: framing, routing, authentication, what qualifies a request, how a
  /// response may be kept, and how to read the content (section 6.5.1).
  static func check(
    _ bytes: Span<UInt8>, _ lines: [FieldLine], blame: ProtocolError.Party
  ) throws(ProtocolError) {
    for line in lines where isForbidden(bytes, line.name) {
      throw ProtocolError(.forbiddenTrailer, by: blame)
    }
  }

  private static func isForbidden(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
    func spells(_ forbidden: StaticString) -> Bool { bytes.matches(name, lowercased: forbidden) }
    if name.count > 3, bytes.matches(name.lowerBound..<(name.lowerBound + 3), lowercased: "if-") {
      return true
    }
    return switch name.count {
    case 2: spells("te")
    case 4: spells("host")
    case 5: spells("range")
    case 6: spells("cookie") || spells("expect")
    case 7: spells("upgrade") || spells("trailer")
    case 10: spells("connection") || spells("keep-alive") || spells("set-cookie")
    case 12: spells("content-type") || spells("max-forwards")
    case 13: spells("authorization") || spells("cache-control") || spells("content-range")
    case 14: spells("content-length")
    case 16: spells("content-encoding") || spells("proxy-connection") || spells("www-authenticate")
    case 17: spells("transfer-encoding")
    case 18: spells("proxy-authenticate")
    case 19: spells("proxy-authorization")
    default: false
    }
  }
}
