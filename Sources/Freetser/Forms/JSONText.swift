// What is JSON, and how deep it is nested (RFC 8259).

/// Looks through a JSON text without making anything of it, in memory that its nesting alone decides.
struct JSONText {
  private let bytes: [UInt8]
  private var index = 0
  /// Whether each container that is open is an object, and no list.
  private var open: [Bool] = []
  private let maximumDepth: Int

  /// - Throws: ``HTTPError``, 400, if the bytes are not one JSON text in UTF-8 (section 8.1), nested deeper than they
  ///   may be, or have a string with too many combining marks in a row: the decoder hashes names (``CombiningMarks``).
  static func check(_ bytes: [UInt8], maximumDepth: Int) throws(HTTPError) {
    guard (try? UTF8Span(validating: bytes.span)) != nil else {
      throw HTTPError(.badRequest, "The body is not JSON: it is not UTF-8")
    }
    var text = JSONText(bytes: bytes, maximumDepth: maximumDepth)
    do throws(Flaw) {
      try text.pass()
    } catch {
      throw HTTPError(.badRequest, text.detail(error))
    }
  }

  private init(bytes: [UInt8], maximumDepth: Int) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
  }

  private enum Flaw: Error { case malformed, tooDeep, tooManyMarks }

  private func detail(_ flaw: Flaw) -> String {
    switch flaw {
    case .malformed: "The body is not JSON, from byte \(index + 1) on"
    case .tooDeep: "The body is nested deeper than \(maximumDepth) levels"
    case .tooManyMarks: "A text in the body has too many combining marks in a row"
    }
  }
}

// MARK: Values in values

extension JSONText {
  private mutating func pass() throws(Flaw) {
    repeat {
      try passStart()
      try passEnds()
    } while !open.isEmpty
    guard index == bytes.count else { throw .malformed }
  }

  /// Passes over a value that is no container; or over the beginnings of containers, to one that is empty, or that has
  /// such a value.
  private mutating func passStart() throws(Flaw) {
    while true {
      passSpace()
      switch next {
      case UInt8(ascii: "{"):
        try begin(isObject: true)
        if next == UInt8(ascii: "}") { return }
        try passName()
      case UInt8(ascii: "["):
        try begin(isObject: false)
        if next == UInt8(ascii: "]") { return }
      case UInt8(ascii: "\""): return try passString()
      case UInt8(ascii: "t"): return try pass("true")
      case UInt8(ascii: "f"): return try pass("false")
      case UInt8(ascii: "n"): return try pass("null")
      default: return try passNumber()
      }
    }
  }

  private mutating func begin(isObject: Bool) throws(Flaw) {
    guard open.count < maximumDepth else { throw .tooDeep }
    open.append(isObject)
    index += 1
    passSpace()
  }

  /// Passes over the ends of containers, to where another value is due, or to the end of the outermost.
  private mutating func passEnds() throws(Flaw) {
    passSpace()
    while let isObject = open.last {
      switch next {
      case UInt8(ascii: ","):
        index += 1
        if isObject { try passName() }
        return
      case isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"):
        open.removeLast()
        index += 1
        passSpace()
      default: throw .malformed
      }
    }
  }

  /// `string ws ":"`.
  private mutating func passName() throws(Flaw) {
    passSpace()
    guard next == UInt8(ascii: "\"") else { throw .malformed }
    try passString()
    passSpace()
    try pass(":")
  }
}

// MARK: One after the other

extension JSONText {
  /// The byte that comes next; `nil` at the end.
  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  /// `ws = *( %x20 / %x09 / %x0A / %x0D )` (section 2).
  private mutating func passSpace() {
    while let byte = next, isSpace(byte) || byte == 0x0a || byte == 0x0d { index += 1 }
  }

  private mutating func pass(_ word: String) throws(Flaw) {
    for byte in word.utf8 {
      guard next == byte else { throw .malformed }
      index += 1
    }
  }

  /// Section 7: bytes that are no control byte, quote or backslash; and escapes.
  private mutating func passString() throws(Flaw) {
    index += 1
    let start = index
    var isPlain = true
    while let byte = next, byte >= 0x20 {
      index += 1
      if byte == UInt8(ascii: "\"") {
        return isPlain ? () : try checkMarks(start..<index - 1)
      }
      if byte >= 0x80 { isPlain = false }
      if byte == UInt8(ascii: "\\") {
        if next == UInt8(ascii: "u") { isPlain = false }
        try passEscape()
      }
    }
    throw .malformed
  }

  /// - Parameter string: What stands between the quotes, in which all escapes are whole.
  @inline(never)
  private func checkMarks(_ string: Range<Int>) throws(Flaw) {
    var units: [UInt16] = []
    var rest = bytes[string]
    while !rest.isEmpty {
      let plain = rest.prefix { $0 != UInt8(ascii: "\\") }
      units += String(decoding: plain, as: UTF8.self).utf16
      rest = rest[plain.endIndex...].dropFirst()
      if rest.popFirst() == UInt8(ascii: "u") {
        let digits = String(decoding: rest.prefix(4), as: UTF8.self)
        units.append(UInt16(digits, radix: 16) ?? 0)
        rest = rest.dropFirst(4)
      } else {
        units.append(0)  // another escape, of which none is a mark; or the end
      }
    }
    guard String(decoding: units, as: UTF16.self).isStreamSafe else { throw .tooManyMarks }
  }

  private mutating func passEscape() throws(Flaw) {
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    case UInt8(ascii: "u"):
      index += 1
      for _ in 0..<4 {
        guard let digit = next, PercentEncoding.hexValue(digit) != nil else { throw .malformed }
        index += 1
      }
    default: throw .malformed
    }
  }

  /// `[ "-" ] int [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "+" / "-" ] 1*DIGIT ]` (section 6), in which an int of several digits
  /// does not begin with 0.
  private mutating func passNumber() throws(Flaw) {
    if next == UInt8(ascii: "-") { index += 1 }
    if next == UInt8(ascii: "0") { index += 1 } else { try passDigits() }
    if next == UInt8(ascii: ".") {
      index += 1
      try passDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      index += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
      try passDigits()
    }
  }

  private mutating func passDigits() throws(Flaw) {
    let start = index
    while let byte = next, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { index += 1 }
    guard index > start else { throw .malformed }
  }
}
