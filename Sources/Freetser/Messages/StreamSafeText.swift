// Which text is compared and hashed in time that grows as it does (Unicode Standard Annex #15 section 13).

/// Counts combining marks in a row, of text that a client chose.
///
/// Equal strings are those of equal characters, so marks are sorted before a string is hashed, or a character compared: in
/// the square of how many follow each other. A key of 128 KiB of them takes seconds. No language has more than a few.
struct CombiningMarks {
  /// The number of the Stream-Safe Text Format.
  static let maximumInARow = 30

  private var inARow = 0

  /// - Returns: Whether there are no more than there may be.
  mutating func pass(_ scalar: Unicode.Scalar) -> Bool {
    // No scalar before U+0300 is one.
    guard scalar.value >= 0x300, scalar.properties.canonicalCombiningClass != .notReordered else {
      inARow = 0
      return true
    }
    inARow += 1
    return inARow <= Self.maximumInARow
  }
}

extension StringProtocol {
  /// Whether it has no more combining marks in a row than it may have.
  var isStreamSafe: Bool {
    var marks = CombiningMarks()
    return unicodeScalars.allSatisfy { marks.pass($0) }
  }
}
