// Deadlines of single receives and sends: short, with far longer for the test to notice.

import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct WaitingTests {
  @Test("a receive gives up at its deadline, and the socket is as it was", arguments: [0, 30])
  func receiveDeadline(_ milliseconds: Int) throws {
    let pair = try SocketPair.tcp()
    let deadline = MonotonicTime.now() + .milliseconds(milliseconds)
    #expect(throws: TransportError.timedOut) { try pair.server.receive(by: deadline) }
    #expect(MonotonicTime.now() >= deadline)
    try pair.client.send("x")
    #expect(try pair.server.receive(by: .now() + patience) == Array("x".utf8))
    try pair.server.send("y")
    #expect(try pair.client.receive(exactly: 1) == Array("y".utf8))
  }

  @Test("what is there is received after the deadline too")
  func late() throws {
    let pair = try SocketPair.tcp()
    try pair.client.send("x")
    #expect(try pair.server.receive(exactly: 1) == Array("x".utf8))
    try pair.client.send("y")
    try #require(try pair.server.descriptor.wait(for: .receiving, until: .now() + patience))
    let past = MonotonicTime(nanoseconds: .min)
    #expect(try pair.server.receive(by: past) == Array("y".utf8))
    #expect(throws: TransportError.timedOut) { try pair.server.receive(by: past) }
  }

  @Test("bytes, the end of input, and a shutdown by another thread end a wait without a deadline")
  func ends() throws {
    for step in 0..<3 {
      try SocketPair.tcp().split { client, server in
        let number = server.descriptor.number
        let waiter = try Background(with: server) { try $0.receive(by: .distantFuture) }
        switch step {
        case 0: try client.send("x")
        case 1: client.shutdown(.sending)
        // The number is still this socket's: it is not closed before its input ends, which this does.
        default: shutDown(number, .both)
        }
        #expect(try waiter.value() == (step == 0 ? Array("x".utf8) : []))
        client.close()
      }
    }
  }

  @Test("a reset is an error, waited for or not", arguments: [true, false])
  func reset(_ waits: Bool) throws {
    try SocketPair.tcp().split { client, server in
      if waits {
        let waiter = try Background(with: server) { socket in
          Result { () throws(TransportError) in try socket.receive(by: .distantFuture) }
        }
        client.abort()
        #expect(try waiter.value() == .failure(.peerGone(code: ECONNRESET)))
      } else {
        client.abort()
        #expect(throws: TransportError.peerGone(code: ECONNRESET)) {
          try server.receive(by: .now() + patience)
        }
      }
    }
  }

  @Test("a receive timeout and a deadline do not touch each other")
  func both() throws {
    let pair = try SocketPair.tcp()
    try pair.server.setReceiveTimeout(.milliseconds(1))
    let deadline = MonotonicTime.now() + .milliseconds(50)
    #expect(throws: TransportError.timedOut) { try pair.server.receive(by: deadline) }
    #expect(MonotonicTime.now() >= deadline)
    try pair.server.setReceiveTimeout(nil)
    #expect(throws: TransportError.timedOut) { try pair.server.receive(by: .now()) }
  }

  @Test("a peer that takes nothing ends a send", arguments: [0, 30])
  func sendLimit(_ milliseconds: Int) throws {
    let more = [UInt8](repeating: 0, count: 64 << 20)  // more than any queue on the way holds
    let directory = TemporaryDirectory()
    for listener in [try loopbackListener(), try Listener(.unix(path: "\(directory.path)/socket"))]
    {
      let client = try connect(to: listener.boundAddress)
      let server = try listener.next()
      let begin = MonotonicTime.now()
      #expect(throws: TransportError.timedOut) {
        try server.send(more.span, within: .milliseconds(milliseconds))
      }
      #expect(MonotonicTime.now() - begin >= .milliseconds(milliseconds))
      #expect(server.descriptor.untaken > 0)
      client.close()
    }
  }

  @Test("a peer that takes a little now and then is waited for")
  func progress() throws {
    try SocketPair.tcp().split { client, server in
      // What the system takes at once is far more than the peer takes within the limit, and room is not
      // reported before a third of it is gone.
      let content = pattern(12 << 20)
      let limit: Duration = .seconds(2)
      let begin = MonotonicTime.now()
      let sender = try Background(with: server) {
        try $0.send(content.span, within: limit)
        return MonotonicTime.now()
      }
      var received: [UInt8] = []
      while MonotonicTime.now() - begin < limit * 2 {
        received += try client.receive(exactly: 8192)
        usleep(50_000)  // the peer's slowness, which is what is tested
      }
      received += try client.receive(exactly: content.count - received.count)
      #expect(try sender.value() - begin >= limit * 2)
      try #require(received.count == content.count)  // a macro that compared them would print 12 MB
      let isSame = received == content
      #expect(isSame)
      client.close()
    }
  }

  @Test("a peer that goes, and a shutdown by another thread, end a send without a limit")
  func sendEnds() throws {
    for closes in [true, false] {
      try SocketPair.tcp().split { client, server in
        let number = server.descriptor.number
        let sender = try Background(with: server) { socket in
          let more = [UInt8](repeating: 0, count: 64 << 20)
          return Result { () throws(TransportError) in try socket.send(more.span) }
        }
        // It has begun, and cannot end.
        #expect(try client.receive(exactly: 1).count == 1)
        if closes { client.abort() } else { shutDown(number, .both) }
        guard case .failure(.peerGone) = try sender.value() else {
          Issue.record("the send did not end with an error")
          return
        }
      }
    }
  }
}

extension Socket {
  fileprivate func receive(by deadline: MonotonicTime) throws(TransportError) -> [UInt8] {
    var all: [UInt8] = []
    try all.append(addingCapacity: 100) { (output) throws(TransportError) in
      _ = try receiveSome(into: &output, by: deadline)
    }
    return all
  }
}
