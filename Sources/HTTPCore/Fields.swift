// The fields of a head, kept as they came: one array of bytes and one of positions in it.
//
// Text is built only when asked for. A dictionary of strings costs ten times what parsing the head costs.

/// The fields of a head, or trailers: ordered, repeated names allowed, names compared without regard to case.
///
/// Every value of this type is valid: names are tokens, values have no control bytes and no space at either end.
public struct Fields: Equatable, Sendable {
  /// The bytes that `lines` refer to. Those of a parsed head hold the whole head; a head that was built puts its start
  /// line's parts here too.
  @usableFromInline package private(set) var storage: [UInt8]
  private(set) var lines: [FieldLine]
  /// How many of the storage's first bytes are the lines as they are sent; 0 if they have to be put together for that.
  private var wireLength = 0

  /// Where all lines stand in the storage as they are sent; `nil` if they have to be put together for that.
  var wire: Range<Int>? { wireLength > 0 || lines.isEmpty ? 0..<wireLength : nil }

  /// No fields.
  public init() {
    storage = []
    lines = []
  }

  /// Makes fields from names and values.
  ///
  /// - Throws: ``ProtocolError`` with `party == .us` if a name or value is not valid.
  public init(_ fields: [(String, String)]) throws(ProtocolError) {
    self.init()
    // Room for a usual start line too: a head is stored behind its fields.
    var byteCount = 64
    for (name, value) in fields { byteCount += name.utf8.count + value.utf8.count }
    reserveCapacity(lines: fields.count, bytes: byteCount)
    for (name, value) in fields { try append(name, value) }
  }

  /// Makes room, so that appending allocates no more.
  ///
  /// - Parameters:
  ///   - lineCount: How many lines are to come.
  ///   - byteCount: How many bytes their names and values have together.
  public mutating func reserveCapacity(lines lineCount: Int, bytes byteCount: Int) {
    lines.reserveCapacity(lineCount)
    // As they are sent: `name: value CRLF`.
    storage.reserveCapacity(byteCount + 4 * lineCount)
  }

  /// Removes all fields; their memory is kept for others if nobody else has a copy.
  public mutating func removeAll(keepingCapacity: Bool = false) {
    lines.removeAll(keepingCapacity: keepingCapacity)
    storage.removeAll(keepingCapacity: keepingCapacity)
    wireLength = 0
  }

  /// For the parser, which has checked every line.
  init(storage: [UInt8], lines: [FieldLine]) {
    self.storage = storage
    self.lines = lines
  }

  /// Adds a field line after the others.
  ///
  /// - Throws: ``ProtocolError`` with `party == .us` if the name is not a token, if the value has a control byte in it
  ///   or a space at either end, or if all the fields would be larger than 1 GiB. Nothing is changed then.
  public mutating func append(_ name: String, _ value: String) throws(ProtocolError) {
    let start = storage.count
    let name = name.utf8.span
    let value = value.utf8.span
    try checkRoom(for: name.count + value.count + 4)
    let nameEnd = start + name.count
    let valueStart = nameEnd + 2
    let valueEnd = valueStart + value.count
    let line = FieldLine(name: start..<nameEnd, value: valueStart..<valueEnd)
    storage.append(addingCapacity: valueEnd + 2 - start) { wire in
      wire.append(copying: name)
      wire.append(literal: ": ")
      wire.append(copying: value)
      wire.append(literal: "\r\n")
    }
    if let reason = flaw(in: line) {
      storage.removeSubrange(start...)
      throw ProtocolError(reason, by: .us)
    }
    lines.append(line)
    wireLength = start == wireLength ? storage.count : 0
  }

  private func flaw(in line: FieldLine) -> ProtocolError.Reason? {
    let bytes = storage.span
    guard Grammar.isToken(bytes, line.name) else { return .invalidFieldName }
    let value = line.value
    if value.isEmpty { return nil }
    let isValid =
      bytes.endOfFieldContent(from: value.lowerBound, to: value.upperBound) == value.upperBound
      && !Grammar.isSpace(bytes[value.lowerBound]) && !Grammar.isSpace(bytes[value.upperBound - 1])
    return isValid ? nil : .invalidFieldValue
  }

  /// How much the storage holds at most, so that places in it fit into 32 bits. In bytes: 1 GiB.
  static var maximumSize: Int { 1 << 30 }

  private func checkRoom(for byteCount: Int) throws(ProtocolError) {
    guard byteCount <= Self.maximumSize - storage.count else {
      throw ProtocolError(.headTooLarge(limit: Self.maximumSize), by: .us)
    }
  }

  /// Adds bytes that are no field, such as a target, to the storage.
  mutating func store(_ text: String) throws(ProtocolError) -> Range<Int> {
    try checkRoom(for: text.utf8.count)
    let start = storage.count
    storage.append(text: text)
    return start..<storage.count
  }

  /// The text of a part of the storage.
  func text(_ range: Range<Int>) -> String {
    String(decoding: storage[range], as: UTF8.self)
  }

  /// The values of all fields of this name, joined by `, ` (RFC 9110 section 5.3); `nil` if there is none.
  ///
  /// `Set-Cookie` cannot be joined so: take ``values(of:)`` for it.
  public subscript(name: String) -> String? {
    var joined: String?
    let name = name.utf8.span
    for line in lines where matches(line, name) {
      let value = text(line.value)
      joined = if let first = joined { first + ", " + value } else { value }
    }
    return joined
  }

  /// The value of each field line of this name, in order.
  public func values(of name: String) -> [String] {
    var values: [String] = []
    let name = name.utf8.span
    for line in lines where matches(line, name) { values.append(text(line.value)) }
    return values
  }

  /// Whether there is a field of this name.
  public func contains(_ name: String) -> Bool { firstValue(of: name) != nil }

  // Inlinable, as what `body` returns is otherwise copied by what is found out about its type while the program runs.
  /// Lends the bytes of the first value of this name to `body`, as they came; `nil` if there is none.
  @inlinable public func withValue<Result, Failure: Error>(
    of name: String, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let place = firstValue(of: name) else { return nil }
    return try body(storage.span.extracting(place))
  }

  /// Where the first value of a name stands in the storage, for a name that is known beforehand, in lower case, which is
  /// found sooner.
  package func firstValue(lowercased name: StaticString) -> Range<Int>? {
    let (bytes, lines) = (storage.span, lines.span)
    for index in lines.indices where bytes.matches(lines[index].name, lowercased: name) {
      return lines[index].value
    }
    return nil
  }

  /// Where the first value of this name stands in the storage.
  @usableFromInline func firstValue(of name: String) -> Range<Int>? {
    let name = name.utf8.span
    for line in lines where matches(line, name) { return line.value }
    return nil
  }

  /// Lends the bytes of each value of this name to `body`, in order, as they came.
  public func forEachValue<Failure: Error>(
    of name: String, _ body: (Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    let name = name.utf8.span
    for line in lines where matches(line, name) {
      try body(storage.span.extracting(line.value))
    }
  }

  /// Lends the bytes of the value at `index` to `body`, as they came.
  public func withValue<Result, Failure: Error>(
    at index: Int, _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(storage.span.extracting(lines[index].value))
  }

  private func matches(_ line: FieldLine, _ name: Span<UInt8>) -> Bool {
    let range = line.name
    // The length of a name rules out nearly every other one.
    guard range.count == name.count else { return false }
    let bytes = storage.span.extracting(range)
    for index in name.indices {
      let (byte, other) = (bytes[index], name[index])
      // Most are spelt alike.
      if byte != other, Grammar.lowercased(byte) != Grammar.lowercased(other) { return false }
    }
    return true
  }

  /// Equal when the lines are, in order: names without regard to case, values byte by byte.
  public static func == (left: Fields, right: Fields) -> Bool {
    left.lines.elementsEqual(right.lines) { leftLine, rightLine in
      left.storage[leftLine.value].elementsEqual(right.storage[rightLine.value])
        && left.storage[leftLine.name].elementsEqual(right.storage[rightLine.name]) {
          Grammar.lowercased($0) == Grammar.lowercased($1)
        }
    }
  }
}

extension Fields: RandomAccessCollection {
  /// The first line's index.
  public var startIndex: Int { 0 }
  /// The index after the last line's.
  public var endIndex: Int { lines.count }

  /// The field line at `index`, as text.
  public subscript(index: Int) -> Field {
    Field(name: text(lines[index].name), value: text(lines[index].value))
  }
}
