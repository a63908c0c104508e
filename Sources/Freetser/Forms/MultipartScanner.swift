// Where the parts of a multipart body begin and end (RFC 2046 section 5.1.1).

/// Takes a body apart into the heads and contents of its parts, in whatever pieces it comes.
///
/// It holds the piece that it was given last, and of those before only what may begin a delimiter or belongs to a head.
struct MultipartScanner {
  /// What was given and not yet passed over begins at `start`.
  private(set) var input: [UInt8]
  private var start = 0
  /// Where to go on looking for the end of a head.
  private var scanned = 0
  private var state = State.preamble
  /// `delimiter = CRLF "--" boundary`.
  private let delimiter: [UInt8]
  private let maximumHeadSize: Int

  private enum State {
    case preamble, behindDelimiter, head
    /// At the line break that ends a head, and that is also the delimiter's if there is no content.
    case endOfHead
    case content, end
  }

  enum Step: Equatable {
    case needMoreInput
    /// A part begins: where its head stands in the input, without the line break at its end.
    case head(Range<Int>)
    /// Some of its content, at least one byte: where it stands in the input.
    case content(Range<Int>)
    case endOfPart
    case endOfBody
  }

  init(boundary: String, maximumHeadSize: Int) {
    delimiter = Array("\r\n--\(boundary)".utf8)
    self.maximumHeadSize = maximumHeadSize
    // The first delimiter need not have a line before it that it could end.
    input = Array("\r\n".utf8)
  }

  /// Gives it more. Positions in what it was given before are no longer valid.
  mutating func add(_ bytes: [UInt8]) {
    if start == input.count {
      input = bytes
    } else {
      input.removeSubrange(..<start)
      input += bytes
    }
    scanned -= start
    start = 0
  }

  /// Reads on.
  ///
  /// - Throws: ``HTTPError``, 400; again, whenever it is called again.
  mutating func step() throws(HTTPError) -> Step {
    while true {
      switch state {
      case .preamble, .content:
        if let step = passContent() { return step }
      case .behindDelimiter:
        guard let step = try passEndOfDelimiter() else { continue }
        return step
      case .head: return try passHead()
      case .endOfHead:
        switch delimiter(at: start) {
        case .whole: return endPart()
        case .cut: return .needMoreInput
        case .none:
          start += 2
          state = .content
        }
      case .end: return .endOfBody
      }
    }
  }

  /// - Returns: `nil` if what was before the first part has been passed over.
  private mutating func passContent() -> Step? {
    var end = start
    var found = Match.none
    while end < input.count {
      // Nothing in a delimiter but its first byte is a CR: so no byte is looked at more than twice.
      if input[end] == UInt8(ascii: "\r") { found = delimiter(at: end) }
      if found != .none { break }
      end += 1
    }
    let content = start..<end
    start = end
    if state == .content, !content.isEmpty { return .content(content) }
    guard found == .whole else { return .needMoreInput }
    if state == .content { return endPart() }
    passDelimiter()
    return nil
  }

  private mutating func endPart() -> Step {
    passDelimiter()
    return .endOfPart
  }

  private mutating func passDelimiter() {
    start += delimiter.count
    state = .behindDelimiter
  }

  /// Two dashes behind the last delimiter, and a line break behind the others. No message transport adds spaces here, as
  /// RFC 2046 allows: there is none between a client and us.
  ///
  /// - Returns: `nil` if a head follows.
  private mutating func passEndOfDelimiter() throws(HTTPError) -> Step? {
    guard input.count - start >= 2 else { return .needMoreInput }
    let (first, second) = (input[start], input[start + 1])
    switch (first, second) {
    case (UInt8(ascii: "-"), UInt8(ascii: "-")):
      state = .end
      return .endOfBody
    case (UInt8(ascii: "\r"), UInt8(ascii: "\n")):
      state = .head
      scanned = start
      return nil
    default: throw HTTPError(.badRequest, "A boundary between parts is not alone on its line")
    }
  }

  /// Finds an empty line, seen from the line break of the delimiter on: a head may have no lines.
  private mutating func passHead() throws(HTTPError) -> Step {
    while scanned + 4 <= input.count {
      if input[scanned..<scanned + 4].elementsEqual("\r\n\r\n".utf8) {
        let head = min(start + 2, scanned)..<scanned
        try checkHead(head.count)
        start = scanned + 2
        state = .endOfHead
        return .head(head)
      }
      scanned += 1
    }
    try checkHead(scanned - start - 2)
    return .needMoreInput
  }

  private func checkHead(_ size: Int) throws(HTTPError) {
    guard size <= maximumHeadSize else {
      throw HTTPError(.badRequest, "The head of a part has more than \(maximumHeadSize) bytes")
    }
  }

  private enum Match {
    case none
    /// As far as there is input.
    case cut
    case whole
  }

  private func delimiter(at place: Int) -> Match {
    let rest = input[place...].prefix(delimiter.count)
    guard delimiter.starts(with: rest) else { return .none }
    return rest.count == delimiter.count ? .whole : .cut
  }
}
