// What a client is told when a handler throws.

import HTTPTypes
import KVStore
import Transport

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The answer to a request whose handler threw.
struct ErrorAnswer {
  var response: Response
  /// Whether it is something that those who run the server should know.
  var isFault: Bool { response.status.code >= 500 }

  /// What the configuration answers, or else what the error says by itself.
  init(to error: any Error, for request: Request, _ configuration: ServerConfiguration) {
    response =
      configuration.errorResponse?(error, request)
      ?? HTTPError(answering: error)?.response(to: request)
      ?? Refusal.internalServerError.response
  }
}

extension HTTPError {
  /// What an error that a handler has not caught means to its client; `nil` if that is nobody's business.
  ///
  /// What the store refuses is the request's fault or the moment's; what it fails at is ours.
  init?(answering error: any Error) {
    switch error {
    case let error as HTTPError: self = error
    case let error as FileError where error.isMissing: self = .notFound
    case let error as StoreError:
      switch error {
      case .entryExists, .staleCounter: self = .conflict
      case .invalidKey: self = .badRequest
      case .valueTooLarge: self.init(.contentTooLarge)
      case .queueFull, .timeout, .conflict, .unavailable, .snapshotTooOld, .busy:
        self.init(.serviceUnavailable, fields: [.retryAfter: "1"])
      default: return nil
      }
    default: return nil
    }
  }

  /// Problem details (RFC 9457), or a line of text for those who like that better, as browsers do.
  func response(to request: Request) -> Response {
    let json = "application/problem+json"
    let best = request.preferredType(of: [json, "application/json", "text/html", "text/plain"])
    if best?.hasPrefix("text/") == true {
      var response = Refusal(status: status, detail: detail).response
      for (name, value) in fields.lines { response.fields.append(name, value) }
      response.fields.append(.vary, "Accept")
      return response
    }
    let problem = Problem(
      title: status.reasonPhrase, status: status.code, detail: detail, field: field)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let body = try? encoder.encode(problem) else {
      preconditionFailure("texts and a number can be written as JSON")
    }
    var response = Response.bytes(
      Array(body), contentType: json, status: status, fields: fields)
    // A cache may keep some errors without being told to, such as 404 (RFC 9110 section 15.1).
    response.fields.append(.vary, "Accept")
    return response
  }
}

/// Without a `type` a problem is what its status says (RFC 9457 section 4.2.1).
private struct Problem: Encodable {
  var title: String
  var status: Int
  var detail: String?
  var field: String?
}
