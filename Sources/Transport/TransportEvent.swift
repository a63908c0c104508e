// What happens in the accept loop that nobody is there to be told by a thrown error.

/// Something an operator should know of.
///
/// The loop has dealt with it and goes on. What happens again and again is told at once, and then every 10 s.
public enum TransportEvent: Hashable, Sendable {
  /// No connection could be accepted, mostly for want of memory. Connections wait until the pause is
  /// over, which is early when one of ours has been served.
  case acceptPaused(Endpoint, TransportError, pause: Duration)
  /// So many connections were refused for one cause since that was last told; the latest came from `peer`.
  // Indirect: see TransportError.cannotConnect.
  indirect case refused(count: Int, RefusalCause, peer: Address)
}

/// Why a connection was not served.
public enum RefusalCause: Hashable, Sendable {
  /// As many are served as may be, and none of them is idle.
  case tooManyConnections(limit: Int)
  /// The peer's address has as many as one may have.
  case tooManyFromAddress(limit: Int)
  /// There is no descriptor left, and no connection is idle.
  case outOfDescriptors
  /// The system could not start a thread; `code` is a value of `errno`.
  case cannotStartThread(code: Int32)
}

extension TransportEvent: CustomStringConvertible {
  /// One line for a log, beginning in lower case.
  public var description: String {
    switch self {
    case .acceptPaused(let endpoint, let error, let pause):
      "no connection accepted on \(endpoint), trying again within \(pause): \(error)"
    case .refused(1, let cause, let peer):
      "refused a connection from \(peer): \(cause)"
    case .refused(let count, let cause, let peer):
      "refused \(count) connections, the latest from \(peer): \(cause)"
    }
  }
}

extension RefusalCause: CustomStringConvertible {
  /// A part of a line for a log, beginning in lower case.
  public var description: String {
    switch self {
    case .tooManyConnections(let limit): "\(limit) connections are open, and none is idle"
    case .tooManyFromAddress(let limit): "its address has \(limit) connections"
    case .outOfDescriptors: "there is no descriptor left, and no connection is idle"
    case .cannotStartThread(let code): "cannot start a thread: \(explain(code))"
    }
  }
}
