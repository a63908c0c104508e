// The content of the message that is coming in, whatever its framing.

/// What is left of the body being read.
enum BodyDecoder: Equatable, Sendable {
  /// So many bytes; none for a message without content.
  case sized(remaining: UInt64)
  case chunked(ChunkDecoder)
  case untilClose

  init(_ framing: BodyFraming) {
    self =
      switch framing {
      case .none: .sized(remaining: 0)
      case .sized(let length): .sized(remaining: length)
      case .chunked: .chunked(.beforeLine(isFirst: true))
      case .untilClose: .untilClose
      }
  }

  /// Whether content is still expected.
  var expectsContent: Bool { self != .sized(remaining: 0) }

  /// What a call found in its input.
  enum Found: Equatable, Sendable {
    /// Content, which stands there; what is before it is done with too.
    case content(Range<Int>)
    /// The end of the body. Behind chunks trailers may stand there; what is before them is done with too.
    case end(trailers: Range<Int>)
    /// Nothing that is complete.
    case nothing
  }

  /// Reads on.
  ///
  /// - Parameters:
  ///   - input: Bytes not yet consumed.
  ///   - inputEnded: Whether nothing will follow them.
  ///   - parser: Kept between calls by the caller, who has no head to read meanwhile; it reads the trailers.
  ///   - limits: Of chunk lines and trailers.
  mutating func step(
    _ input: Span<UInt8>, inputEnded: Bool, trailersWith parser: inout HeadParser, limits: Limits
  ) throws(ProtocolError) -> Found {
    switch self {
    case .sized(remaining: 0):
      return .end(trailers: 0..<0)
    case .sized(let remaining):
      guard input.count > 0 else { break }
      let count = Int(min(UInt64(input.count), remaining))
      self = .sized(remaining: remaining - UInt64(count))
      return .content(0..<count)
    case .untilClose:
      if input.count > 0 { return .content(0..<input.count) }
      if inputEnded { return .end(trailers: 0..<0) }
      return .nothing
    case .chunked(var decoder):
      let found = try decoder.step(input, trailersWith: &parser, limits: limits)
      self = .chunked(decoder)
      if found != .nothing { return found }
    }
    if inputEnded { throw ProtocolError(closedEarly, by: .peer) }
    return .nothing
  }

  private var closedEarly: ProtocolError.Reason {
    if case .sized(let missing) = self { return .contentShorterThanLength(missing: missing) }
    return .closedInsideMessage
  }
}
