// The seam between what speaks a protocol and what carries its bytes: a few attempts that a stream makes, and the waits
// and repetitions that are built on them, the same for every stream.

package import Threads

/// What came of one attempt to receive or to send.
package enum Attempt: Equatable, Sendable {
  /// So many bytes were moved; a receive of none means that the peer has ended its half.
  case moved(Int)
  /// Nothing could be moved, in the time that the attempt had.
  case nothing
  /// A signal came first.
  case interrupted
}

/// What a wait is for.
package enum Readiness: Sendable {
  /// Bytes, or the end of the peer's half.
  case receiving
  /// Room for bytes.
  case sending
  /// The end of the peer's half, whatever it sent before.
  case end
}

/// Bytes in both directions, in order, from and to one peer.
///
/// Sockets are streams; tests have others, in memory and with faults.
package protocol ByteStream: ~Copyable {
  /// Receives what is there at the end of `output`, which has room.
  ///
  /// - Parameter waiting: Whether to wait for a first byte, as long as the stream's own limit says.
  borrowing func attemptReceive(
    into output: inout OutputSpan<UInt8>, waiting: Bool
  ) throws(TransportError) -> Attempt

  /// Sends what there is room for, without waiting for any; the spans are not all empty.
  borrowing func attemptSend(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(TransportError) -> Attempt

  /// Waits until an attempt has a chance, or until nothing more can come of waiting: the next attempt then tells why.
  ///
  /// - Returns: `false` once the deadline has passed.
  borrowing func wait(
    for readiness: Readiness, until deadline: MonotonicTime
  ) throws(TransportError) -> Bool

  /// How many bytes that were sent are still on this side: the peer's has not taken them.
  var untaken: Int { get }

  /// The clock that deadlines are read from.
  borrowing func now() -> MonotonicTime

  /// Ends one direction, or both, while the stream stays open.
  borrowing func shutdown(_ direction: Socket.Direction)

  /// Makes the close, when it comes, a reset: what is then on its way to the peer is thrown away.
  borrowing func resetOnClose()
}

extension ByteStream where Self: ~Copyable {
  /// Receives what is there, waiting for at least one byte, for no longer than the stream's own limit.
  ///
  /// - Returns: How many bytes came; 0 when the peer has ended its half.
  package borrowing func receiveSome(
    into output: inout OutputSpan<UInt8>
  ) throws(TransportError) -> Int {
    precondition(output.freeCapacity > 0, "receiving needs room for at least one byte")
    while true {
      switch try attemptReceive(into: &output, waiting: true) {
      case .moved(let count): return count
      case .nothing: throw .timedOut
      case .interrupted: continue
      }
    }
  }

  /// Receives what is there, waiting for at least one byte until the deadline.
  ///
  /// Bytes that are there already are received however late it is. It is one system call then, and three if they have
  /// to be waited for.
  package borrowing func receiveSome(
    into output: inout OutputSpan<UInt8>, by deadline: MonotonicTime
  ) throws(TransportError) -> Int {
    precondition(output.freeCapacity > 0, "receiving needs room for at least one byte")
    while true {
      switch try attemptReceive(into: &output, waiting: false) {
      case .moved(let count): return count
      case .nothing: guard try wait(for: .receiving, until: deadline) else { throw .timedOut }
      case .interrupted: continue
      }
    }
  }

  /// Sends all of the bytes, in one system call when the system takes them at once.
  ///
  /// - Parameters:
  ///   - first: What is sent first.
  ///   - second: What is sent behind it.
  ///   - limit: How long the peer may take nothing; `nil` waits for ever.
  package borrowing func sendAll(
    _ first: Span<UInt8>, _ second: Span<UInt8>, within limit: Duration?
  ) throws(TransportError) {
    var sent = 0
    while sent < first.count + second.count {
      let attempt = try attemptSend(
        first.extracting(droppingFirst: min(sent, first.count)),
        second.extracting(droppingFirst: max(0, sent - first.count)))
      switch attempt {
      case .moved(let count): sent += count
      case .nothing: try waitForRoom(within: limit)
      case .interrupted: continue
      }
    }
  }

  /// Waits until the stream takes bytes again, for as long as the peer takes some of those it has.
  ///
  /// Room alone does not tell: Linux reports some when a third of its queue is free, and the queue grows to 4 MiB. A peer
  /// that takes 40 KB a second, all the time, needs half a minute for that.
  package borrowing func waitForRoom(within limit: Duration?) throws(TransportError) {
    var before = untaken
    while true {
      let deadline = limit.map { now() + $0 } ?? MonotonicTime.distantFuture
      if try wait(for: .sending, until: deadline) { return }
      let after = untaken
      guard after < before else { throw .timedOut }
      before = after
    }
  }
}
