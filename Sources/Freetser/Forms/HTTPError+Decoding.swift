// What a client is told when no value can be made of what it sent.

extension HTTPError {
  /// 400, with the way to what is wrong as its field: `items[2].name`.
  init(_ error: DecodingError) {
    let (path, flaw): ([any CodingKey], String) =
      switch error {
      case .keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
      case .valueNotFound(_, let context): (context.codingPath, "is missing")
      case .typeMismatch(let type, let context): (context.codingPath, Self.flaw(wanting: type))
      // Of numbers that are out of range the JSON decoder does not say where they are.
      case .dataCorrupted(let context) where context.codingPath.isEmpty:
        ([], "has a value that does not fit")
      case .dataCorrupted(let context): (context.codingPath, "is not valid")
      @unknown default: ([], "is not valid")
      }
    if path.isEmpty {
      self.init(.badRequest, "The body \(flaw)")
    } else {
      self.init(field: Self.text(of: path), flaw)
    }
  }

  private static func text(of path: [any CodingKey]) -> String {
    path.reduce(into: "") { text, key in
      if let index = key.intValue {
        text += "[\(index)]"
      } else {
        text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
      }
    }
  }

  private static func flaw(wanting type: Any.Type) -> String {
    switch type {
    case is Bool.Type: "is neither true nor false"
    case is String.Type: "is not text"
    case is any FixedWidthInteger.Type: "is not a whole number"
    case is any BinaryFloatingPoint.Type: "is not a number"
    case is [Any].Type: "is not a list"
    case is [String: Any].Type: "is not an object"
    default: "is not valid"
    }
  }
}
