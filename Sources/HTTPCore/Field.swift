// One field: a name and a value (RFC 9110 section 5).

/// A field's name and value as text, made from ``Fields`` when asked for.
public struct Field: Equatable, Sendable {
  /// The name in its original spelling; ASCII.
  public let name: String
  /// The value without the spaces around it. Bytes above 127 that are not UTF-8 read as U+FFFD here;
  /// ``Fields/withValue(at:_:)`` lends them as they came.
  public let value: String

  /// Names are compared without regard to case.
  public static func == (left: Field, right: Field) -> Bool {
    left.name.utf8.elementsEqual(right.name.utf8) {
      Grammar.lowercased($0) == Grammar.lowercased($1)
    } && left.value.utf8.elementsEqual(right.value.utf8)
  }
}

/// Where a part of a head stands in the head's storage, which is never larger than ``Fields/maximumSize``.
struct ByteRange: Equatable, Sendable {
  private var start: UInt32
  private var end: UInt32

  init(_ range: Range<Int>) {
    start = UInt32(truncatingIfNeeded: range.lowerBound)
    end = UInt32(truncatingIfNeeded: range.upperBound)
  }

  var range: Range<Int> { Int(start)..<Int(end) }

  mutating func move(by distance: Int) {
    self = ByteRange((range.lowerBound + distance)..<(range.upperBound + distance))
  }
}

/// Where one field line's name and value stand in the storage of its head.
struct FieldLine: Equatable, Sendable {
  private var nameRange: ByteRange
  private var valueRange: ByteRange

  init(name: Range<Int>, value: Range<Int>) {
    nameRange = ByteRange(name)
    valueRange = ByteRange(value)
  }

  var name: Range<Int> { nameRange.range }
  var value: Range<Int> { valueRange.range }

  /// Moves it to where the same line stands in another head.
  mutating func move(by distance: Int) {
    nameRange.move(by: distance)
    valueRange.move(by: distance)
  }
}
