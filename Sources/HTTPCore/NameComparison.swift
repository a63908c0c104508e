// Compares bytes with a literal, a word at a time, and with other bytes, sixteen at a time.
//
// Names and the few values that HTTP/1.1 acts upon are known beforehand: with the literal's length the compiler knows
// how many words there are, and their values.
//
// The unsafe steps are the loads of words and vectors, whose bounds are checked once before.

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

  /// Whether these are the other's bytes.
  ///
  /// Vector by vector; the last one may overlap the one before it, so that no bytes are left over.
  func isSame(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard count >= 16 else { return indices.allSatisfy { self[$0] == other[$0] } }
    var offset = 0
    while offset < count {
      let place = Swift.min(offset, count &- 16)
      if unsafe vector(at: place) != other.vector(at: place) { return false }
      offset &+= 16
    }
    return true
  }

  /// - Parameter start: At least sixteen bytes before the span's end.
  @inline(__always)
  @unsafe
  private func vector(at start: Int) -> SIMD2<UInt64> {
    unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: start, as: SIMD2<UInt64>.self)
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
