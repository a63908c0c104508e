// Input bytes as a series of choices.

/// Bytes that say what to do next; zeros once they are used up.
struct Choices {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    rest = bytes[...]
  }

  var isUsedUp: Bool { rest.isEmpty }

  mutating func next() -> Int {
    Int(rest.popFirst() ?? 0)
  }

  /// One of `table`, or, where the choice lies past its end, text of the input's own.
  mutating func next(of table: [String]) -> String {
    let choice = next()
    if choice < 128 { return table[choice % table.count] }
    let length = choice & 15
    defer { rest = rest.dropFirst(length) }
    return String(decoding: rest.prefix(length), as: UTF8.self)
  }
}
