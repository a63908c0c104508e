// The bytes that the values of fields are made of (RFC 9110 section 5.6).

/// `tchar`: every visible character but the delimiters (section 5.6.2).
func isTokenByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "\""), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","),
    UInt8(ascii: "/"), UInt8(ascii: ":")...UInt8(ascii: "@"), UInt8(ascii: "[")...UInt8(ascii: "]"),
    UInt8(ascii: "{"), UInt8(ascii: "}"):
    false
  default: 0x21...0x7E ~= byte
  }
}

/// `SP / HTAB` (section 5.6.3).
func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// The range without the spaces and tabs at its ends.
func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
  var (start, end) = (range.lowerBound, range.upperBound)
  while start < end, isSpace(bytes[start]) { start += 1 }
  while start < end, isSpace(bytes[end - 1]) { end -= 1 }
  return start..<end
}

/// The text without the spaces and tabs at its ends.
func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
  guard let last = text.lastIndex(where: { !isSpace($0) }) else { return text.prefix(0) }
  return text[...last].drop(while: isSpace)
}
