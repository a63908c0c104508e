// Looks at sixteen bytes at a time for the first that does not belong.
//
// Most of a head's bytes are looked at here, once. Each rule is given twice: for a vector of bytes, where it may mark
// bytes that belong all the same, and for the one byte that is looked at more closely then. The tests compare each scan
// with the rule for single bytes.
//
// The unsafe steps are the loads of vectors and of single bytes, whose bounds are checked once before.

extension Span where Element == UInt8 {
  /// The first place at or after `start` where a byte is no `tchar`; `end` if there is none.
  @inline(__always)
  func endOfToken(from start: Int, to end: Int) -> Int {
    // Letters, digits and hyphens are what names are made of.
    scan(from: start, to: end, belongs: Grammar.tchar.contains) { bytes in
      .!(bytes.areLetters .| bytes.areDigits .| bytes.equal("-"))
    }
  }

  /// The first place at or after `start` where a byte may not stand in a field's value; `end` if there is none.
  @inline(__always)
  func endOfFieldContent(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, belongs: Grammar.isFieldContent) { bytes in
      bytes.areWithin(0x00, 0x1f) .| bytes.areWithin(0x7f, 0x7f)
    }
  }

  /// The first place at or after `start` where a byte may not stand in a target; `end` if there is none.
  @inline(__always)
  func endOfTarget(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, belongs: Grammar.isTargetByte) { bytes in
      .!bytes.areWithin(0x21, 0x7e) .| bytes.equal("#")
    }
  }

  /// The first place at or after `start` where a byte may not stand in a registered name; `end` if there is none.
  @inline(__always)
  func endOfRegName(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, belongs: Grammar.regName.contains) { bytes in
      .!(bytes.areLetters .| bytes.areDigits .| bytes.areWithin(0x2d, 0x2e))
    }
  }

  /// The first line feed at or after `start`, or `nil`.
  func lineFeed(from start: Int, to end: Int) -> Int? {
    let place = scan(from: start, to: end, belongs: { $0 != UInt8(ascii: "\n") }) { bytes in
      bytes.equal("\n")
    }
    return place < end ? place : nil
  }

  /// The first place from `start` to `end` where a byte does not belong; `end` if there is none.
  ///
  /// - Parameters:
  ///   - belongs: The rule.
  ///   - marks: Marks every byte that breaks the rule, and others that need a closer look.
  @inline(__always)
  private func scan(
    from start: Int, to end: Int, belongs: (UInt8) -> Bool, marks: (SIMD16<UInt8>) -> ByteMarks
  ) -> Int {
    precondition(start >= 0 && end <= count, "a scan stays inside its bytes")
    var index = start
    while index &+ 16 <= end {
      let vector = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: index, as: SIMD16<UInt8>.self)
      guard let marked = firstMarked(marks(vector)) else {
        index &+= 16
        continue
      }
      index &+= marked
      guard unsafe belongs(self[unchecked: index]) else { return index }
      index &+= 1
    }
    while index < end, unsafe belongs(self[unchecked: index]) { index &+= 1 }
    return index
  }

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
  @inline(__always)
  private func equals(_ range: Range<Int>, _ name: StaticString, setting bits: UInt8) -> Bool {
    let length = name.utf8CodeUnitCount
    guard range.count == length, range.lowerBound >= 0, range.upperBound <= count else {
      return false
    }
    var index = 0
    while index < length {
      let byte = unsafe self[unchecked: range.lowerBound &+ index] | bits
      if unsafe byte != name.utf8Start[index] { return false }
      index &+= 1
    }
    return true
  }
}

/// For each of sixteen bytes, whether it is marked.
private typealias ByteMarks = SIMDMask<SIMD16<Int8>>

/// The place of the first byte that is marked.
@inline(__always)
private func firstMarked(_ marks: ByteMarks) -> Int? {
  // A mask has no search of its own. Its lanes are bytes of all ones or all zeros, in the order of memory.
  let halves = unsafe unsafeBitCast(marks, to: SIMD2<UInt64>.self)
  if halves.x | halves.y == 0 { return nil }
  return halves.x != 0
    ? UInt64(littleEndian: halves.x).trailingZeroBitCount / 8
    : 8 + UInt64(littleEndian: halves.y).trailingZeroBitCount / 8
}

extension SIMD16<UInt8> {
  // Comparing with a vector, rather than with a number, is what becomes one instruction.

  /// Marks bytes from `first` to `last`.
  @inline(__always)
  fileprivate func areWithin(_ first: UInt8, _ last: UInt8) -> ByteMarks {
    (self &- SIMD16(repeating: first)) .<= SIMD16(repeating: last - first)
  }

  @inline(__always)
  fileprivate func equal(_ character: Unicode.Scalar) -> ByteMarks {
    self .== SIMD16(repeating: UInt8(ascii: character))
  }

  fileprivate var areLetters: ByteMarks {
    @inline(__always) get {
      (self | SIMD16(repeating: 0x20)).areWithin(UInt8(ascii: "a"), UInt8(ascii: "z"))
    }
  }

  fileprivate var areDigits: ByteMarks {
    @inline(__always) get { areWithin(UInt8(ascii: "0"), UInt8(ascii: "9")) }
  }
}
