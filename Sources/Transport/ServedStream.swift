// A stream that a server has accepted, and what its server must be told and can tell.

package import Threads

/// A stream from a client, as whoever serves it sees it.
///
/// It is open for as long as somebody holds it.
package protocol ServedStream: ByteStream, AnyObject, Sendable {
  /// The other end.
  var peer: Address { get }

  /// Where it was accepted.
  var endpoint: Endpoint { get }

  /// The process at the other end of a Unix domain socket; `nil` for others.
  var peerCredentials: PeerCredentials? { get throws(TransportError) }

  /// Whether the server is stopping: finish what was begun, begin nothing new.
  var isStopping: Bool { get }

  /// Says that nothing is begun: from here on a stop ends the stream's input at once.
  ///
  /// - Returns: Whether to wait for more; `false` when the server is stopping.
  func markIdle() -> Bool

  /// Says that something has begun to come: it has a short time to be there before a stop ends the stream's input.
  func markNew()

  /// Says that something that was begun waits: from here on a stop ends the stream's input at once.
  ///
  /// - Returns: Whether to wait; `false` when the server is stopping.
  func markWaiting() -> Bool

  /// Says that something is begun, which a stop lets finish.
  func markBusy()

  /// Takes the calling thread, which has just received, to where the stream's bytes arrive, if that is worth it and known.
  func moveThread()

  // These have one implementation each; as requirements they cost one call, however the stream is held.

  /// As ``ByteStream`` has it.
  func receiveSome(into output: inout OutputSpan<UInt8>) throws(TransportError) -> Int

  /// As ``ByteStream`` has it.
  func receiveSome(
    into output: inout OutputSpan<UInt8>, by deadline: MonotonicTime
  ) throws(TransportError) -> Int

  /// As ``ByteStream`` has it.
  func sendAll(
    _ first: Span<UInt8>, _ second: Span<UInt8>, within limit: Duration?
  ) throws(TransportError)

  /// Sends all of the bytes, the last before the stream is let go of: they may be held back until then.
  func sendLast(_ bytes: Span<UInt8>, within limit: Duration?) throws(TransportError)
}

extension ServedStream {
  package func sendLast(_ bytes: Span<UInt8>, within limit: Duration?) throws(TransportError) {
    try sendAll(bytes, Span(), within: limit)
  }
}

/// An accepted connection as a stream.
package final class ConnectionStream: ServedStream {
  private let connection: AcceptedConnection

  package init(_ connection: consuming AcceptedConnection) {
    self.connection = connection
  }

  package var peer: Address { connection.peer }
  package var endpoint: Endpoint { connection.endpoint }
  package var peerCredentials: PeerCredentials? {
    get throws(TransportError) { try connection.socket.peerCredentials }
  }
  package var isStopping: Bool { connection.isStopping }
  package func markIdle() -> Bool { connection.markIdle() }
  package func markNew() { connection.markNew() }
  package func markWaiting() -> Bool { connection.markWaiting() }
  package func markBusy() { connection.markBusy() }
  package func moveThread() { connection.moveThread() }

  package func attemptReceive(
    into output: inout OutputSpan<UInt8>, waiting: Bool
  ) throws(TransportError) -> Attempt {
    try connection.socket.attemptReceive(into: &output, waiting: waiting)
  }

  package func attemptSend(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(TransportError) -> Attempt {
    try connection.socket.attemptSend(first, second)
  }

  // So the end goes with the bytes, in one segment.
  package func sendLast(_ bytes: Span<UInt8>, within limit: Duration?) throws(TransportError) {
    var sent = 0
    if case .moved(let count) = try connection.socket.attemptSend(beforeMore: bytes) {
      sent = count
    }
    try sendAll(bytes.extracting(droppingFirst: sent), Span(), within: limit)
  }

  package func attemptSend(
    _ first: Span<UInt8>, _ file: File, _ range: Range<Int>
  ) throws(TransportError) -> Attempt {
    try connection.socket.attemptSend(first, file, range)
  }

  package func wait(
    for readiness: Readiness, until deadline: MonotonicTime
  ) throws(TransportError) -> Bool {
    try connection.socket.wait(for: readiness, until: deadline)
  }

  package var untaken: Int { connection.socket.untaken }
  package func now() -> MonotonicTime { .now() }
  package func shutdown(_ direction: Socket.Direction) { connection.socket.shutdown(direction) }
  package func resetOnClose() { connection.socket.resetOnClose() }
}
