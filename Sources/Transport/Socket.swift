// One connected socket: bytes in, bytes out, closed once.

package import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A connected stream socket.
///
/// Dropping it closes it.
///
/// One thread receives and one sends at a time (they may be two); a socket may move between threads.
/// A call waits until the system has done it, for no longer than it is told to.
public struct Socket: ~Copyable, Sendable {
  let descriptor: FileDescriptor

  /// The other end, as it was when the connection was made.
  public let peer: Address

  init(_ descriptor: consuming FileDescriptor, peer: Address) {
    self.descriptor = descriptor
    self.peer = peer
  }

  /// This end: which of the machine's addresses the peer connected to.
  ///
  /// - Throws: ``TransportError/systemCall(_:code:)`` if the system has no memory to answer.
  public var local: Address {
    get throws(TransportError) { try descriptor.boundAddress() }
  }

  /// Closes the socket now rather than where it is dropped.
  ///
  /// What was sent still reaches the peer.
  public consuming func close() {}

  /// Closes the socket with a reset: what is still on its way to the peer is thrown away.
  public consuming func abort() {
    resetOnClose()
  }

  /// Makes the close, when it comes, a reset: what is then on its way to the peer is thrown away.
  ///
  /// Without it a peer that reads nothing keeps unsent bytes in the system's memory after the close.
  public borrowing func resetOnClose() {
    // It fails only for a connection that has ended already, which then needs no reset.
    try? descriptor.set(
      SOL_SOCKET, SO_LINGER, to: linger(l_onoff: 1, l_linger: 0), as: "SO_LINGER")
  }
}

extension Socket {
  /// Receives what is there, waiting for at least one byte, for no longer than
  /// ``setReceiveTimeout(_:)`` says.
  ///
  /// - Parameter output: Gets the bytes at its end; it must have room.
  /// - Returns: How many bytes came; 0 when the peer has ended its half.
  /// - Throws: ``TransportError/timedOut``, ``TransportError/peerGone(code:)``.
  public borrowing func receive(
    into output: inout OutputSpan<UInt8>
  ) throws(TransportError) -> Int {
    try receive(into: &output, flags: 0)
  }

  /// Receives what is there, waiting for at least one byte until the deadline.
  ///
  /// Bytes that are there already are received however late it is. It is one system call then, and
  /// three if they have to be waited for.
  package borrowing func receive(
    into output: inout OutputSpan<UInt8>, by deadline: MonotonicTime
  ) throws(TransportError) -> Int {
    while true {
      do throws(TransportError) {
        return try receive(into: &output, flags: dontWait)
      } catch .timedOut {
        guard try descriptor.wait(for: POLLIN, until: deadline) else { throw .timedOut }
      }
    }
  }

  private borrowing func receive(
    into output: inout OutputSpan<UInt8>, flags: Int32
  ) throws(TransportError) -> Int {
    precondition(output.freeCapacity > 0, "receiving needs room for at least one byte")
    let number = descriptor.number
    return try unsafe output.withUnsafeMutableBufferPointer {
      (room, filled) throws(TransportError) in
      let (start, free) = unsafe (room.baseAddress! + filled, room.count - filled)
      let count = try retrying("recv") { () in unsafe recv(number, start, free, flags) }
      filled += count
      return count
    }
  }

  /// Sends all of the bytes, one span after the other, in one system call when the system takes them
  /// at once.
  ///
  /// - Parameters:
  ///   - first: What is sent first.
  ///   - second: What is sent behind it.
  ///   - third: What is sent last.
  ///   - limit: How long the peer may take nothing; `nil` waits for ever. It is a limit on standing
  ///     still, not on the whole send.
  /// - Throws: ``TransportError/timedOut`` if the peer took nothing for as long as the limit,
  ///   ``TransportError/peerGone(code:)``. Some of the bytes may have been sent then.
  public borrowing func send(
    _ first: Span<UInt8>, _ second: Span<UInt8> = Span(), _ third: Span<UInt8> = Span(),
    within limit: Duration? = nil
  ) throws(TransportError) {
    try unsafe first.withUnsafeBytes { (first) throws(TransportError) in
      try unsafe second.withUnsafeBytes { (second) throws(TransportError) in
        try unsafe third.withUnsafeBytes { (third) throws(TransportError) in
          var unsent = unsafe Unsent(first, second, third)
          while unsent.count > 0 {
            if try !unsent.sendOnce(descriptor.number) { try waitForRoom(within: limit) }
          }
        }
      }
    }
  }

  /// Waits until the system takes bytes again, for as long as the peer takes some of those it has.
  ///
  /// Room alone does not tell: Linux reports some when a third of its queue is free, and the queue
  /// grows to 4 MiB. A peer that takes 40 KB a second, all the time, needs half a minute for that.
  private borrowing func waitForRoom(within limit: Duration?) throws(TransportError) {
    var untaken = descriptor.untaken
    while true {
      let deadline = limit.map { .now() + $0 } ?? MonotonicTime.distantFuture
      if try descriptor.wait(for: POLLOUT, until: deadline) { return }
      let left = descriptor.untaken
      guard left < untaken else { throw .timedOut }
      untaken = left
    }
  }

  /// Which direction of a connection to shut.
  public enum Direction: Sendable {
    /// Later receives report the end of input.
    case receiving
    /// The peer sees the end of our half once it has read what was sent.
    case sending
    /// Both.
    case both
  }

  /// Ends one direction, or both, of the connection, while the socket stays open.
  ///
  /// A thread that waits in that direction wakes up. Linux still delivers bytes that arrived before.
  public borrowing func shutdown(_ direction: Direction) {
    shutDown(descriptor.number, direction)
  }

  /// Limits each wait for bytes that has no deadline of its own; `nil` waits for ever.
  ///
  /// Anything below a microsecond counts as one.
  ///
  /// - Throws: ``TransportError/systemCall(_:code:)`` if the system refuses so long a time.
  public borrowing func setReceiveTimeout(_ timeout: Duration?) throws(TransportError) {
    try descriptor.setReceiveTimeout(timeout)
  }
}

/// What of a send is still to do: up to three pieces of memory, which outlive this value.
// @safe: made only by `Socket.send`, inside the closures that lend it the memory.
@safe private struct Unsent {
  private var pieces: (iovec, iovec, iovec)
  private(set) var count: Int

  init(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
    _ third: UnsafeRawBufferPointer
  ) {
    unsafe pieces = (iovec(first), iovec(second), iovec(third))
    count = first.count + second.count + third.count
  }

  /// Sends what the system takes at once: writev(2) would do, but for its SIGPIPE.
  ///
  /// - Returns: Whether it took anything.
  mutating func sendOnce(_ number: Int32) throws(TransportError) -> Bool {
    do throws(TransportError) {
      let sent = try unsafe withUnsafeMutablePointer(to: &pieces) {
        (pieces) throws(TransportError) in
        var message = unsafe msghdr()
        unsafe message.msg_iov = UnsafeMutableRawPointer(pieces).assumingMemoryBound(to: iovec.self)
        unsafe message.msg_iovlen = 3
        return try retrying("sendmsg") { () in
          unsafe sendmsg(number, &message, noSignal | dontWait)
        }
      }
      drop(sent)
      return true
    } catch .timedOut {
      return false
    }
  }

  /// Leaves out the first `sent` bytes.
  private mutating func drop(_ sent: Int) {
    count -= sent
    var left = sent
    unsafe pieces.0.drop(&left)
    unsafe pieces.1.drop(&left)
    unsafe pieces.2.drop(&left)
  }
}

extension iovec {
  fileprivate init(_ bytes: UnsafeRawBufferPointer) {
    unsafe self.init(
      iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
  }

  fileprivate mutating func drop(_ sent: inout Int) {
    let here = unsafe min(sent, Int(iov_len))
    unsafe iov_base = iov_base.map { unsafe $0 + here }
    unsafe iov_len -= here
    sent -= here
  }
}
