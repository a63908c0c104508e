// Why bytes could not be moved between a handler and its client.

public import HTTPCore
public import Transport

/// Why a body could not be read or written to its end.
///
/// A handler that does not catch it need do no more: the server answers for it where it still can, and closes the
/// connection.
public enum StreamError: Error, Equatable, Sendable {
  /// The body is longer than ``RequestBody/limit``. The answer is 413.
  case tooLarge(limitInBytes: Int)
  /// The client sends too slowly (``RequestBody/timeouts``). The answer is 408.
  case timedOut
  /// The client broke the framing of its body. The answer is 400.
  case malformed(ProtocolError)
  /// All connections together hold as much as ``ServerConfiguration/maximumBufferedBytes`` allows. The answer is 503.
  case overloaded
  /// The client closed the connection, reset it, or takes nothing any more.
  case clientGone(TransportError)
  /// The file that is sent cannot be read, or has become shorter.
  case unreadable(FileError)
  /// What the handler writes cannot be sent: more or less than it declared, or after the end.
  case unsendable(ProtocolError)
}

extension StreamError: CustomStringConvertible {
  /// One line for a log, beginning in lower case.
  public var description: String {
    switch self {
    case .tooLarge(let limit): "the body has more than \(limit) bytes"
    case .timedOut: "the client sends too slowly"
    case .malformed(let error): "the body is malformed: \(error)"
    case .overloaded: "the server holds as many bytes of bodies as it may"
    case .clientGone(let error): "the client is gone: \(error)"
    case .unreadable(let error): "\(error)"
    case .unsendable(let error): "the response cannot be sent: \(error)"
    }
  }
}
