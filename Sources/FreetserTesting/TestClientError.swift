// Why a test got no response.

public import HTTPCore
import HTTPTypes

/// Why a request of a test was not answered as HTTP wants it.
public enum TestClientError: Error, Equatable, Sendable {
  /// The request breaks a rule and was not sent.
  case unsendable(ProtocolError)
  /// The server closed the connection and said nothing.
  case closedWithoutResponse
  /// The response ended before its end. What came of it is here.
  case cut(ReceivedResponse)
  /// What came breaks a rule of HTTP.
  case malformed(ProtocolError)
  /// There was no complete response in time.
  case timedOut(after: Duration)
  /// The response's body is larger than the client takes.
  case tooLarge(limitInBytes: Int)
  /// The system is out of threads or memory; `code` is a value of `errno`.
  case cannotStartThread(code: Int32)
}

extension TestClientError: CustomStringConvertible {
  /// One line for the report of a test.
  public var description: String {
    switch self {
    case .unsendable(let error): "the request cannot be sent: \(error)"
    case .closedWithoutResponse: "the server closed the connection without a response"
    case .cut(let response):
      "the response was cut after \(response.body.count) bytes of its body; its status is \(response.status.code)"
    case .malformed(let error): "the response is malformed: \(error)"
    case .timedOut(let limit): "no complete response came in \(limit)"
    case .tooLarge(let limit): "the response's body has more than \(limit) bytes"
    case .cannotStartThread(let code): "cannot start a thread (errno \(code))"
    }
  }
}
