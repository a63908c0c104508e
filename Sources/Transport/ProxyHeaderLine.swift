// Version 1 of the PROXY protocol: a line of text (section 2.1).

extension ProxyHeader {
  /// `"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"`, the worst case.
  static let lineLimit = 107

  /// - Parameter input: Begins with a `P`.
  static func parseLine(
    _ input: Span<UInt8>
  ) throws(Flaw) -> (header: ProxyHeader, length: Int)? {
    guard try check(Array("PROXY ".utf8), in: input) else { return nil }
    guard let end = try endOfLine(input) else { return nil }
    // The line's last two bytes are CR LF.
    let words = words(input, 0..<(end - 2))
    if words.count > 1, input.isText("UNKNOWN", words[1]) { return (.unknown, end) }
    guard words.count == 6, let family = family(input, words[1]),
      let sourcePort = portNumber(input.extracting(words[4])),
      let destinationPort = portNumber(input.extracting(words[5])),
      let source = address(input.extracting(words[2]), family, sourcePort),
      let destination = address(input.extracting(words[3]), family, destinationPort)
    else { throw Flaw(.line) }
    return (.relayed(source: source, destination: destination), end)
  }

  private enum Family { case ipv4, ipv6 }

  private static func family(_ input: Span<UInt8>, _ word: Range<Int>) -> Family? {
    if input.isText("TCP4", word) { return .ipv4 }
    return input.isText("TCP6", word) ? .ipv6 : nil
  }

  /// "The advertised protocol family dictates what format to use."
  private static func address(
    _ text: Span<UInt8>, _ family: Family, _ port: UInt16
  ) -> Address? {
    let hasColon = text.first(UInt8(ascii: ":"), in: 0..<text.count) != nil
    guard hasColon == (family == .ipv6) else { return nil }
    return Address(numeric: text, port: port)
  }

  /// Where the line ends, its CR LF included; `nil` if more bytes are needed.
  ///
  /// The text is US-ASCII, and no CR and no LF ends it alone.
  private static func endOfLine(_ input: Span<UInt8>) throws(Flaw) -> Int? {
    for index in 0..<min(input.count, lineLimit) {
      switch input[index] {
      case 0x0D:
        guard index + 1 < lineLimit else { throw Flaw(.line) }
        guard index + 1 < input.count else { return nil }
        guard input[index + 1] == 0x0A else { throw Flaw(.line) }
        return index + 2
      case 0x20...0x7E: break
      default: throw Flaw(.line)
      }
    }
    guard input.count < lineLimit else { throw Flaw(.line) }
    return nil
  }

  /// What stands between single spaces; empty where two follow each other.
  private static func words(_ input: Span<UInt8>, _ line: Range<Int>) -> [Range<Int>] {
    var words: [Range<Int>] = []
    var start = line.lowerBound
    while let space = input.first(UInt8(ascii: " "), in: start..<line.upperBound) {
      words.append(start..<space)
      start = space + 1
    }
    return words + [start..<line.upperBound]
  }
}

extension Span<UInt8> {
  /// Whether the text stands in the range.
  fileprivate func isText(_ text: String, _ range: Range<Int>) -> Bool {
    let text = Array(text.utf8)
    guard range.count == text.count else { return false }
    for index in range where self[index] != text[index - range.lowerBound] { return false }
    return true
  }
}
