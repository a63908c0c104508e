// The fields a handler sets.

public import HTTPTypes

/// The fields of a response: ordered, names compared without regard to case.
///
/// Values are taken as they are and checked when the response is sent: one with a control byte in it, such as the
/// line break of a field an attacker wants to add, or with a space at either end, makes the response a 500, and
/// nothing of it is sent.
public struct ResponseFields: Equatable, Sendable, ExpressibleByDictionaryLiteral {
  /// The lines, in the order in which they are sent.
  public private(set) var lines: [(name: HTTPField.Name, value: String)]

  /// Makes fields from names and values, repeated names included.
  public init(dictionaryLiteral elements: (HTTPField.Name, String)...) {
    lines = elements.isEmpty ? [] : elements.map { (name: $0.0, value: $0.1) }
  }

  /// Makes fields from lines, such as those of other fields.
  public init(_ lines: some Sequence<(name: HTTPField.Name, value: String)> = []) {
    self.lines = Array(lines)
  }

  /// Makes fields of one line.
  init(_ name: HTTPField.Name, _ value: String) {
    lines = [(name: name, value: value)]
  }

  // Made once: most responses have one of these and nothing else.
  static let plainText = ResponseFields(.contentType, "text/plain; charset=utf-8")
  static let html = ResponseFields(.contentType, "text/html; charset=utf-8")
  static let json = ResponseFields(.contentType, "application/json")

  /// These with a media type, which is the other's only line, if they have none.
  func completed(by type: @autoclosure () -> ResponseFields) -> ResponseFields {
    if lines.isEmpty { return type() }
    return self[.contentType] == nil ? ResponseFields(lines + type().lines) : self
  }

  /// Equal when the lines are, in order: names without regard to case.
  public static func == (left: ResponseFields, right: ResponseFields) -> Bool {
    left.isCopy(of: right)
      || left.lines.elementsEqual(right.lines) { $0.name == $1.name && $0.value == $1.value }
  }

  /// Whether the lines have the same bytes, which texts that are equal need not have.
  func isSpelt(like other: ResponseFields) -> Bool {
    isCopy(of: other)
      || lines.elementsEqual(other.lines) {
        $0.name.rawName.isSpelt(like: $1.name.rawName) && $0.value.isSpelt(like: $1.value)
      }
  }

  /// Whether the lines are in the same memory, as those of responses that a server makes one after the other mostly are.
  private func isCopy(of other: ResponseFields) -> Bool {
    unsafe lines.withUnsafeBufferPointer { lines in
      unsafe other.lines.withUnsafeBufferPointer { others in
        unsafe lines.baseAddress == others.baseAddress && lines.count == others.count
      }
    }
  }

  /// The first value of this name. Setting it replaces all values of the name; setting `nil` removes them.
  public subscript(name: HTTPField.Name) -> String? {
    get { lines.first { $0.name == name }?.value }
    set {
      lines.removeAll { $0.name == name }
      if let newValue { append(name, newValue) }
    }
  }

  /// Adds a line, beside others of the same name: for `Set-Cookie`, `Link` and their like.
  public mutating func append(_ name: HTTPField.Name, _ value: String) {
    lines.append((name: name, value: value))
  }
}

extension String {
  /// Whether it has the same bytes: what looks alike is equal in Swift, as are a letter with an accent and a letter with one
  /// behind it.
  func isSpelt(like other: String) -> Bool {
    let (bytes, others) = (utf8.span, other.utf8.span)
    guard bytes.count == others.count else { return false }
    for index in bytes.indices where bytes[index] != others[index] { return false }
    return true
  }
}
