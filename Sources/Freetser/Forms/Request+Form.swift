// The names and values that clients send: in queries, and in forms (application/x-www-form-urlencoded).

import HTTPTypes

extension Request {
  /// The query as a value of a type that names what may stand in it.
  ///
  /// ```swift
  /// struct Search: Decodable {
  ///   var words: String
  ///   var page: Int?
  ///   var tags: [String]
  ///   var exact: Bool
  /// }
  /// let search = try request.query(Search.self)  // of /search?words=a+b&tags=x&tags=y
  /// ```
  ///
  /// A structure has text, numbers, `Bool`, enumerations of those, and types that are read from one of them, each as
  /// itself, as an optional or in an array:
  /// - Numbers are written in decimal digits, without spaces. Not every text is a number, nor is infinity.
  /// - `Bool` is `true`, `on` or `1`, or `false` or `0`. One that is missing is false: so browsers send a box that is not
  ///   ticked.
  /// - An optional is `nil` if it is missing, and if it is empty, unless it is text.
  /// - An array has the values of all fields of the name, in order; it is empty if there is none.
  /// - Everything else must be there, once. Names that the type does not know are passed over.
  ///
  /// What cannot be written as text, such as a structure in the structure, is not supported, nor is `Date`.
  ///
  /// - Parameter type: The type, where it cannot be told from what is done with it.
  /// - Throws: ``HTTPError``, 400, which names the field; whatever else the type's own `init(from:)` throws.
  public func query<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    try FormDecoder.decode(decodedQuery())
  }

  /// The value of one name in the query; `nil` if it is not there.
  ///
  /// - Throws: ``HTTPError``, 400, if it is there more than once, or the query is broken.
  public func query(_ name: String) throws(HTTPError) -> String? {
    let values = try decodedQuery().filter { $0.name == name }.map(\.value)
    guard values.count <= 1 else { throw HTTPError(field: name, "is given more than once") }
    return values.first
  }

  /// The form in the body as a value of a type that names its fields, as ``query(_:)-(Value.Type)`` reads a query.
  ///
  /// ```swift
  /// struct NewNote: Decodable {
  ///   var title: String
  ///   var stars: Int?
  /// }
  /// let note = try request.form(NewNote.self)
  /// ```
  ///
  /// It is for forms without files, in handlers that are given the whole body. Forms with files are read by
  /// ``forEachPart(in:maximumCount:maximumHeadSize:_:)``.
  ///
  /// - Parameters:
  ///   - type: The type, where it cannot be told from what is done with it.
  ///   - maximumCount: How many fields the form may have, those that are passed over included.
  /// - Throws: ``HTTPError``: 400, which names the field, 413 if there are too many, 415 if the body is no such form;
  ///   whatever else the type's own `init(from:)` throws.
  public func form<Value: Decodable>(
    _ type: Value.Type = Value.self, maximumCount: Int = 1_000
  ) throws -> Value {
    try FormDecoder.decode(formItems(maximumCount: maximumCount))
  }

  /// The names and values of the form in the body, decoded, in order.
  ///
  /// - Parameter maximumCount: How many the form may have.
  /// - Throws: ``HTTPError``: 400 if an escape is broken or a name or value is not UTF-8 or has more than 30 combining
  ///   marks in a row, 413 if there are too many, 415 if the body is not of type `application/x-www-form-urlencoded`.
  public func formItems(
    maximumCount: Int = 1_000
  ) throws(HTTPError) -> [(name: String, value: String)] {
    _ = try contentType("application/x-www-form-urlencoded")
    return try PercentEncoding.decodeForm(body.span, maximumCount: maximumCount)
  }
}
