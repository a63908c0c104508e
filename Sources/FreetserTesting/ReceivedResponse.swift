// What a client got.

public import Freetser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A response as its client received it.
public struct ReceivedResponse: Equatable, Sendable {
  /// The status.
  public var status: HTTPResponse.Status
  /// The fields, in order, those that the server added among them; names compared without regard to case.
  public var fields: Fields
  /// The body's bytes, without chunks. After a 101, and a success to CONNECT: what the handler sent in the other protocol.
  public var body: [UInt8]
  /// The fields behind a chunked body.
  public var trailers: Fields

  /// Makes a response from its parts, to compare others with.
  public init(
    status: HTTPResponse.Status, fields: Fields = Fields(), body: [UInt8] = [],
    trailers: Fields = Fields()
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    self.trailers = trailers
  }

  /// The body as text; what is not UTF-8 in it reads as U+FFFD.
  public var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as a value that was written as JSON.
  ///
  /// - Parameter type: The value's type, where it cannot be told from what is done with it.
  /// - Throws: `DecodingError` if the body is no such value.
  public func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(type, from: Data(body))
  }
}
