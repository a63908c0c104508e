// What a handler gives back.

public import HTTPTypes

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A response, complete with its body.
///
/// The server adds `Date`, the framing (`Content-Length`) and what must be said about the connection. To HEAD, and
/// with 204, 205 and 304, it sends no body, whatever is here.
public struct Response: Equatable, Sendable {
  /// The status, such as `.ok` or `.notFound`; a final one, from 200 to 599.
  public var status: HTTPResponse.Status
  /// The fields, in order. Their values are checked when the response is sent.
  public var fields: ResponseFields
  /// The body's bytes.
  public var body: [UInt8]

  /// Makes a response from its parts.
  public init(
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:], body: [UInt8] = []
  ) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// Plain text, in UTF-8.
  public static func text(
    _ text: String, status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    bytes(
      Array(text.utf8), contentType: "text/plain; charset=utf-8", status: status, fields: fields)
  }

  /// A page of HTML, in UTF-8. Nothing in it is escaped here.
  public static func html(
    _ html: String, status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    bytes(
      Array(html.utf8), contentType: "text/html; charset=utf-8", status: status, fields: fields)
  }

  /// A value as JSON.
  ///
  /// - Throws: `EncodingError` if the value cannot be written as JSON, for example because a number is infinite.
  public static func json(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) throws -> Response {
    let data = try JSONEncoder().encode(value)
    return bytes(
      Array(data), contentType: "application/json", status: status, fields: fields)
  }

  /// Bytes of a stated media type.
  public static func bytes(
    _ body: [UInt8], contentType: String = "application/octet-stream",
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    var response = Response(status: status, fields: fields, body: body)
    if response.fields[.contentType] == nil { response.fields[.contentType] = contentType }
    return response
  }

  /// No body.
  public static func empty(
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    Response(status: status, fields: fields)
  }
}
