// One field: a name and a value (RFC 9110 section 5).

/// A field's name and value as text, made from ``Fields`` when asked for.
public struct Field: Equatable, Sendable {
  /// The name in its original spelling; ASCII.
  public let name: String
  /// The value without the spaces around it. Bytes above 127 that are not UTF-8 read as U+FFFD here; ``Fields/withValue(at:_:)`` lends them as they came.
  public let value: String

  /// Names are compared without regard to case.
  public static func == (left: Field, right: Field) -> Bool {
    left.name.utf8.elementsEqual(right.name.utf8) {
      Grammar.lowercased($0) == Grammar.lowercased($1)
    } && left.value.utf8.elementsEqual(right.value.utf8)
  }
}

/// Where one field line's name and value stand in the storage of its head, which is smaller than 4 GiB.
struct FieldLine: Equatable, Sendable {
  private let nameStart: UInt32
  private let nameEnd: UInt32
  private let valueStart: UInt32
  private let valueEnd: UInt32

  init(name: Range<Int>, value: Range<Int>) {
    nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
    nameEnd = UInt32(truncatingIfNeeded: name.upperBound)
    valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
    valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
  }

  var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
  var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}
