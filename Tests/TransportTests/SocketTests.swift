import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct SocketTests {
  @Test("tests that wait run on a thread of their own")
  func ownThread() {
    #expect(Thread.currentName == "test")
  }

  @Test("both ends know each other's address")
  func addresses() throws {
    let pair = try SocketPair.tcp()
    #expect(try pair.server.peer == pair.client.local)
    #expect(try pair.client.peer == pair.server.local)
    #expect(pair.server.peer.host == "127.0.0.1")
  }

  @Test("a close is the end of the peer's input, after all that was sent")
  func end() throws {
    try SocketPair.tcp().split { client, server in
      try client.send("hello")
      client.close()
      #expect(try server.receiveToEnd() == Array("hello".utf8))
      #expect(try server.receiveToEnd() == [], "the end stays the end")
    }
  }

  @Test("shutting the sending half leaves the other open")
  func halfClose() throws {
    let pair = try SocketPair.tcp()
    try pair.client.send("question")
    pair.client.shutdown(.sending)
    #expect(try pair.server.receiveToEnd() == Array("question".utf8))
    try pair.server.send("answer")
    pair.server.shutdown(.both)
    #expect(try pair.client.receiveToEnd() == Array("answer".utf8))
  }

  @Test("receiving nothing for as long as the timeout is an error that may be tried again")
  func receiveTimeout() throws {
    let pair = try SocketPair.tcp()
    try pair.server.setReceiveTimeout(.milliseconds(20))
    #expect(throws: TransportError.timedOut) { try pair.server.receive(exactly: 1) }
    try pair.client.send("x")
    try pair.server.setReceiveTimeout(nil)
    #expect(try pair.server.receive(exactly: 1) == Array("x".utf8))
  }

  @Test("a timeout of nothing is the shortest, not none")
  func zeroTimeout() throws {
    let pair = try SocketPair.tcp()
    try pair.server.setReceiveTimeout(.zero)
    #expect(throws: TransportError.timedOut) { try pair.server.receive(exactly: 1) }
  }

  @Test("8 MiB arrive byte for byte at a slow reader")
  func slowReader() throws {
    try SocketPair.tcp().split { client, server in
      let content = pattern(8 << 20)
      try server.descriptor.set(SOL_SOCKET, SO_SNDBUF, to: 4096, "SO_SNDBUF")
      let sender = try Background(with: server) { try $0.send(content.span) }
      var received: [UInt8] = []
      while received.count < content.count {  // in odd pieces
        let piece = try client.receive(exactly: min(9973, content.count - received.count))
        guard !piece.isEmpty else { break }
        received += piece
      }
      try sender.value()
      #expect(received == content)
    }
  }

  /// The lengths of two pieces.
  static let lengths = [
    [0, 0], [1, 0], [0, 1], [5, 7], [100, 1000], [300_000, 0], [3, 300_000], [300_000, 3],
    [300_001, 300_002],
  ]

  @Test("pieces sent together arrive as if they were one", arguments: lengths)
  func gathered(_ lengths: [Int]) throws {
    try SocketPair.tcp().split { client, server in
      let first = pattern(lengths[0])
      let second = pattern(lengths[1], seed: 77)
      // So small a buffer makes the larger pieces go in parts, with cuts anywhere.
      try server.descriptor.set(SOL_SOCKET, SO_SNDBUF, to: 4096, "SO_SNDBUF")
      let sender = try Background(with: server) {
        try $0.send(first.span, second.span)
      }
      #expect(try client.receiveToEnd() == first + second)
      try sender.value()
    }
  }

  @Test("sends that signals cut short lose nothing and repeat nothing")
  func interrupted() async {
    await #expect(processExitsWith: .success) {
      SignalTarget.prepare()
      for lengths in SocketTests.lengths { try interruptSend(lengths) }
    }
  }

  @Test("a peer that is gone is an error, not a signal")
  func peerGone() async {
    await #expect(processExitsWith: .success) {
      letSIGPIPEEndTheProcess()
      try SocketPair.tcp().split { client, server in
        try client.send("unread bytes make the close a reset")
        server.close()
        let piece = [UInt8](repeating: 0, count: 1000)
        do throws(TransportError) {
          while true { try client.send(piece.span) }
        } catch .peerGone {
          // As it should be.
        }
      }
    }
  }

  @Test("an abort is a reset for the peer")
  func abort() throws {
    try SocketPair.tcp().split { client, server in
      client.abort()
      #expect(throws: TransportError.peerGone(code: ECONNRESET)) {
        try server.receive(exactly: 1)
      }
    }
  }

  @Test("shutting the receiving half wakes a thread that waits for bytes")
  func wake() throws {
    try SocketPair.tcp().split { client, server in
      let number = server.descriptor.number
      let waiter = try Background(with: server) { try $0.receiveToEnd() }
      // Whether the thread waits already makes no difference. The number is still this socket's: it
      // is not closed before its input ends, which nothing but this does.
      shutDown(number, .receiving)
      #expect(try waiter.value() == [])
      client.close()
    }
  }

  @Test("nobody listens: the error names the address")
  func refused() throws {
    let bound = try makeSocket(family: AF_INET)  // keeps the port from others, and does not listen
    let name = try RawAddress(.ipv4(octets: [127, 0, 0, 1], port: 0))
    try #require(bindSocket(bound, to: name) == 0)
    let address = try bound.boundAddress()
    let error = #expect(throws: TransportError.self) { _ = try Socket.connect(to: address) }
    #expect(error == .cannotConnect(to: address, code: ECONNREFUSED))
    #expect(error?.description == "cannot connect to \(address): connection refused")
  }

  #if !canImport(Darwin)  // there a full queue refuses, and nothing waits
    @Test("a signal that interrupts a connect to a Unix socket does not end it")
    func interruptedConnect() async {
      await #expect(processExitsWith: .success) {
        SignalTarget.prepare()
        let directory = TemporaryDirectory()
        var options = ListenerOptions()
        options.backlog = 0
        let listener = try Listener(.unix(path: "\(directory.path)/socket"), options: options)
        let address = listener.boundAddress
        let first = try connect(to: address)  // fills the queue of one
        let target = Monitor<SignalTarget?>(nil)
        let client = try Background {
          target.withLock { $0 = .current() }
          target.wakeAll()
          let socket = try connect(to: address)
          try socket.send("hello")
        }
        let thread = target.wait { $0 }
        // Only while the thread sleeps can a signal interrupt its call, which is the connect.
        for _ in 0..<5 where thread?.waitForSleep() == true { thread?.interrupt() }
        _ = thread?.waitForSleep()
        _ = try listener.next()  // makes room in the queue
        try client.value()
        let server = try listener.next()
        let received = try server.receive(exactly: 5)
        precondition(received == Array("hello".utf8))
        first.close()
      }
    }
  #endif

  @Test("connecting to an endpoint tries its addresses")
  func endpoint() throws {
    let listener = try loopbackListener()
    defer { listener.close() }
    let port = try #require(listener.boundAddress.port)
    let socket = try Socket.connect(to: .tcp(host: "localhost", port: port))
    #expect(socket.peer == listener.boundAddress)
    #expect(socket.option(tcpLevel, TCP_NODELAY) != 0)
  }
}

/// Sends while signals interrupt the sender: a blocked sendmsg(2) then returns what it has done, which
/// it otherwise does not before all is done.
private func interruptSend(_ lengths: [Int]) throws {
  try SocketPair.tcp().split { client, server in
    let first = pattern(lengths[0])
    let second = pattern(lengths[1], seed: 77)
    try server.descriptor.set(SOL_SOCKET, SO_SNDBUF, to: 4096, "SO_SNDBUF")
    let target = Monitor<SignalTarget?>(nil)
    let sender = try Background(with: server) { socket in
      target.withLock { $0 = .current() }
      target.wakeAll()
      try socket.send(first.span, second.span)
    }
    let thread = target.wait { $0 }
    var received: [UInt8] = []
    while true {
      thread?.interrupt()
      let piece = try client.receive(exactly: 1000)
      if piece.isEmpty { break }
      received += piece
    }
    try sender.value()
    precondition(received == first + second, "\(lengths)")
  }
}

/// A thread whose system calls can be interrupted until it is joined.
private struct SignalTarget: @unchecked Sendable {
  // A `pthread_t` is a number on Linux and a pointer on Darwin that only the system follows.
  private let thread: pthread_t

  /// The calling thread.
  ///
  /// Threads of libdispatch block signals, and so do threads that they start.
  static func current() -> SignalTarget {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGUSR1)
    precondition(unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil) == 0)
    return SignalTarget(thread: pthread_self())
  }

  func interrupt() { pthread_kill(thread, SIGUSR1) }

  #if !canImport(Darwin)
    private let number = gettid()

    /// Waits until the thread sleeps in a system call; `false` if it has ended.
    func waitForSleep() -> Bool {
      while true {
        // proc(5): the number, the name in parentheses, here "background", and the state.
        let path = "/proc/self/task/\(number)/stat"
        let file = FileDescriptor(unsafe open(path, O_RDONLY | O_CLOEXEC))
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = unsafe read(file.number, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let words = text.split(separator: " ")
        guard words.count > 2 else { return false }
        if words[2] == "S" { return true }
        sched_yield()
      }
    }
  #endif

  /// Makes SIGUSR1 do nothing but interrupt: `signal` would have calls go on by themselves.
  static func prepare() {
    var action = sigaction()
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = { _ in }
    #else
      unsafe action.__sigaction_handler.sa_handler = { _ in }
    #endif
    precondition(unsafe sigaction(SIGUSR1, &action, nil) == 0)
  }
}

private func letSIGPIPEEndTheProcess() {
  signal(SIGPIPE, SIG_DFL)
}
