// A connection's bytes, without any protocol: what the server itself reads and writes, and what a handler that took the
// connection over is given.

import HTTPCore
import Threads
public import Transport

/// The bytes of a connection, in both directions, in order.
///
/// A handler is given it when it takes a connection over (``Response/switchingProtocols(to:fields:_:)``,
/// ``Response/connected(fields:_:)``). The connection closes when the handler's closure returns.
public struct RawStream: ~Copyable {
  let stream: any ServedStream
  /// What came and was not consumed. What a client sent ahead, before it saw the answer, is in it.
  var input: ReceiveBuffer
  private(set) var inputEnded = false
  /// What is to be sent, at the latest before anything is waited for.
  var output: [UInt8] = []
  /// Lines of a log about what is to be sent, which leave just before it.
  var lines = HeldLines()
  /// Whether anything was sent since this was last set to `false`.
  var hasSent = false
  /// How long the client may take nothing of what is sent.
  var sendLimit: Duration
  /// Whether it has taken nothing for so long: some of what was sent is still here, and will be for as long as it likes.
  private(set) var isStuck = false

  /// How often bytes came where a request was waited for.
  private var arrivals = 0

  /// Memory of `output` beyond this is given back when it has been sent. In bytes.
  private static let keptOutput = 65_536

  init(_ stream: any ServedStream, limitInBytes: Int, sendLimit: Duration) {
    self.stream = stream
    self.sendLimit = sendLimit
    input = ReceiveBuffer(limitInBytes: limitInBytes)
  }

  /// Receives what is there, waiting for at least one byte.
  ///
  /// - Parameters:
  ///   - count: How many bytes at most.
  ///   - limit: How long to wait; `nil` waits until the peer or the server ends the connection.
  /// - Returns: At least one byte; none when the peer has ended its half.
  /// - Throws: `TransportError.timedOut`, `TransportError.peerGone(code:)`.
  public mutating func receive(
    atMost count: Int = 65_536, within limit: Duration? = nil
  ) throws(TransportError) -> [UInt8] {
    require(count > 0, "receiving needs room for at least one byte")
    if input.isEmpty {
      input.giveBackMemory()
      try receiveMore(by: limit.map { stream.now() + $0 } ?? .distantFuture)
    }
    let count = min(count, input.count)
    let received = input.withUnread { [UInt8](copying: $0.extracting(first: count)) }
    input.consume(count)
    return received
  }

  /// Sends all of the bytes; returns when the system has them.
  ///
  /// - Throws: `TransportError.timedOut` if the peer took none for as long as the server's `timeouts.send`,
  ///   `TransportError.peerGone(code:)`. Some of the bytes may have been sent then.
  public mutating func send(_ bytes: Span<UInt8>) throws(TransportError) {
    try flush(followedBy: bytes)
  }

  /// Sends all of the bytes, as ``send(_:)-(Span<UInt8>)`` does.
  public mutating func send(_ bytes: [UInt8]) throws(TransportError) {
    try send(bytes.span)
  }

  /// Ends our half: the peer sees the end once it has read what was sent. Receiving goes on.
  public mutating func finishSending() throws(TransportError) {
    try flush()
    stream.shutdown(.sending)
  }

  /// Whether the server is stopping: end soon, before the connection is cut.
  public var isStopping: Bool { stream.isStopping }
}

// What the server does with it, beside.
extension RawStream {
  /// Sends what was gathered, and `body` behind it.
  mutating func flush(followedBy body: Span<UInt8> = Span()) throws(TransportError) {
    guard !output.isEmpty || !body.isEmpty else { return }
    hasSent = true
    releaseLines()
    defer { forgetOutput() }
    do throws(TransportError) {
      try stream.sendAll(output.span, body, within: sendLimit)
      isStuck = false
    } catch {
      isStuck = error == .timedOut
      throw error
    }
  }

  /// Sends what was gathered, little enough to be left to the system, before the connection is closed.
  mutating func flushLast() throws(TransportError) {
    guard !output.isEmpty else { return }
    hasSent = true
    releaseLines()
    defer { forgetOutput() }
    do throws(TransportError) {
      try stream.sendLast(output.span, within: sendLimit)
    } catch {
      isStuck = error == .timedOut
      throw error
    }
  }

  /// Whether what was sent and not taken, and what is to be sent, is little enough to be left to the system: a head and
  /// what is copied behind it.
  ///
  /// - Parameter isFirst: Whether nothing was sent before.
  mutating func leavesLittle(isFirst: Bool) -> Bool {
    output.count <= 32_768 && (isFirst || stream.untaken == 0)
  }

  private mutating func forgetOutput() {
    output.removeAll(keepingCapacity: output.capacity <= Self.keptOutput)
  }

  /// Lets the lines about what is to be sent go.
  mutating func releaseLines() {
    lines.areOpen = false
    if !lines.isEmpty { lines.release() }
  }

  /// Sends what was gathered, and a part of a file behind it.
  mutating func flush(followedBy file: File, _ range: Range<Int>) throws(TransportError) {
    hasSent = true
    releaseLines()
    defer { forgetOutput() }
    do throws(TransportError) {
      try stream.sendAll(output.span, file, range, within: sendLimit)
      isStuck = false
    } catch {
      isStuck = error == .timedOut
      throw error
    }
  }

  /// Waits for a request to begin, after all else. One that does not is no error.
  ///
  /// How long is told to the listening socket (``ServerConfiguration/Timeouts/keepAlive``), so that it costs no system
  /// call and no look at the clock. A client that still takes what was sent has all that time again.
  ///
  /// - Returns: `false` if none is waited for any longer. The input may still have what came meanwhile.
  mutating func receiveFirst() throws(TransportError) -> Bool {
    try flush()
    input.giveBackMemory()
    guard stream.markIdle() else { return false }
    var untaken = Int.max
    while true {
      do throws(TransportError) {
        inputEnded =
          try input.fill { (output) throws(TransportError) in
            try stream.receiveSome(into: &output)
          } == 0
        if !inputEnded { moveThread() }
        return true
      } catch .timedOut {
        let left = stream.untaken
        guard 0 < left, left < untaken else { return false }
        untaken = left
      }
    }
  }

  /// Takes the thread to where the client's bytes arrive, which seldom changes: when they come the second time, the fourth, the
  /// eighth and so on, and each 1,024th.
  private mutating func moveThread() {
    arrivals &+= 1
    let isPowerOfTwo = arrivals & (arrivals &- 1) == 0
    if arrivals > 1, isPowerOfTwo || arrivals & 1_023 == 0 { stream.moveThread() }
  }

  /// Whether closing now could destroy what was sent: a close that leaves received bytes unread is a reset, and so is the
  /// answer to bytes that come afterwards.
  var closeMayDestroy: Bool { !inputEnded && (stream.isStopping || stream.untaken > 0) }

  /// Waits for more of what has begun.
  mutating func receiveMore(by deadline: MonotonicTime) throws(TransportError) {
    try flush()
    guard !inputEnded else { return }
    inputEnded =
      try input.fill { (output) throws(TransportError) in
        try stream.receiveSome(into: &output, by: deadline)
      } == 0
  }
}

extension RawStream {
  /// Ends our half and drops what still comes, until the client ends its half too (RFC 9112 section 9.6).
  ///
  /// Closing while the client still sends, be it a request ahead or a stray CR LF, makes the system answer with a reset,
  /// which destroys what the client has not read yet.
  ///
  /// - Parameter time: How long to wait for that since the client last took some of what was sent.
  mutating func linger(for time: Duration) throws(TransportError) {
    try finishSending()
    let lastTaken = try dropInputUntilTaken()
    // A stop waits only for what is on its way already.
    let isStopping = !stream.markIdle()
    let deadline = isStopping ? stream.now() + .milliseconds(100) : lastTaken + time
    // What is there is received after the deadline too: a client that never stops must not stay.
    while !inputEnded, stream.now() < deadline {
      input.consume(input.count)
      try receiveMore(by: deadline)
    }
  }

  /// Drops what comes until the client has taken all that was sent, as long as it goes on taking.
  ///
  /// - Returns: When it was last known to have some of it to take.
  private mutating func dropInputUntilTaken() throws(TransportError) -> MonotonicTime {
    var untaken = Int.max
    var lastLook = stream.now()
    var lastTaken = lastLook
    var deadline = lastLook + sendLimit
    // Nobody tells when bytes are taken: one has to look, the more rarely the longer it takes. Most clients end their
    // half before the first look.
    var pause: Duration = .milliseconds(5)
    while untaken > 0, !inputEnded {
      input.consume(input.count)
      let nextLook = min(lastLook + pause, deadline)
      do throws(TransportError) {
        try receiveMore(by: nextLook)
        if stream.now() < nextLook { continue }
      } catch .timedOut {
        // A look is due.
      }
      let (left, now) = (stream.untaken, stream.now())
      // It was taken at some time since the last look: early is safe to linger from, and late to give up from.
      if left < untaken { (lastTaken, deadline) = (lastLook, now + sendLimit) }
      (untaken, lastLook, pause) = (left, now, min(pause * 2, sendLimit / 4))
      guard untaken == 0 || now < deadline else {
        isStuck = true
        throw .timedOut
      }
    }
    return lastTaken
  }
}
