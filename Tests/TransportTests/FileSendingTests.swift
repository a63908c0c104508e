// Files on their way through sockets, and through streams that can only send memory.

import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct FileSendingTests {
  /// Which stream carries a file.
  enum Way: CaseIterable {
    case tcp
    case unix
    /// A stream that knows no better than to copy.
    case copying
  }

  /// Sends a part of a file while `receive` has the other end; what either gives.
  private func send(
    _ file: File, _ range: Range<Int>, behind first: [UInt8] = [], by way: Way,
    within limit: Duration = patience,
    receive: @escaping @Sendable (borrowing Socket) throws -> [UInt8]
  ) throws -> (sent: Result<Void, TransportError>, received: [UInt8]) {
    blockBrokenPipeSignal()
    let directory = TemporaryDirectory()
    let pair =
      way == .unix ? try SocketPair.unix("\(directory.path)/socket") : try SocketPair.tcp()
    var sent: Result<Void, TransportError>?
    var received: [UInt8] = []
    try pair.split { client, server in
      let receiver = try Background(with: client, receive)
      let stream = CopyingStream(server)
      sent = Result { () throws(TransportError) in
        if way == .copying {
          try stream.sendAll(first.span, file, range, within: limit)
        } else {
          try stream.socket.sendAll(first.span, file, range, within: limit)
        }
      }
      stream.shutdown(.sending)
      received = try receiver.value()
    }
    return (try #require(sent), received)
  }

  @Test(
    "the bytes of the range arrive behind those before it, and no others", arguments: Way.allCases)
  func ranges(_ way: Way) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    // More than the system takes at once.
    let bytes = pattern(9_000_001)
    try write(bytes, to: path)
    let file = try File(path)
    for (head, range) in [
      (0, 0..<9_000_001), (100, 0..<1), (100, 4095..<4097), (0, 9_000_000..<9_000_001),
      (6_000_000, 70_000..<500_000), (1, 7..<7), (0, 7..<7),
    ] {
      let head = pattern(head, seed: 7)
      let (sent, received) = try send(file, range, behind: head, by: way) { try $0.receiveToEnd() }
      try sent.get()
      let isWhole = received == head + bytes[range]
      #expect(isWhole, "\(range) behind \(head.count)")
    }
  }

  @Test("a file that grows is sent as far as was said", arguments: Way.allCases)
  func grows(_ way: Way) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    let bytes = pattern(100_000)
    try write(bytes, to: path)
    let file = try File(path)
    try write(bytes, to: path, at: 100_000)
    let (sent, received) = try send(file, 0..<file.size, by: way) { try $0.receiveToEnd() }
    try sent.get()
    #expect(received == bytes)
  }

  @Test("a file that became shorter is an error that says where it ends", arguments: Way.allCases)
  func shrunk(_ way: Way) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    let bytes = pattern(300_000)
    try write(bytes, to: path)
    let file = try File(path)
    for size in [100_000, 0] {
      try setSize(of: path, to: size)
      let (sent, received) = try send(file, 0..<file.size, by: way) { try $0.receiveToEnd() }
      let error = TransportError.file(FileError(path: path, .endsEarly(at: size)))
      #expect(throws: error) { try sent.get() }
      #expect(bytes.starts(with: received))
    }
  }

  @Test("a file that becomes shorter while it is sent ends the send there", arguments: Way.allCases)
  func shrinks(_ way: Way) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    // So much that the buffers between the two ends cannot hold the half of it.
    try setSize(of: path, to: 128 << 20)
    let file = try File(path)
    let (sent, received) = try send(file, 0..<file.size, by: way) { socket in
      let first = try socket.receive(exactly: 1)
      try setSize(of: path, to: 64 << 20)
      return first + (try socket.receiveToEnd())
    }
    #expect(throws: TransportError.file(FileError(path: path, .endsEarly(at: 64 << 20)))) {
      try sent.get()
    }
    // A copy that cannot be made whole is not sent.
    #expect(received.count > 63 << 20 && received.count <= 64 << 20)
  }

  @Test(
    "a peer that takes nothing is waited for as long as the limit says", arguments: Way.allCases)
  func stalls(_ way: Way) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    try setSize(of: path, to: 64 << 20)
    let file = try File(path)
    let begin = MonotonicTime.now()
    blockBrokenPipeSignal()
    let pair =
      way == .unix ? try SocketPair.unix("\(directory.path)/socket") : try SocketPair.tcp()
    #expect(throws: TransportError.timedOut) {
      try pair.server.sendAll(Span(), file, 0..<file.size, within: .milliseconds(100))
    }
    #expect(MonotonicTime.now() >= begin + .milliseconds(100))
  }

  @Test(
    "a peer that is gone is an error, and no signal where it is blocked", arguments: Way.allCases)
  func gone(_ way: Way) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    try setSize(of: path, to: 64 << 20)
    let file = try File(path)
    let (sent, _) = try send(file, 0..<file.size, by: way) { try $0.receive(exactly: 1) }
    #expect {
      try sent.get()
    } throws: { error in
      if case .peerGone = error as? TransportError { true } else { false }
    }
  }

  @Test("sockets come back from a send that finds no room, also where they cannot be told to")
  func sendTimeout() throws {
    let directory = TemporaryDirectory()
    for unix in [false, true] {
      let pair =
        unix ? try SocketPair.unix("\(directory.path)/socket") : try SocketPair.tcp()
      for timeout in [pair.client.sendTimeout, pair.server.sendTimeout] {
        #expect(timeout > .zero && timeout <= .milliseconds(20), "\(unix)")
      }
    }
  }

  #if !canImport(Darwin)
    @Test("SIGPIPE is blocked in the threads of connections, and nowhere else")
    func brokenPipe() throws {
      let seen = Monitor<Bool?>(nil)
      let listener = try loopbackListener()
      let threads = ConnectionThreads(listeners: [listener]) { _ in
        seen.withLock { $0 = isBrokenPipeBlocked() }
        seen.wakeAll()
      }
      try threads.start()
      defer { threads.stop(within: .zero) }
      let client = try connect(to: listener.boundAddress)
      #expect(seen.wait(until: .now() + patience) { $0 } == true)
      #expect(!isBrokenPipeBlocked())
      client.close()
    }
  #endif
}

/// A stream that has a socket, and only copies files.
private struct CopyingStream: ~Copyable, ByteStream {
  let socket: Socket

  init(_ socket: consuming Socket) { self.socket = socket }

  borrowing func attemptReceive(
    into output: inout OutputSpan<UInt8>, waiting: Bool
  ) throws(TransportError) -> Attempt {
    try socket.attemptReceive(into: &output, waiting: waiting)
  }

  borrowing func attemptSend(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(TransportError) -> Attempt {
    try socket.attemptSend(first, second)
  }

  borrowing func wait(
    for readiness: Readiness, until deadline: MonotonicTime
  ) throws(TransportError) -> Bool {
    try socket.wait(for: readiness, until: deadline)
  }

  var untaken: Int { socket.untaken }
  borrowing func now() -> MonotonicTime { .now() }
  borrowing func shutdown(_ direction: Socket.Direction) { socket.shutdown(direction) }
  borrowing func resetOnClose() { socket.resetOnClose() }
}

private func isBrokenPipeBlocked() -> Bool {
  var signals = sigset_t()
  unsafe pthread_sigmask(SIG_BLOCK, nil, &signals)
  return unsafe sigismember(&signals, SIGPIPE) == 1
}

extension Socket {
  /// SO_SNDTIMEO.
  fileprivate var sendTimeout: Duration {
    var value = timeval()
    var size = socklen_t(MemoryLayout<timeval>.size)
    guard unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_SNDTIMEO, &value, &size) == 0
    else { return .zero }
    return .seconds(value.tv_sec) + .microseconds(value.tv_usec)
  }
}
