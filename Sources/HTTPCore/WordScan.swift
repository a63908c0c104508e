// Looks at eight bytes at a time for the first that does not belong.
//
// Most of a head's bytes are looked at here, once. Each scan keeps one invariant: everything before the position it
// returns belongs. The arithmetic works on all eight bytes of a word at once, a byte's answer being its highest bit;
// `lanes(n)` is `n` in each byte. The tests compare each scan with its rule, byte by byte.
//
// The one unsafe step is the load of a word: `loadWord` checks its bounds, and a word may begin at any byte.

extension Span where Element == UInt8 {
  /// The first place at or after `start` where a byte is no `tchar`; `end` if there is none.
  @inline(__always)
  func endOfToken(from start: Int, to end: Int) -> Int {
    var index = start
    while true {
      // Letters, digits and hyphens are what names are made of.
      while let word = loadWord(at: index, to: end) {
        let others = ~(letters(word) | digits(word) | equal(word, UInt8(ascii: "-"))) & lanes(0x80)
        if others != 0 {
          index += others.trailingZeroBitCount / 8
          break
        }
        index += 8
      }
      guard index < end, Grammar.tchar.contains(self[index]) else { return index }
      index += 1
    }
  }

  /// The first place at or after `start` where a byte may not stand in a field's value; `end` if there is none.
  @inline(__always)
  func endOfFieldContent(from start: Int, to end: Int) -> Int {
    var index = start
    while true {
      while let word = loadWord(at: index, to: end) {
        let others = below(word, 0x20) | equal(word, 0x7f)
        if others != 0 {
          index += others.trailingZeroBitCount / 8
          break
        }
        index += 8
      }
      guard index < end, Grammar.isFieldContent(self[index]) else { return index }
      index += 1
    }
  }

  /// The first place at or after `start` where a byte may not stand in a target; `end` if there is none.
  @inline(__always)
  func endOfTarget(from start: Int, to end: Int) -> Int {
    var index = start
    while true {
      while let word = loadWord(at: index, to: end) {
        let others =
          below(word, 0x21) | equal(word, 0x7f) | equal(word, UInt8(ascii: "#"))
          | (word & lanes(0x80))
        if others != 0 {
          index += others.trailingZeroBitCount / 8
          break
        }
        index += 8
      }
      guard index < end, Grammar.isTargetByte(self[index]) else { return index }
      index += 1
    }
  }

  /// The first line feed at or after `start`, or `nil`.
  func lineFeed(from start: Int, to end: Int) -> Int? {
    var index = start
    while let word = loadWord(at: index, to: end) {
      let found = equal(word, UInt8(ascii: "\n"))
      if found != 0 { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < end {
      if self[index] == UInt8(ascii: "\n") { return index }
      index += 1
    }
    return nil
  }

  /// Eight bytes, the first of them lowest, or `nil` if there are not as many before `end`.
  @inline(__always)
  func loadWord(at index: Int, to end: Int) -> UInt64? {
    guard index &+ 8 <= end, end <= count, index >= 0 else { return nil }
    return unsafe UInt64(
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
