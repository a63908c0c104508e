// Waits for the PROXY header of a connection, for a bounded time.

import Threads

extension ReceiveBuffer {
  /// Receives the header that a proxy sends first, and takes it out again.
  ///
  /// What follows it stays. The buffer is empty before.
  ///
  /// - Parameters:
  ///   - socket: Where it comes from.
  ///   - limit: How long the whole header may take.
  ///   - limitInBytes: How long a header of version 2 may be.
  /// - Returns: The header; `nil` if the peer ended the connection before its first byte.
  /// - Throws: ``TransportError/invalidProxyHeader(_:)``, ``TransportError/timedOut``, and what
  ///   ``ReceiveBuffer/receive(from:)`` throws.
  public mutating func receiveProxyHeader(
    from socket: borrowing Socket, within limit: Duration,
    limitInBytes: Int = ProxyHeader.defaultLimitInBytes
  ) throws(TransportError) -> ProxyHeader? {
    let deadline = MonotonicTime.now() + limit
    return try receiveProxyHeader(limitInBytes: limitInBytes) { (output) throws(TransportError) in
      try socket.receiveSome(into: &output, by: deadline)
    }
  }

  /// The same, with `receive` for what receives, for a bounded time.
  package mutating func receiveProxyHeader(
    limitInBytes: Int, _ receive: (inout OutputSpan<UInt8>) throws(TransportError) -> Int
  ) throws(TransportError) -> ProxyHeader? {
    while true {
      if try fill(receive) == 0 {
        if isEmpty { return nil }
        throw .invalidProxyHeader(.cutOff)
      }
      let parsed = try withUnread { (unread) throws(TransportError) in
        try ProxyHeader.parse(unread, limitInBytes: limitInBytes)
      }
      if let (header, length) = parsed {
        consume(length)
        return header
      }
    }
  }
}
