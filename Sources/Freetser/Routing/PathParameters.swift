// What stood in a path where its pattern has names.

/// The values of a path's parameters, decoded.
///
/// ```swift
/// routes.get("/users/:name/notes/:id") { request, path in
///   let id = try path.int("id")  // 400 if it is none, with the name
///   return .text("\(path["name"]) \(id)")
/// }
/// ```
public struct PathParameters: Equatable, Sendable {
  private let names: [String]
  private let values: [String]

  /// Values for names, for tests of handlers.
  public init(_ values: KeyValuePairs<String, String> = [:]) {
    self.init(names: values.map(\.key), values: values.map(\.value))
  }

  init(names: [String], values: [String]) {
    self.names = names
    self.values = values
  }

  /// The value of a parameter. One segment of the path, never empty; of a tail all that is left, which may be empty and
  /// whose segments are apart by `/`.
  ///
  /// Any text, so also `..`. The name must be one of the pattern's.
  public subscript(name: String) -> String {
    guard let index = names.firstIndex(of: name) else {
      fatalError("the path's pattern has a parameter “\(name)”")
    }
    return values[index]
  }

  /// A parameter as a whole number.
  ///
  /// - Throws: ``HTTPError``, 400, if it is none.
  public func int(_ name: String) throws(HTTPError) -> Int {
    guard let value = Int(self[name]) else {
      throw HTTPError(.badRequest, "“\(name)” is not a whole number", field: name)
    }
    return value
  }

  /// A parameter as a value of a type that can be read from text, such as `Double`, or one of your own.
  ///
  /// - Throws: ``HTTPError``, 400, if it is none.
  public func value<Value: LosslessStringConvertible>(
    _ name: String, as type: Value.Type = Value.self
  ) throws(HTTPError) -> Value {
    guard let value = Value(self[name]) else {
      throw HTTPError(.badRequest, "“\(name)” is not valid", field: name)
    }
    return value
  }
}
