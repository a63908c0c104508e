// Answers that the server itself gives.

import HTTPCore
import HTTPTypes

/// Why a request was not handed to the handler, and what its client is told.
struct Refusal: Equatable {
  var status: HTTPResponse.Status
  /// Said after the status's own words; never anything that came from a client or from the handler.
  var detail: String?
  /// When the client may try again, in seconds.
  var retryAfter: Int?

  static let internalServerError = Refusal(status: .internalServerError)
  static let requestTimeout = Refusal(status: .requestTimeout)
  static let versionNotSupported = Refusal(status: .httpVersionNotSupported)
  static let notImplemented = Refusal(status: .notImplemented)
  /// All connections together hold as many bodies as they may.
  static let overloaded = Refusal(status: .serviceUnavailable, retryAfter: 1)
  /// As many connections are served as may be. By the time that it says, some of them are done.
  static let tooManyConnections = Refusal(status: .serviceUnavailable, retryAfter: 5)
  /// The handler has not answered in time.
  static let handlerOverdue = Refusal(status: .serviceUnavailable, detail: "No answer in time")
  static let expectationFailed = Refusal(status: .expectationFailed)

  /// RFC 9110 renamed 413 to Content Too Large; people still search for the name it had before.
  static func contentTooLarge(limit: Int) -> Refusal {
    Refusal(
      status: HTTPResponse.Status(code: 413, reasonPhrase: "Payload Too Large"),
      detail: "Exceeded limit \(limit)")
  }

  /// What the protocol machine refused: its hint for the status, its sentence for the detail.
  init(_ error: ProtocolError) {
    status =
      switch error.statusHint {
      case 414: .uriTooLong
      case 431: .requestHeaderFieldsTooLarge
      case 501: .notImplemented
      case 505: .httpVersionNotSupported
      default: .badRequest
      }
    detail = error.description
  }

  init(status: HTTPResponse.Status, detail: String? = nil, retryAfter: Int? = nil) {
    self.status = status
    self.detail = detail
    self.retryAfter = retryAfter
  }

  /// As Python's freetser writes it: `413 Error: Payload Too Large: Exceeded limit 2097152`.
  private var text: String {
    let detail = detail.map { ": \($0)" } ?? ""
    return "\(status.code) Error: \(status.reasonPhrase)\(detail)\n"
  }

  var response: Response {
    var response = Response.text(text, status: status)
    if let retryAfter { response.fields[.retryAfter] = "\(retryAfter)" }
    return response
  }
}

extension Refusal {
  /// The whole response in bytes, for clients whose connection's machine nobody can use.
  ///
  /// - Parameter isForHead: Whether it answers HEAD, and so has no body.
  func readyMade(isForHead: Bool = false) -> [UInt8] {
    let body = Array(text.utf8)
    var bytes: [UInt8] = []
    do throws(ProtocolError) {
      var fields = [
        ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", String(body.count)),
        ("Connection", "close"),
      ]
      if let retryAfter { fields.append(("Retry-After", String(retryAfter))) }
      let head = try ResponseHead(
        status: status.code, reason: status.reasonPhrase, fields: fields)
      var machine = Connection(role: .server)
      try machine.send(.response(head), into: &bytes)
      if !isForHead { bytes += body }
    } catch {
      preconditionFailure("our own response is valid: \(error)")
    }
    return bytes
  }
}
