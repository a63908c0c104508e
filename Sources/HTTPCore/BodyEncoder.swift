// The content of the message that is going out, whatever its framing.

/// What is left of the body being sent.
enum BodyEncoder: Equatable, Sendable {
  /// There is none, and none may come.
  case none
  /// There is none because the request was HEAD; content is taken and dropped, so that HEAD can be answered as GET is.
  case dropped
  case sized(remaining: UInt64)
  /// `owesLineEnd`: the CR LF behind a chunk that the caller wrote itself is still to be written.
  case chunked(owesLineEnd: Bool)
  case untilClose

  var isChunked: Bool {
    if case .chunked = self { true } else { false }
  }

  init(_ framing: BodyFraming) {
    self =
      switch framing {
      case .none: .none
      case .sized(let length): .sized(remaining: length)
      case .chunked: .chunked(owesLineEnd: false)
      case .untilClose: .untilClose
      }
  }

  /// Writes a piece of content with its framing.
  mutating func write(
    _ content: [UInt8], into output: inout [UInt8]
  ) throws(ProtocolError) {
    guard !content.isEmpty, self != .dropped else { return }
    try announce(content.count, into: &output)
    output.append(contentsOf: content)
    if case .chunked = self {
      output.append(literal: "\r\n")
      self = .chunked(owesLineEnd: false)
    }
  }

  /// Writes what stands before `count` bytes of content that the caller writes itself.
  mutating func announce(
    _ count: Int, into output: inout [UInt8]
  ) throws(ProtocolError) {
    precondition(count >= 0, "content has no negative size")
    guard count > 0 else { return }
    switch self {
    case .none, .dropped: throw ProtocolError(.contentNotAllowed, by: .us)
    case .sized(let remaining):
      guard UInt64(count) <= remaining else {
        throw ProtocolError(.contentExceedsLength, by: .us)
      }
      self = .sized(remaining: remaining - UInt64(count))
    case .chunked(let owesLineEnd):
      if owesLineEnd { output.append(literal: "\r\n") }
      Encoder.writeChunkLine(size: count, into: &output)
      self = .chunked(owesLineEnd: true)
    case .untilClose: break
    }
  }

  /// Writes the end of the body.
  func writeEnd(trailers: Fields, into output: inout [UInt8]) throws(ProtocolError) {
    if case .chunked(let owesLineEnd) = self {
      try Trailers.check(trailers.storage.span, trailers.lines, blame: .us)
      if owesLineEnd { output.append(literal: "\r\n") }
      Encoder.writeLastChunk(trailers: trailers, into: &output)
      return
    }
    guard trailers.isEmpty || self == .dropped else {
      throw ProtocolError(.trailersNeedChunkedFraming, by: .us)
    }
    if case .sized(let missing) = self, missing > 0 {
      throw ProtocolError(.contentShorterThanLength(missing: missing), by: .us)
    }
  }
}
