import Synchronization
import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct StopTests {
  @Test("idle connections end at once, silent ones if they are old enough")
  func idle() throws {
    let listener = try loopbackListener()
    var options = ConnectionThreads.Options()
    options.newConnectionGrace = .zero
    let server = try echoServer([listener], options: options)
    let used = try connect(to: listener.boundAddress)
    try exchange("hello", with: used)
    let silent = try connect(to: listener.boundAddress)
    let started = MonotonicTime.now()
    let result = server.stop(within: .seconds(1000))
    #expect(result == ConnectionThreads.StopResult(cut: 0, remaining: 0))
    #expect(MonotonicTime.now() - started < patience)
    #expect(try used.receiveToEnd() == [])
    // Accepted and ended, or refused while it waited to be accepted.
    let end = Result { () throws(TransportError) in try silent.receiveToEnd() }
    #expect(end == .success([]) || end == .failure(.peerGone(code: ECONNRESET)))
  }

  @Test("a connection that has just come is answered, though the server stops")
  func new() throws {
    let listener = try loopbackListener()
    var options = ConnectionThreads.Options()
    options.newConnectionGrace = .seconds(1000)
    let server = try echoServer([listener], options: options)
    let new = try connect(to: listener.boundAddress)
    // Connections are accepted in their order: once this one is answered, so is the other accepted.
    let idle = try connect(to: listener.boundAddress)
    try exchange("hello", with: idle)
    let stopping = try Background { server.stop(within: .seconds(1000)) }
    #expect(try idle.receiveToEnd() == [])
    try exchange("answered", with: new)
    #expect(try new.receiveToEnd() == [])
    #expect(try stopping.value() == ConnectionThreads.StopResult(cut: 0, remaining: 0))
  }

  @Test("a connection that stays silent ends when its time is over, and nobody is cut")
  func silent() throws {
    let listener = try loopbackListener()
    var options = ConnectionThreads.Options()
    options.newConnectionGrace = .milliseconds(30)
    let server = try echoServer([listener], options: options)
    let silent = try connect(to: listener.boundAddress)
    try exchange("hello", with: try connect(to: listener.boundAddress))
    #expect(server.stop(within: .seconds(1000)).endedInTime)
    #expect(try silent.receiveToEnd() == [])
  }

  @Test("a busy connection finishes within the time, and sees the stop")
  func busy() throws {
    let listener = try loopbackListener()
    let work = Work()
    let server = try work.server(listener)
    let client = try connect(to: listener.boundAddress)
    try client.send("?")
    work.waitUntilBegun()

    let stopping = try Background { server.stop(within: .seconds(1000)) }
    work.waitUntilStopping()
    #expect(try listener.isClosed())
    work.finish()
    #expect(try client.receiveToEnd() == Array("answer".utf8))
    #expect(try stopping.value() == ConnectionThreads.StopResult(cut: 0, remaining: 0))
  }

  @Test("a busy connection that waits for its peer is cut at the deadline")
  func cut() throws {
    let listener = try loopbackListener()
    let begun = Monitor(false)
    let server = ConnectionThreads(listeners: [listener]) { connection in
      connection.markBusy()
      begun.withLock { $0 = true }
      begun.wakeAll()
      _ = try? connection.socket.receiveToEnd()
    }
    try server.start()
    let client = try connect(to: listener.boundAddress)
    _ = begun.wait { $0 ? true : nil }
    #expect(
      server.stop(within: .milliseconds(20))
        == ConnectionThreads.StopResult(cut: 1, remaining: 0))
    #expect(try client.receiveToEnd() == [])
  }

  @Test("a reader that reads nothing does not hold up a stop")
  func stalledReader() throws {
    let listener = try loopbackListener()
    let begun = Monitor(false)
    let server = ConnectionThreads(listeners: [listener]) { connection in
      connection.markBusy()
      begun.withLock { $0 = true }
      begun.wakeAll()
      let endless = [UInt8](repeating: 0, count: 1 << 20)
      while (try? connection.socket.send(endless.span)) != nil {}
    }
    try server.start()
    let client = try connect(to: listener.boundAddress)
    _ = begun.wait { $0 ? true : nil }
    #expect(
      server.stop(within: .milliseconds(20))
        == ConnectionThreads.StopResult(cut: 1, remaining: 0))
    client.close()
  }

  @Test("a thread that never returns is counted, not waited for")
  func stuck() throws {
    let listener = try loopbackListener()
    let work = Work()
    let server = try work.server(listener)
    let client = try connect(to: listener.boundAddress)
    try client.send("?")
    work.waitUntilBegun()
    let result = server.stop(within: .zero)
    #expect(result == ConnectionThreads.StopResult(cut: 1, remaining: 1))
    #expect(!result.endedInTime)
    work.finish()
    #expect(server.stop(within: patience).endedInTime, "a second call waits again")
    client.close()
  }

  @Test("a connection that becomes idle beside a stop always leaves", arguments: 0..<50)
  func idleRace(_ round: Int) throws {
    let listener = try loopbackListener()
    let server = try echoServer([listener])
    let address = listener.boundAddress
    let clients = try (0..<3).map { _ in
      let socket = Handoff(try connect(to: address))
      return Handoff(
        try Background {
          guard let socket = socket.take() else { return }
          do throws(TransportError) {  // as many exchanges as the server lives to see
            while true {
              try socket.send("x")
              if try socket.receive(exactly: 1).isEmpty { return }
            }
          } catch {
            if case .peerGone = error { return }
            throw error
          }
        })
    }
    // With a deadline this far, a connection missed by the stop would hang the test.
    #expect(server.stop(within: .seconds(1000)).endedInTime)
    for client in clients { try client.take()?.value() }
  }

  @Test("waiting for the end of a stop, from several threads")
  func waiting() throws {
    let listener = try loopbackListener()
    let server = try echoServer([listener])
    let hasStopped = Mutex(false)
    let waiters = try (0..<2).map { _ in
      Handoff(
        try Background {
          server.waitUntilStopped()
          return hasStopped.withLock { $0 }
        })
    }
    hasStopped.withLock { $0 = true }
    server.stop(within: patience)
    for waiter in waiters { #expect(try waiter.take()?.value() == true) }
    server.waitUntilStopped()
  }

  @Test("two stops at once, the shorter of which decides")
  func twice() throws {
    let listener = try loopbackListener()
    let work = Work()
    let server = try work.server(listener, untilCut: true)
    let client = try connect(to: listener.boundAddress)
    try client.send("?")
    work.waitUntilBegun()
    let patient = try Background { server.stop(within: .seconds(1000)) }
    work.waitUntilStopping()
    #expect(server.stop(within: .zero).cut == 1)
    #expect(try patient.value() == ConnectionThreads.StopResult(cut: 0, remaining: 0))
    client.close()
  }

  @Test("a server that was never started stops, and closes its listeners")
  func neverStarted() throws {
    let listener = try loopbackListener()
    let server = ConnectionThreads(listeners: [listener]) { _ in }
    #expect(server.stop(within: .zero).endedInTime)
    #expect(try listener.isClosed())
    try server.start()  // too late, and harmless
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("a stop leaves no descriptor")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      do {
        let directory = TemporaryDirectory()
        let listeners = [
          try loopbackListener(), try Listener(.unix(path: "\(directory.path)/socket")),
        ]
        let server = try echoServer(listeners)
        let first = try connect(to: listeners[0].boundAddress)
        let second = try connect(to: listeners[1].boundAddress)
        try exchange("a", with: first)
        try exchange("b", with: second)
        precondition(openDescriptors().count > before.count)
        precondition(server.stop(within: patience).endedInTime)
        precondition(fileNames(in: directory.path).isEmpty)
        first.close()
        second.close()
      }
      requireDescriptors(before)
    }
  }
}

/// A connection that is busy until the test says otherwise.
private final class Work: Sendable {
  private let state = Monitor((hasBegun: false, mayFinish: false))
  private let connectionSawStop = Monitor(false)

  /// Serves one byte in, and after ``finish()`` (or after being cut) `answer` out.
  func server(_ listener: Listener, untilCut: Bool = false) throws -> ConnectionThreads {
    let server = ConnectionThreads(listeners: [listener]) { [self] connection in
      _ = try? connection.socket.receive(exactly: 1)
      connection.markBusy()
      state.withLock { $0.hasBegun = true }
      state.wakeAll()
      while !connection.isStopping { sched_yield() }
      connectionSawStop.withLock { $0 = true }
      connectionSawStop.wakeAll()
      if untilCut {
        _ = try? connection.socket.receiveToEnd()
      } else {
        _ = state.wait { $0.mayFinish ? true : nil }
      }
      try? connection.socket.send("answer")
    }
    try server.start()
    return server
  }

  func waitUntilBegun() {
    _ = state.wait { $0.hasBegun ? true : nil }
  }

  func waitUntilStopping() {
    _ = connectionSawStop.wait { $0 ? true : nil }
  }

  func finish() {
    state.withLock { $0.mayFinish = true }
    state.wakeAll()
  }
}
