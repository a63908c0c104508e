// Answers that the server itself gives.

import HTTPCore
import HTTPTypes
import KVStore

/// Why a request was not handed to the handler, and what its client is told.
struct Refusal: Equatable {
  var status: HTTPResponse.Status
  /// Said after the status's own words; never anything that came from a client or from the handler.
  var detail: String?

  static let internalServerError = Refusal(status: .internalServerError)
  static let requestTimeout = Refusal(status: .requestTimeout)
  static let versionNotSupported = Refusal(status: .httpVersionNotSupported)
  static let notImplemented = Refusal(status: .notImplemented)
  static let tooManyConnections = Refusal(status: .serviceUnavailable)
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

  init(status: HTTPResponse.Status, detail: String? = nil) {
    self.status = status
    self.detail = detail
  }

  /// As Python's freetser writes it: `413 Error: Payload Too Large: Exceeded limit 2097152`.
  private var text: String {
    let detail = detail.map { ": \($0)" } ?? ""
    return "\(status.code) Error: \(status.reasonPhrase)\(detail)\n"
  }

  var response: Response { .text(text, status: status) }
}

extension Refusal {
  /// When to come back, in seconds: by then some of those who are served are done.
  private static let retryAfter = 5

  /// The whole response in bytes, for clients whose request nobody reads.
  var readyMade: [UInt8] {
    let body = Array(text.utf8)
    var bytes: [UInt8] = []
    do throws(ProtocolError) {
      var machine = Connection(role: .server)
      let head = try ResponseHead(
        status: status.code, reason: status.reasonPhrase,
        fields: [
          ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", String(body.count)),
          ("Retry-After", String(Self.retryAfter)), ("Connection", "close"),
        ])
      try machine.send(.response(head), into: &bytes)
      try machine.send(.content(body), into: &bytes)
      try machine.send(.endOfMessage(), into: &bytes)
    } catch {
      preconditionFailure("our own response is valid: \(error)")
    }
    return bytes
  }
}
