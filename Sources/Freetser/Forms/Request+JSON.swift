// Documents that clients send as JSON.

import HTTPTypes

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Request {
  /// The body as a value that was written as JSON.
  ///
  /// ```swift
  /// struct Order: Decodable { var items: [Item] }
  /// let order = try request.json(Order.self)
  /// ```
  ///
  /// It is for handlers that are given the whole body, which must be of type `application/json` or one that ends in
  /// `+json`: a page of another site cannot have a browser send these unasked. What is nested deeply needs much of the
  /// stack, which ends the process when it overflows (``ServerConfiguration/stackSize``): hence the limit.
  ///
  /// - Parameters:
  ///   - type: The type, where it cannot be told from what is done with it.
  ///   - maximumDepth: How many lists and objects may stand in each other, the outermost included.
  /// - Throws: ``HTTPError``: 415 for other media types; 400 if the body is empty, not JSON, has a text with more than 30
  ///   combining marks in a row, or is no such value, with the way to what is wrong as its field, as in `items[2].name`;
  ///   whatever else the type's own `init(from:)` throws.
  public func json<Value: Decodable>(
    _ type: Value.Type = Value.self, maximumDepth: Int = 64
  ) throws -> Value {
    _ = try contentType("application/json", orEndingIn: "+json")
    guard !body.isEmpty else { throw HTTPError(.badRequest, "The body is empty") }
    // The decoder takes more than JSON: UTF-16, commas at the end, and what nobody asks for unread.
    try JSONText.check(body, maximumDepth: maximumDepth)
    do {
      return try JSONDecoder().decode(type, from: Data(body))
    } catch let error as DecodingError {
      throw HTTPError(error)
    }
  }
}
