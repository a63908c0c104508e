// What happens in the accept loop that nobody is there to be told by a thrown error.

/// Something an operator should know of.
///
/// The loop has dealt with it and goes on.
public enum TransportEvent: Hashable, Sendable {
  /// No connection could be accepted, mostly for want of descriptors or memory. Connections wait
  /// until the pause is over, which is early when the thread of one of ours ends.
  case acceptPaused(Endpoint, TransportError, pause: Duration)
  /// No thread could be started for a connection, which was closed.
  case connectionDropped(peer: Address, TransportError)
}

extension TransportEvent: CustomStringConvertible {
  /// One line for a log, beginning in lower case.
  public var description: String {
    switch self {
    case .acceptPaused(let endpoint, let error, let pause):
      "no connection accepted on \(endpoint), trying again within \(pause): \(error)"
    case .connectionDropped(let peer, let error):
      "closed the new connection of \(peer): \(error)"
    }
  }
}
