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
    try receiveSome(into: &output)
  }

  /// Sends all of the bytes, one span after the other, in one system call when the system takes them
  /// at once.
  ///
  /// - Parameters:
  ///   - first: What is sent first.
  ///   - second: What is sent behind it.
  ///   - limit: How long the peer may take nothing; `nil` waits for ever. It is a limit on standing
  ///     still, not on the whole send.
  /// - Throws: ``TransportError/timedOut`` if the peer took nothing for as long as the limit,
  ///   ``TransportError/peerGone(code:)``. Some of the bytes may have been sent then.
  public borrowing func send(
    _ first: Span<UInt8>, _ second: Span<UInt8> = Span(), within limit: Duration? = nil
  ) throws(TransportError) {
    try sendAll(first, second, within: limit)
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

extension Socket: ByteStream {
  package borrowing func attemptReceive(
    into output: inout OutputSpan<UInt8>, waiting: Bool
  ) throws(TransportError) -> Attempt {
    let number = descriptor.number
    let flags = waiting ? 0 : dontWait
    return try unsafe output.withUnsafeMutableBufferPointer {
      (room, filled) throws(TransportError) in
      let (start, free) = unsafe (room.baseAddress! + filled, room.count - filled)
      let attempt = try Attempt("recv", unsafe recv(number, start, free, flags))
      if case .moved(let count) = attempt { filled += count }
      return attempt
    }
  }

  package borrowing func attemptSend(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(TransportError) -> Attempt {
    let number = descriptor.number
    // One piece of memory costs the system less.
    if second.isEmpty {
      return try unsafe first.withUnsafeBytes { (bytes) throws(TransportError) in
        try Attempt("send", unsafe sendPiece(number, bytes, flags: 0))
      }
    }
    return try unsafe first.withUnsafeBytes { (first) throws(TransportError) in
      try unsafe second.withUnsafeBytes { (second) throws(TransportError) in
        try Attempt("sendmsg", unsafe sendPieces(number, first, second))
      }
    }
  }

  /// The same with bytes that others, or the end, follow at once: the system may wait for those.
  borrowing func attemptSend(beforeMore bytes: Span<UInt8>) throws(TransportError) -> Attempt {
    let number = descriptor.number
    return try unsafe bytes.withUnsafeBytes { (bytes) throws(TransportError) in
      try Attempt("send", unsafe sendPiece(number, bytes, flags: moreFollows))
    }
  }

  package borrowing func wait(
    for readiness: Readiness, until deadline: MonotonicTime
  ) throws(TransportError) -> Bool {
    try descriptor.wait(for: readiness, until: deadline)
  }

  package var untaken: Int { descriptor.untaken }

  package borrowing func now() -> MonotonicTime { .now() }
}

extension Attempt {
  /// What a system call on a socket gave: a count, or -1 and a reason in `errno`.
  @inline(__always)
  init(_ call: StaticString, _ result: Int) throws(TransportError) {
    if result >= 0 {
      self = .moved(result)
      return
    }
    switch errno {
    case EINTR: self = .interrupted
    case EAGAIN, EWOULDBLOCK: self = .nothing
    case let code: throw TransportError(systemCall: "\(call)", code: code)
    }
  }
}

/// send(2); a function here because methods have its name.
func sendPiece(_ number: Int32, _ bytes: UnsafeRawBufferPointer, flags: Int32) -> Int {
  unsafe send(number, bytes.baseAddress, bytes.count, noSignal | dontWait | flags)
}

/// sendmsg(2) of two pieces: writev(2) would do, but for its SIGPIPE.
private func sendPieces(
  _ number: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
) -> Int {
  var pieces: [2 of iovec] = [unsafe iovec(first), unsafe iovec(second)]
  return unsafe withUnsafeMutableBytes(of: &pieces) { raw in
    var message = unsafe msghdr()
    unsafe message.msg_iov = raw.baseAddress!.assumingMemoryBound(to: iovec.self)
    unsafe message.msg_iovlen = 2
    return unsafe sendmsg(number, &message, noSignal | dontWait)
  }
}

extension iovec {
  fileprivate init(_ bytes: UnsafeRawBufferPointer) {
    unsafe self.init(
      iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
  }
}
