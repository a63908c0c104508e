// Compares bytes with a literal, a word at a time.
//
// Names and the few values that HTTP/1.1 acts upon are known beforehand: with the literal's length the compiler knows
// how many words there are, and their values.
//
// The unsafe steps are the loads of words, whose bounds are checked once before.

extension Span where Element == UInt8 {
  /// Whether the bytes of `range` spell `name`, which is given in lower case, in any case.
  ///
  /// Setting bit 5 makes a letter small. It makes letters, digits and hyphens of nothing else but control bytes, and no
  /// field has any.
  @inline(__always)
  func matches(_ range: Range<Int>, lowercased name: StaticString) -> Bool {
    equals(range, name, setting: 0x20)
  }

  /// Whether the bytes of `range` are exactly those of `name`.
  @inline(__always)
  func spells(_ range: Range<Int>, _ name: StaticString) -> Bool {
    equals(range, name, setting: 0)
  }

  /// Whether the bytes of `range` are those of `name` once `bits` are set in each.
  ///
  /// Word by word; the last word may overlap the one before it, so that no bytes are left over.
  @inline(__always)
  private func equals(_ range: Range<Int>, _ name: StaticString, setting bits: UInt8) -> Bool {
    let length = name.utf8CodeUnitCount
    guard range.count == length, range.lowerBound >= 0, range.upperBound <= count else {
      return false
    }
    if length >= 8 {
      return unsafe equalWords(range, name.utf8Start, setting: UInt64(repeating: bits))
    }
    if length >= 4 {
      return unsafe equalWords(range, name.utf8Start, setting: UInt32(repeating: bits))
    }
    return unsafe equalWords(range, name.utf8Start, setting: bits)
  }

  /// The same for a name that is at least one word long and lies inside the span.
  @inline(__always)
  private func equalWords<Word: FixedWidthInteger & BitwiseCopyable>(
    _ range: Range<Int>, _ name: UnsafePointer<UInt8>, setting bits: Word
  ) -> Bool {
    let size = MemoryLayout<Word>.size
    var offset = 0
    while offset < range.count {
      let place = Swift.min(offset, range.count &- size)
      let word = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: range.lowerBound &+ place, as: Word.self)
      let other = unsafe UnsafeRawPointer(name + place).loadUnaligned(as: Word.self)
      if word | bits != other { return false }
      offset &+= size
    }
    return true
  }
}

extension FixedWidthInteger {
  /// A word with `byte` in each of its bytes.
  fileprivate init(repeating byte: UInt8) {
    self = Self(byte) &* (Self.max / 255)
  }
}
