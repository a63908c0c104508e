import Testing

@testable import HTTPCore

/// The scans of sixteen bytes at a time, against their rules byte by byte.
@Suite("Vector scans")
struct VectorScanTests {
  @Test("Each byte, at each place of a vector, in front of what belongs")
  func everyByteEverywhere() {
    for byte in UInt8.min...UInt8.max {
      for length in [1, 15, 16, 17, 33] {
        for place in 0..<length {
          for filler in [
            UInt8(ascii: "a"), UInt8(ascii: "-"), UInt8(ascii: "9"), UInt8(ascii: "~"),
          ] {
            var bytes = [UInt8](repeating: filler, count: length)
            bytes[place] = byte
            check(bytes)
          }
        }
      }
    }
  }

  @Test("Random bytes", arguments: 0..<20)
  func random(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let length = Int.random(in: 0...70, using: &random)
      check((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test("From every start to every end", arguments: 0..<10)
  func parts(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let common = Array("abcXYZ019-_.".utf8)
    let rare = Array("~!,:#\"\\ \t\n\r/\u{0}\u{1}\u{7f}".utf8) + [0x80, 0xff]
    // In memory of just this size, so that AddressSanitizer sees each read past it.
    let bytes = (0..<Int.random(in: 0...48, using: &random)).map { _ in
      (Int.random(in: 0..<8, using: &random) > 0 ? common : rare).randomElement(using: &random)!
    }
    for start in 0...bytes.count {
      for end in start...bytes.count { check(bytes, from: start, to: end) }
    }
  }

  private func check(_ bytes: [UInt8]) { check(bytes, from: 0, to: bytes.count) }

  private func check(_ bytes: [UInt8], from start: Int, to end: Int) {
    let span = bytes.span
    func first(_ belongs: (UInt8) -> Bool) -> Int {
      bytes[start..<end].firstIndex { !belongs($0) } ?? end
    }
    let lineFeed = bytes[start..<end].firstIndex(of: UInt8(ascii: "\n"))
    let isRight =
      span.endOfToken(from: start, to: end) == first(Grammar.tchar.contains)
      && span.endOfFieldContent(from: start, to: end) == first(Grammar.isFieldContent)
      && span.endOfRegName(from: start, to: end) == first(Grammar.regName.contains)
      && span.endOfTarget(from: start, to: end) == first(Grammar.isTargetByte)
      && span.endOfListElement(from: start, to: end) == first { $0 != UInt8(ascii: ",") }
      && span.lineFeed(from: start, to: end) == lineFeed
      && span.isQuotable(start..<end) == bytes[start..<end].allSatisfy(Grammar.isQuotable)
    if !isRight { Issue.record("\(bytes), \(start)..<\(end)") }
  }
}

/// Names compared word by word.
@Suite("Comparing names")
struct NameComparisonTests {
  static let names: [StaticString] = [
    "te", "tea", "host", "close", "expect", "upgrade", "keepalif", "connection", "max-forwards",
    "content-length", "keepalifkeepalif", "transfer-encoding", "proxy-authorization",
  ]

  @Test("Each byte at each place of a name", arguments: names.indices)
  func everyByteEverywhere(index: Int) {
    let name = Self.names[index]
    let text = Array(name.description.utf8)
    for place in text.indices {
      for byte in UInt8.min...UInt8.max {
        var bytes = text
        bytes[place] = byte
        let spells = bytes.span.spells(0..<bytes.count, name)
        #expect(spells == (byte == text[place]))
        // Control bytes, which no name has, may be taken for others.
        guard byte >= 0x20 else { continue }
        let matches = bytes.span.matches(0..<bytes.count, lowercased: name)
        #expect(matches == (Grammar.lowercased(byte) == text[place]))
      }
    }
    let longer = text + [0x61]
    let isLonger = longer.span.spells(0..<longer.count, name)
    let isShorter = text.span.spells(0..<(text.count - 1), name)
    #expect(!isLonger && !isShorter)
  }
}
