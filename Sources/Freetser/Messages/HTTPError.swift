// An answer that is thrown: what is wrong, in words for the client.

public import HTTPTypes
import Transport

/// Why a request is not answered as it asks, told to the client.
///
/// ```swift
/// guard let note = try find(id) else { throw HTTPError.notFound }
/// guard note.owner == user else { throw HTTPError(.forbidden, "This note is another's") }
/// ```
///
/// The server answers with problem details (RFC 9457), or with a line of plain text to those who ask for a page.
/// What other errors say, the client is never told.
public struct HTTPError: Error, Equatable, Sendable {
  /// The status of the answer, from 400 to 599.
  public var status: HTTPResponse.Status
  /// What is wrong with this request, for whoever reads the answer. Sent as it is.
  public var detail: String?
  /// The name of the field of a form, parameter or member that is wrong.
  public var field: String?
  /// Fields of the answer, such as `Retry-After`.
  public var fields: ResponseFields

  /// An answer of a status.
  ///
  /// - Parameters:
  ///   - status: From 400 to 599.
  ///   - detail: What is wrong with this request.
  ///   - field: Which part of a form, query, path or document is wrong.
  ///   - fields: Fields of the answer.
  public init(
    _ status: HTTPResponse.Status, _ detail: String? = nil, field: String? = nil,
    fields: ResponseFields = [:]
  ) {
    require(400...599 ~= status.code, "an error has a status from 400 to 599")
    self.status = status
    self.detail = detail
    self.field = field
    self.fields = fields
  }

  /// 400: the request makes no sense.
  public static let badRequest = HTTPError(.badRequest)
  /// 401: whose request it is must be shown first. Goes with a `WWW-Authenticate` field.
  public static let unauthorized = HTTPError(.unauthorized)
  /// 403: whoever it is may not do this.
  public static let forbidden = HTTPError(.forbidden)
  /// 404: there is nothing of this name.
  public static let notFound = HTTPError(.notFound)
  /// 409: what is there already is in the way.
  public static let conflict = HTTPError(.conflict)
  /// 410: there was something of this name.
  public static let gone = HTTPError(.gone)
  /// 412: what is there is not what the client expects.
  public static let preconditionFailed = HTTPError(.preconditionFailed)
  /// 415: a body of this media type is not understood.
  public static let unsupportedMediaType = HTTPError(.unsupportedMediaType)
  /// 422: the body is understood and cannot be meant.
  public static let unprocessableContent = HTTPError(.unprocessableContent)
}

extension HTTPError {
  /// 400: what is wrong with a part of the request, as in `“age” is missing`.
  init(field name: String, _ flaw: String) {
    self.init(.badRequest, "“\(name)” \(flaw)", field: name)
  }
}

extension HTTPError: CustomStringConvertible {
  /// One line for a log: `400 Bad Request: “age” is not a number`.
  public var description: String {
    "\(status.code) \(status.reasonPhrase)" + (detail.map { ": \(onOneLine($0))" } ?? "")
  }
}
