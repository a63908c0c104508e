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

  /// Reads on.
  mutating func step(
    _ input: Span<UInt8>, inputEnded: Bool, trailersWith parser: inout HeadParser, limits: Limits
  ) throws(ProtocolError) -> Step {
    switch self {
    case .sized(remaining: 0):
      return .event(.endOfMessage(trailers: Fields()), consumed: 0)
    case .sized(let remaining):
      guard input.count > 0 else { break }
      let count = Int(min(UInt64(input.count), remaining))
      self = .sized(remaining: remaining - UInt64(count))
      return .event(.content(0..<count), consumed: count)
    case .untilClose:
      if input.count > 0 { return .event(.content(0..<input.count), consumed: input.count) }
      if inputEnded { return .event(.endOfMessage(trailers: Fields()), consumed: 0) }
      return .needMoreInput
    case .chunked(var decoder):
      let outcome = try decoder.decode(input, trailersWith: &parser, limits: limits)
      self = .chunked(decoder)
      switch outcome {
      case .content(let range): return .event(.content(range), consumed: range.upperBound)
      case .end(let trailers, let consumed):
        return .event(.endOfMessage(trailers: trailers), consumed: consumed)
      case .needMoreInput: break
      }
    }
    if inputEnded { throw ProtocolError(closedEarly, by: .peer) }
    return .needMoreInput
  }

  private var closedEarly: ProtocolError.Reason {
    if case .sized(let missing) = self { return .contentShorterThanLength(missing: missing) }
    return .closedInsideMessage
  }
}
