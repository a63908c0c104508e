// Looks at sixteen bytes at a time for the first that does not belong, or for a difference.
//
// Most of a head's bytes are looked at here, once. Each rule is given twice: for a vector of bytes, where it may mark
// bytes that belong all the same, and for the one byte that is looked at more closely then. The tests compare each scan
// with the rule for single bytes.
//
// The unsafe steps are the loads of vectors and of single bytes, whose bounds are checked once before, and reading a
// vector's marks as one word of the same size.

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
    scan(from: start, to: end, marksAreExact: true, belongs: Grammar.isFieldContent) {
      bytes in
      (bytes.areWithin(0x00, 0x1f) .& .!bytes.equal("\t")) .| bytes.areWithin(0x7f, 0x7f)
    }
  }

  /// The first place at or after `start` where a byte may not stand in a target; `end` if there is none.
  @inline(__always)
  func endOfTarget(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, marksAreExact: true, belongs: Grammar.isTargetByte) { bytes in
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

  /// Whether these bytes may stand between quotes as they are: `qdtext` without HTAB and `obs-text` (RFC 9110
  /// section 5.6.4).
  package func isQuotable(_ range: Range<Int>) -> Bool {
    let end = scan(
      from: range.lowerBound, to: range.upperBound, marksAreExact: true,
      belongs: Grammar.isQuotable
    ) { bytes in
      .!bytes.areWithin(0x20, 0x7e) .| bytes.equal("\"") .| bytes.equal("\\")
    }
    return end == range.upperBound
  }

  /// The first line feed at or after `start`, or `nil`.
  func lineFeed(from start: Int, to end: Int) -> Int? {
    let place = scan(
      from: start, to: end, marksAreExact: true, belongs: { $0 != UInt8(ascii: "\n") }
    ) {
      bytes in
      bytes.equal("\n")
    }
    return place < end ? place : nil
  }

  /// The first comma at or after `start`; `end` if there is none.
  @inline(__always)
  func endOfListElement(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, marksAreExact: true, belongs: { $0 != UInt8(ascii: ",") }) { bytes in
      bytes.equal(",")
    }
  }

  /// The first place from `start` to `end` where a byte does not belong; `end` if there is none.
  ///
  /// Vectors may reach past `end` while they stay inside the span; what they find there does not count.
  ///
  /// - Parameters:
  ///   - marksAreExact: Whether no byte that keeps the rule is marked.
  ///   - belongs: The rule.
  ///   - marks: Marks every byte that breaks the rule, and perhaps others that need a closer look.
  @inline(__always)
  private func scan(
    from start: Int, to end: Int, marksAreExact: Bool = false,
    belongs: (UInt8) -> Bool, marks: (SIMD16<UInt8>) -> ByteMarks
  ) -> Int {
    precondition(0 <= start && start <= end && end <= count, "a scan stays inside its bytes")
    let lastVector = Swift.min(count &- 16, end &- 1)
    var index = start
    while index <= lastVector {
      let marked = unsafe word(marks(loadVector(at: index)))
      if marked == 0 {
        index &+= 16
        continue
      }
      index &+= marked.trailingZeroBitCount / 8
      if index >= end { return end }
      if marksAreExact { return index }
      guard unsafe belongs(self[unchecked: index]) else { return index }
      index &+= 1
    }
    // Fewer than sixteen bytes are left of the span: its last vector has them, and some before that do not count.
    if index < end, count >= 16 {
      let vectorStart = count &- 16
      let skipped = UInt128(truncatingIfNeeded: (index &- vectorStart) &* 8)
      let marked = unsafe word(marks(loadVector(at: vectorStart))) &>> skipped
      if marked == 0 { return end }
      index &+= marked.trailingZeroBitCount / 8
      if index >= end { return end }
      if marksAreExact { return index }
    }
    while index < end {
      guard unsafe belongs(self[unchecked: index]) else { return index }
      index &+= 1
    }
    return end
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
      let differing = unsafe word(loadVector(at: place) .!= other.loadVector(at: place))
      if differing != 0 { return false }
      offset &+= 16
    }
    return true
  }

  /// - Parameter start: At least sixteen bytes before the span's end.
  @inline(__always)
  @unsafe
  private func loadVector(at start: Int) -> SIMD16<UInt8> {
    unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: start, as: SIMD16<UInt8>.self)
  }
}

/// For each of sixteen bytes, whether it is marked.
private typealias ByteMarks = SIMDMask<SIMD16<Int8>>

/// The marks as one word: a byte of ones or zeros each, in the order of memory.
@inline(__always)
private func word(_ marks: ByteMarks) -> UInt128 {
  unsafe UInt128(littleEndian: unsafeBitCast(marks, to: UInt128.self))
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
