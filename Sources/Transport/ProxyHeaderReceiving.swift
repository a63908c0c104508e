// Waits for the PROXY header of a connection, for a bounded time.

import Threads

extension Socket {
  /// Receives the header that a proxy sends first, and takes it out of the buffer.
  ///
  /// What follows it stays in the buffer.
  ///
  /// - Parameters:
  ///   - buffer: Gets what comes; empty.
  ///   - limit: How long the whole header may take.
  ///   - limitInBytes: How long a header of version 2 may be.
  /// - Returns: The header; `nil` if the peer ended the connection before its first byte.
  /// - Throws: ``TransportError/invalidProxyHeader(_:)``, ``TransportError/timedOut``, and what
  ///   ``ReceiveBuffer/receive(from:)`` throws.
  public borrowing func receiveProxyHeader(
    into buffer: inout ReceiveBuffer, within limit: Duration,
    limitInBytes: Int = ProxyHeader.defaultLimitInBytes
  ) throws(TransportError) -> ProxyHeader? {
    let deadline = MonotonicTime.now() + limit
    while true {
      if try buffer.receive(from: self, by: deadline) == 0 {
        if buffer.isEmpty { return nil }
        throw .invalidProxyHeader(.cutOff)
      }
      let parsed = try buffer.withUnread { (unread) throws(TransportError) in
        try ProxyHeader.parse(unread, limitInBytes: limitInBytes)
      }
      if let (header, length) = parsed {
        buffer.consume(length)
        return header
      }
    }
  }
}
