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

  private func check(_ bytes: [UInt8]) {
    let span = bytes.span
    let end = bytes.count
    func first(_ belongs: (UInt8) -> Bool) -> Int { bytes.firstIndex { !belongs($0) } ?? end }
    let isRight =
      span.endOfToken(from: 0, to: end) == first(Grammar.tchar.contains)
      && span.endOfFieldContent(from: 0, to: end) == first(Grammar.isFieldContent)
      && span.endOfRegName(from: 0, to: end) == first(Grammar.regName.contains)
      && span.endOfTarget(from: 0, to: end) == first(Grammar.isTargetByte)
      && span.lineFeed(from: 0, to: end) == bytes.firstIndex(of: UInt8(ascii: "\n"))
    if !isRight { Issue.record("\(bytes)") }
  }
}

/// The sets of bytes, checked against the text of their rules.
@Suite("Grammar")
struct GrammarTests {
  static let alphanumerics =
    Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)

  private func expectSet(_ bytes: [UInt8], _ contains: (UInt8) -> Bool) {
    for byte in UInt8.min...UInt8.max {
      #expect(contains(byte) == bytes.contains(byte), "byte \(byte)")
    }
  }

  @Test("RFC 9110 5.6.2: tchar")
  func tchar() {
    expectSet(Array("!#$%&'*+-.^_`|~".utf8) + Self.alphanumerics, Grammar.tchar.contains)
  }

  @Test("RFC 3986 3.2.2: the bytes of reg-name")
  func regName() {
    expectSet(Array("-._~%!$&'()*+,;=".utf8) + Self.alphanumerics, Grammar.regName.contains)
  }

  @Test("RFC 5234: DIGIT, ALPHA, HEXDIG, VCHAR without #")
  func core() {
    expectSet(Array("0123456789".utf8), Grammar.isDigit)
    expectSet(Self.alphanumerics.filter { !Grammar.isDigit($0) }, Grammar.isAlpha)
    expectSet(Array("0123456789abcdefABCDEF".utf8)) { Grammar.hexValue($0) != nil }
    expectSet(Array(0x21...0x7e).filter { $0 != UInt8(ascii: "#") }, Grammar.isTargetByte)
    for (byte, value) in zip("09afAF".utf8, [0, 9, 10, 15, 10, 15] as [UInt64]) {
      #expect(Grammar.hexValue(byte) == value)
    }
  }

  @Test("RFC 9110 5.5: what a field value is made of")
  func fieldContent() {
    expectSet([0x09, 0x20] + Array(0x21...0x7e) + Array(0x80...0xff), Grammar.isFieldContent)
  }

  @Test(
    "RFC 9110 5.6.1: list elements are trimmed and empty ones left out",
    arguments: [
      ("a", ["a"]), ("a, b", ["a", "b"]), (" ,a ,\t, b,", ["a", "b"]), ("", []), (",,", []),
    ])
  func lists(list: String, elements: [String]) {
    let bytes = Array(list.utf8)
    var found: [String] = []
    Grammar.forEachListElement(bytes.span, 0..<bytes.count) { found.append(bytes[$0].text) }
    #expect(found == elements)
  }
}

extension ArraySlice<UInt8> {
  var text: String { String(decoding: self, as: UTF8.self) }
}
