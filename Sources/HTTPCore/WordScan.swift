// Looks at eight bytes at a time for the first that does not belong.
//
// Most of a head's bytes are looked at here, once. The arithmetic works on all eight bytes of a word at once, a byte's
// answer being its highest bit; `lanes(n)` is `n` in each byte. Where a byte is marked that belongs all the same, a rule
// for single bytes says so. The tests compare each scan with its rule, byte by byte.
//
// The one unsafe step is the load of a word: `scan` and `matches` check the bounds first, and a word may begin at any
// byte.

extension Span where Element == UInt8 {
  /// The first place at or after `start` where a byte is no `tchar`; `end` if there is none.
  @inline(__always)
  func endOfToken(from start: Int, to end: Int) -> Int {
    // Letters and hyphens are what names are made of.
    scan(from: start, to: end, belongs: Grammar.tchar.contains) { word in
      ~(letters(word) | equal(word, UInt8(ascii: "-"))) & lanes(0x80)
    }
  }

  /// The first place at or after `start` where a byte may not stand in a field's value; `end` if there is none.
  @inline(__always)
  func endOfFieldContent(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, belongs: Grammar.isFieldContent) { word in
      below(word, 0x20) | equal(word, 0x7f)
    }
  }

  /// The first place at or after `start` where a byte may not stand in a target; `end` if there is none.
  @inline(__always)
  func endOfTarget(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, belongs: Grammar.isTargetByte) { word in
      below(word, 0x21) | equal(word, 0x7f) | equal(word, UInt8(ascii: "#")) | (word & lanes(0x80))
    }
  }

  /// The first place at or after `start` where a byte may not stand in a registered name; `end` if there is none.
  @inline(__always)
  func endOfRegName(from start: Int, to end: Int) -> Int {
    scan(from: start, to: end, belongs: Grammar.regName.contains) { word in
      ~(letters(word) | digits(word) | equal(word, UInt8(ascii: "."))) & lanes(0x80)
    }
  }

  /// The first line feed at or after `start`, or `nil`.
  func lineFeed(from start: Int, to end: Int) -> Int? {
    let place = scan(from: start, to: end, belongs: { $0 != UInt8(ascii: "\n") }) { word in
      equal(word, UInt8(ascii: "\n"))
    }
    return place < end ? place : nil
  }

  /// The first place from `start` to `end` where a byte does not belong; `end` if there is none.
  ///
  /// - Parameter marks: Marks each byte of a word that needs a closer look. Only the first mark need be right.
  @inline(__always)
  private func scan(
    from start: Int, to end: Int, belongs: (UInt8) -> Bool, marks: (UInt64) -> UInt64
  ) -> Int {
    precondition(start >= 0 && end <= count, "a scan stays inside its bytes")
    var index = start
    while index &+ 8 <= end {
      let word = uncheckedWord(at: index)
      let marked = marks(word)
      if marked == 0 {
        index &+= 8
        continue
      }
      let shift = UInt64(truncatingIfNeeded: marked.trailingZeroBitCount) & 56
      index &+= Int(truncatingIfNeeded: shift &>> 3)
      guard belongs(UInt8(truncatingIfNeeded: word &>> shift)) else { return index }
      index &+= 1
    }
    while index < end, belongs(self[index]) { index &+= 1 }
    return index
  }

  /// Whether the bytes of `range` spell `name`, which is given in lower case, in any case.
  ///
  /// Setting bit 5 makes a letter small. It makes letters, digits and hyphens of nothing else but control bytes, and no
  /// field has any.
  @inline(__always)
  func matches(_ range: Range<Int>, lowercased name: StaticString) -> Bool {
    let length = name.utf8CodeUnitCount
    guard range.count == length, range.lowerBound >= 0, range.upperBound <= count else {
      return false
    }
    var index = 0
    while index < length {
      let byte = unsafe name.utf8Start[index]
      if unsafe self[unchecked: range.lowerBound &+ index] | 0x20 != byte { return false }
      index &+= 1
    }
    return true
  }

  /// Whether the bytes of `range` are exactly those of `name`.
  @inline(__always)
  func spells(_ range: Range<Int>, _ name: StaticString) -> Bool {
    let length = name.utf8CodeUnitCount
    guard range.count == length, range.lowerBound >= 0, range.upperBound <= count else {
      return false
    }
    var index = 0
    while index < length {
      if unsafe self[unchecked: range.lowerBound &+ index] != name.utf8Start[index] { return false }
      index &+= 1
    }
    return true
  }

  @inline(__always)
  private func uncheckedWord(at index: Int) -> UInt64 {
    unsafe UInt64(
      littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
  }
}

/// A byte in each of a word's eight places.
@inline(__always)
private func lanes(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

/// Marks bytes less than `limit`, which is at most 128; right up to and including the first that is marked.
@inline(__always)
private func below(_ word: UInt64, _ limit: UInt8) -> UInt64 {
  (word &- lanes(limit)) & ~word & lanes(0x80)
}

/// Marks bytes equal to `byte`, all of them right.
@inline(__always)
private func equal(_ word: UInt64, _ byte: UInt8) -> UInt64 {
  let difference = word ^ lanes(byte)
  return ~(((difference & lanes(0x7f)) &+ lanes(0x7f)) | difference) & lanes(0x80)
}

/// Marks bytes from `first` to `last`, both below 128, all of them right; bytes of 128 and above are never marked.
@inline(__always)
private func within(_ word: UInt64, _ first: UInt8, _ last: UInt8) -> UInt64 {
  let low = word & lanes(0x7f)
  let notBefore = low &+ lanes(0x80 - first)
  let after = low &+ lanes(0x7f - last)
  return notBefore & ~after & ~word & lanes(0x80)
}

@inline(__always)
private func letters(_ word: UInt64) -> UInt64 {
  within(word | lanes(0x20), UInt8(ascii: "a"), UInt8(ascii: "z"))
}

@inline(__always)
private func digits(_ word: UInt64) -> UInt64 {
  within(word, UInt8(ascii: "0"), UInt8(ascii: "9"))
}
