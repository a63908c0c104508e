import Testing

@testable import HTTPCore

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
