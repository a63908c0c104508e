// What a handler gives back.

public import HTTPTypes

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A response, with its body or with what writes it.
///
/// The server adds `Date`, the framing (`Content-Length` or chunks) and what must be said about the connection. To HEAD,
/// and with 204, 205 and 304, it sends no body, whatever is here.
public struct Response: Sendable {
  /// The status, such as `.ok` or `.notFound`; a final one, from 200 to 599.
  public var status: HTTPResponse.Status
  /// The fields, in order. Their values are checked when the response is sent.
  public var fields: ResponseFields
  /// The body, or what makes it.
  public var body: Body

  /// What follows the head.
  public enum Body: Sendable {
    /// Bytes, sent with the head. ``Response/bytes`` has those of a text too.
    case bytes([UInt8])
    /// Text in UTF-8, sent with the head: as it is, without becoming bytes of its own before.
    case text(String)
    /// What the closure writes, sent as it is written; `length` in bytes if it is known before.
    case stream(length: Int?, @Sendable (inout ResponseBody) throws -> Void)
    /// Another protocol, which the closure speaks.
    case takeOver(@Sendable (inout RawStream) throws -> Void)
  }

  /// Makes a response from its parts.
  public init(
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:], body: [UInt8] = []
  ) {
    self.init(status: status, fields: fields, body: .bytes(body))
  }

  /// Makes a response from its parts.
  public init(status: HTTPResponse.Status = .ok, fields: ResponseFields = [:], body: Body) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// The body's bytes, of a text made anew each time; `nil` if they are made while they are sent.
  public var bytes: [UInt8]? {
    switch body {
    case .bytes(let bytes): bytes
    case .text(let text): Array(text.utf8)
    case .stream, .takeOver: nil
    }
  }

  /// How many bytes the body has; `nil` if they are made while they are sent.
  var size: Int? {
    switch body {
    case .bytes(let bytes): bytes.count
    case .text(let text): text.utf8.count
    case .stream, .takeOver: nil
    }
  }

  /// Plain text, in UTF-8.
  public static func text(
    _ text: String, status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    Response(status: status, fields: fields.completed(by: .plainText), body: .text(text))
  }

  /// A page of HTML, in UTF-8. Nothing in it is escaped here.
  public static func html(
    _ html: String, status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    Response(status: status, fields: fields.completed(by: .html), body: .text(html))
  }

  /// A value as JSON.
  ///
  /// - Throws: `EncodingError` if the value cannot be written as JSON, for example because a number is infinite.
  public static func json(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) throws -> Response {
    let data = try JSONEncoder().encode(value)
    return Response(status: status, fields: fields.completed(by: .json), body: Array(data))
  }

  /// Bytes of a stated media type.
  public static func bytes(
    _ body: [UInt8], contentType: String = "application/octet-stream",
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    let fields = fields.completed(by: ResponseFields(.contentType, contentType))
    return Response(status: status, fields: fields, body: body)
  }

  /// A body that is sent while it is made, for what is large, or not known yet.
  ///
  /// ```swift
  /// .stream("application/x-ndjson") { body in
  ///   for line in lines { try body.write(line) }
  /// }
  /// ```
  ///
  /// A client of HTTP/1.1 gets it in chunks unless its length is given; one of HTTP/1.0 until the connection closes. If
  /// the closure throws, the client gets 500 if nothing has been sent yet, and else sees that the body was cut. It is
  /// not called where no body is sent.
  ///
  /// - Parameters:
  ///   - contentType: The media type.
  ///   - length: How many bytes the closure writes, no more and no less; `nil` if that is not known.
  ///   - status: The status.
  ///   - fields: Further fields.
  ///   - write: Writes the body, on the connection's thread, after the handler has returned.
  public static func stream(
    _ contentType: String, length: Int? = nil, status: HTTPResponse.Status = .ok,
    fields: ResponseFields = [:], _ write: @escaping @Sendable (inout ResponseBody) throws -> Void
  ) -> Response {
    require(length ?? 0 >= 0, "a body has no negative length")
    let fields = fields.completed(by: ResponseFields(.contentType, contentType))
    return Response(status: status, fields: fields, body: .stream(length: length, write))
  }

  /// 101: from here on both ends speak another protocol that the client asked for with `Upgrade`.
  ///
  /// Answered with 500 if the client did not ask.
  ///
  /// - Parameters:
  ///   - name: The protocol, such as `websocket`; the server sends it in `Upgrade`.
  ///   - fields: Further fields.
  ///   - use: Speaks the protocol, on the connection's thread. The connection closes when it returns.
  public static func switchingProtocols(
    to name: String, fields: ResponseFields = [:],
    _ use: @escaping @Sendable (inout RawStream) throws -> Void
  ) -> Response {
    var response = Response(status: .switchingProtocols, fields: fields, body: .takeOver(use))
    response.fields[.upgrade] = name
    response.fields[.connection] = "upgrade"
    return response
  }

  /// 200 to CONNECT: from here on the connection is a tunnel.
  ///
  /// Answered with 500 if the request is not CONNECT. A handler that knows no CONNECT needs to do nothing: what it
  /// answers with success becomes 501.
  ///
  /// - Parameters:
  ///   - fields: Further fields.
  ///   - use: Moves the tunnel's bytes, on the connection's thread. The connection closes when it returns.
  public static func connected(
    fields: ResponseFields = [:], _ use: @escaping @Sendable (inout RawStream) throws -> Void
  ) -> Response {
    Response(fields: fields, body: .takeOver(use))
  }

  /// No body.
  public static func empty(
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    Response(status: status, fields: fields)
  }
}
