// Random inputs for the fuzzers' checks that mean something more often than random bytes do.

/// Makes bytes as `FuzzTarget.conversation` and `FuzzTarget.splits` read them; the same for the same seed.
struct RandomSteps {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func number(_ range: ClosedRange<UInt8>) -> UInt8 {
    UInt8.random(in: range, using: &random)
  }

  // MARK: Conversations

  /// A few exchanges, with steps in between that may not be taken then.
  mutating func conversation() -> [UInt8] {
    var steps: [UInt8] = []
    for _ in 0..<number(1...4) {
      steps +=
        [0, number(0...6), number(0...1)] + fields() + message(content: 2, follows: 3, end: 4)
      if number(0...3) > 0 { steps += Self.deliverAll }
      if number(0...3) == 0 { steps += [6, 3] + fields() }  // 100 Continue
      steps += [6, number(0...7), number(0...2)] + fields()
      steps += message(content: 8, follows: 9, end: 10) + Self.deliverAll + [Self.next]
      if number(0...2) == 0 { steps += [number(0...255), number(0...255), number(0...255)] }
    }
    return steps + [5, 11] + Self.deliverAll
  }

  private static let deliverAll: [UInt8] = [14]
  private static let next: UInt8 = 15

  /// Content in pieces, some of them delivered in parts, and the end.
  private mutating func message(content: UInt8, follows: UInt8, end: UInt8) -> [UInt8] {
    var steps: [UInt8] = []
    for _ in 0..<number(0...3) {
      steps += [number(0...1) == 0 ? content : follows, number(0...254)]
      if number(0...1) == 0 { steps += [number(12...13), number(0...40)] }
    }
    return steps + (number(0...3) == 0 ? [end | 0x40] + fields() : [end])
  }

  private mutating func fields() -> [UInt8] {
    let count = number(0...3)
    return [count] + (0..<count * 2).map { _ in number(0...12) }
  }

  // MARK: Messages

  /// Who reads, the lengths of pieces, and messages for them.
  mutating func cutMessages() -> [UInt8] {
    let isClient = number(0...1) == 1
    var input = [number(0...7) | (isClient ? 16 : 0), 5] + (0..<5).map { _ in number(0...60) }
    for _ in 0..<number(1...4) { input += message(isResponse: isClient) }
    // One byte in a few inputs is another: mostly an error, which must be the same however it came.
    if number(0...2) == 0 {
      input[Int.random(in: 7..<input.count, using: &random)] = number(0...255)
    }
    return input
  }

  private mutating func message(isResponse: Bool) -> [UInt8] {
    var text =
      isResponse ? "HTTP/1.\(number(0...1)) 20\(number(0...6)) \n" : "POST /x HTTP/1.1\nHost: a\n"
    for index in 0..<number(0...5) {
      text += "X-\(index): \(String(repeating: "v", count: Int(number(0...40))))\n"
    }
    let size = Int(number(0...40))
    let content = String(repeating: "c", count: size)
    if number(0...1) == 0 { return [UInt8](wire: text + "Content-Length: \(size)\n\n\(content)") }
    let chunk = size == 0 ? "" : "\(String(size, radix: 16));e\n\(content)\n"
    return [UInt8](wire: text + "Transfer-Encoding: chunked\n\n\(chunk)\(chunk)0\nT: t\n\n")
  }
}
