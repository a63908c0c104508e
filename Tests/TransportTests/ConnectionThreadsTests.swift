import Synchronization
import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct ConnectionThreadsTests {
  @Test("each connection is served, from every listener")
  func serves() throws {
    let directory = TemporaryDirectory()
    let listeners = [
      try loopbackListener(), try Listener(.unix(path: "\(directory.path)/socket")),
    ]
    let server = try echoServer(listeners)
    for round in 0..<20 {
      for listener in listeners {
        try exchange("round \(round)", with: try connect(to: listener.boundAddress))
      }
    }
    #expect(server.stop(within: patience).endedInTime)
    for listener in listeners {
      #expect(try listener.isClosed())
    }
  }

  @Test("a connection knows its peer, its number and its thread's name")
  func identity() throws {
    let listener = try loopbackListener()
    var options = ConnectionThreads.Options()
    options.threadName = "web"
    let server = ConnectionThreads(listeners: [listener], options: options) { connection in
      let text = "\(Thread.currentName) \(connection.id) \(connection.peer)"
      try? connection.socket.send(text)
    }
    try server.start()
    for id in 1...3 {
      let client = try connect(to: listener.boundAddress)
      let words = String(decoding: try client.receiveToEnd(), as: UTF8.self).split(separator: " ")
      // The thread may have been started for an earlier one.
      #expect((1...id).map { "web-\($0)" }.contains(String(words[0])))
      #expect(words[1...] == ["\(id)", "\(try client.local)"])
    }
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("a thread that is done serves the next connection, under the name that it has")
  func keptThread() throws {
    let listener = try loopbackListener()
    let threads = Monitor<[ThreadID]>([])
    var options = ConnectionThreads.Options()
    options.keptThreadTime = .seconds(1000)
    let server = ConnectionThreads(listeners: [listener], options: options) { connection in
      threads.withLock { $0.append(.current) }
      try? connection.socket.send(Thread.currentName)
    }
    try server.start()
    for _ in 1...20 {
      let client = try connect(to: listener.boundAddress)
      #expect(try client.receiveToEnd() == Array("conn-1".utf8))
      try waitUntil { server.idleThreads == 1 }
    }
    #expect(Set(threads.withLock { $0 }).count == 1)
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("a thread that is done takes the connection that waits, without the thread that accepts")
  func takesWaiting() throws {
    let directory = TemporaryDirectory()
    // A connection to a path waits to be accepted from the moment that `connect` returns.
    let listener = try Listener(.unix(path: "\(directory.path)/socket"))
    let served = Monitor<[ThreadID]>([])
    let accepting = Monitor((isHeldUp: false, mayGoOn: false))
    var options = ConnectionThreads.Options()
    options.limits = limits { $0.connections = 1 }
    let server = ConnectionThreads(
      listeners: [listener], options: options,
      onEvent: { _ in
        accepting.withLock { $0.isHeldUp = true }
        accepting.wakeAll()
        _ = accepting.wait { $0.mayGoOn ? true : nil }
      },
      serve: { connection in
        connection.markBusy()
        served.withLock { $0.append(.current) }
        served.wakeAll()
        // Until its client lets it end.
        _ = try? connection.socket.receive(exactly: 1)
        try? connection.socket.send(Thread.currentName)
      })
    try server.start()
    defer {
      accepting.withLock { $0.mayGoOn = true }
      accepting.wakeAll()
      #expect(server.stop(within: patience).endedInTime)
    }
    let first = try connect(to: listener.boundAddress)
    try #require(served.wait(until: .now() + patience) { $0.count == 1 ? true : nil } != nil)
    // Its refusal is told on the thread that accepts, which waits for the end of that.
    let refused = try connect(to: listener.boundAddress)
    #expect(try refused.receiveToEnd() == Array(farewell.utf8))
    try #require(accepting.wait(until: .now() + patience) { $0.isHeldUp ? true : nil } != nil)

    let next = try connect(to: listener.boundAddress)
    try next.send(".")
    try first.send(".")
    #expect(try first.receiveToEnd() == Array("conn-1".utf8))
    #expect(try next.receiveToEnd() == Array("conn-1".utf8))
    #expect(Set(served.withLock { $0 }).count == 1)
    #expect(accepting.withLock { !$0.mayGoOn })
  }

  @Test("threads that have nothing to do are kept up to a number and for a time")
  func keptThreads() throws {
    let defaults = ConnectionThreads.Options()
    #expect(defaults.keptThreads == 128 && defaults.keptThreadTime == .seconds(5))
    for (kept, time) in [(2, Duration.seconds(1000)), (0, .seconds(1000)), (4, .milliseconds(1))] {
      let listener = try loopbackListener()
      var options = ConnectionThreads.Options()
      options.keptThreads = kept
      options.keptThreadTime = time
      let server = try echoServer([listener], options: options)
      let clients = try (0..<4).map { _ in Shared(try connect(to: listener.boundAddress)) }
      for client in clients { try exchange("x", with: client.socket) }
      for client in clients {
        client.socket.shutdown(.sending)
        #expect(try client.socket.receiveToEnd() == [])
      }
      // One more thread accepts.
      try waitUntil { server.registry.threads == 1 + (time > .seconds(1) ? kept : 0) }
      #expect(server.stop(within: patience).endedInTime)
      #expect(server.registry.threads == 0)
    }
  }

  @Test("a stop leaves no thread")
  func noThreadLeft() async {
    await #expect(processExitsWith: .success) {
      let listener = try loopbackListener()
      let server = try echoServer([listener])
      let clients = try (0..<4).map { _ in Shared(try connect(to: listener.boundAddress)) }
      for client in clients { try exchange("x", with: client.socket) }
      clients[0].socket.shutdown(.sending)
      let rest = try clients[0].socket.receiveToEnd()
      precondition(rest == [] && !connectionThreadNames().isEmpty)
      precondition(server.stop(within: patience).endedInTime)
      // They are counted as ended a moment before the system has let go of them.
      try waitUntil { connectionThreadNames().isEmpty }
    }
  }

  @Test("a connection closes when it is dropped, before serve returns if need be")
  func dropped() throws {
    let listener = try loopbackListener()
    let mayReturn = Monitor(false)
    let server = ConnectionThreads(listeners: [listener]) { connection in
      drop(connection)
      _ = mayReturn.wait { $0 ? true : nil }
    }
    try server.start()
    let client = try connect(to: listener.boundAddress)
    #expect(try client.receiveToEnd() == [])
    #expect(server.activeConnections == 0)
    mayReturn.withLock { $0 = true }
    mayReturn.wakeAll()
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("open connections are counted")
  func count() throws {
    let listener = try loopbackListener()
    let server = try echoServer([listener])
    #expect(server.activeConnections == 0)
    let first = try connect(to: listener.boundAddress)
    let second = try connect(to: listener.boundAddress)
    try exchange("a", with: first)
    try exchange("b", with: second)
    #expect(server.activeConnections == 2)
    #expect(server.stop(within: patience).endedInTime)
    #expect(server.activeConnections == 0)
  }

  @Test("the stack of a connection's thread is what was asked for")
  func stack() throws {
    let listener = try loopbackListener()
    var options = ConnectionThreads.Options()
    options.stackSizeInBytes = 16 << 20  // twice what Linux gives a thread that asks for nothing
    let server = ConnectionThreads(listeners: [listener], options: options) { connection in
      let used = useStack(12 << 20)  // too little stack is a crash
      try? connection.socket.send(used >= 12 << 20 ? "enough" : "too little")
    }
    try server.start()
    let client = try connect(to: listener.boundAddress)
    #expect(try client.receiveToEnd() == Array("enough".utf8))
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("what serve holds is let go before a stop returns")
  func captures() throws {
    for round in 0..<2000 {
      weak let canary: Canary?
      do {
        let held = Canary()
        canary = held
        let listener = try loopbackListener()
        let server = ConnectionThreads(listeners: [listener]) { [held] connection in
          connection.markBusy()
          withExtendedLifetime(held) {}
        }
        try server.start()
        _ = try connect(to: listener.boundAddress)
        try #require(server.stop(within: patience).endedInTime)
      }
      try #require(canary == nil, "round \(round)")
    }
  }

  @Test("a connection whose thread cannot start is refused and reported, and the loop goes on")
  func noThread() throws {
    let listener = try loopbackListener()
    let events = Monitor<[TransportEvent]>([])
    var options = ConnectionThreads.Options()
    options.stackSizeInBytes = 1 << 55  // no machine has that
    options.limits.farewell = Array("no thread".utf8)
    let server = ConnectionThreads(
      listeners: [listener], options: options, onEvent: { record($0, in: events) },
      serve: { _ in Issue.record("it cannot be served") })
    try server.start()
    let first = try connect(to: listener.boundAddress)
    for _ in 0..<3 {
      let client = try connect(to: listener.boundAddress)
      #expect(try client.receiveToEnd() == Array("no thread".utf8))
    }
    #expect(try first.receiveToEnd() == Array("no thread".utf8))
    #expect(server.activeConnections == 0)
    let told = events.wait(until: .now() + patience) { $0.isEmpty ? nil : $0 } ?? []
    let address = try first.local
    guard case .refused(1, .cannotStartThread, address)? = told.first, told.count == 1 else {
      Issue.record("\(told)")
      return
    }
    #expect(told[0].description.contains(": cannot start a thread: "))
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("a listener that is closed by itself ends its loop only")
  func closedListener() throws {
    let listeners = [try loopbackListener(), try loopbackListener()]
    let server = try echoServer(listeners)
    listeners[0].close()
    try exchange("still here", with: try connect(to: listeners[1].boundAddress))
    #expect(server.stop(within: patience).endedInTime)
  }

  @Test("many short connections at once leave no descriptor")
  func many() async {
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      do {
        let listener = try loopbackListener()
        let server = try echoServer([listener])
        let address = listener.boundAddress
        let clients = Monitor(8)
        for _ in 0..<8 {
          try Thread.startDetached(name: "client") {
            for round in 0..<100 {
              do {
                let socket = try connect(to: address)
                if round % 3 > 0 { try exchange("hello", with: socket) }
              } catch {
                fatalError("\(error)")
              }
            }
            clients.withLock { $0 -= 1 }
            clients.wakeAll()
          }
        }
        precondition(clients.wait(until: .now() + patience) { $0 == 0 ? true : nil } != nil)
        precondition(server.stop(within: patience).endedInTime)
      }
      requireDescriptors(before)
    }
  }

}

/// Answers with what it receives, busy from the first byte until the answer is sent.
func echoServer(
  _ listeners: [Listener], options: ConnectionThreads.Options = ConnectionThreads.Options(),
  onEvent: @escaping @Sendable (TransportEvent) -> Void = { _ in }
) throws -> ConnectionThreads {
  let server = ConnectionThreads(listeners: listeners, options: options, onEvent: onEvent) {
    connection in
    var buffer = ReceiveBuffer()
    do throws(TransportError) {
      while connection.markIdle(), try buffer.receive(from: connection.socket) > 0 {
        connection.markBusy()
        try buffer.withUnread { (bytes) throws(TransportError) in
          try connection.socket.send(bytes)
        }
        buffer.consume(buffer.count)
      }
    } catch {
      // A client that leaves early is no concern of these tests.
    }
  }
  try server.start()
  return server
}

/// Sends a text and expects it back.
func exchange(_ text: String, with socket: borrowing Socket) throws {
  try socket.send(text)
  let answer = try socket.receive(exactly: text.utf8.count)
  try #require(String(decoding: answer, as: UTF8.self) == text)
}

/// Waits for what comes in a moment.
func waitUntil(_ condition: () -> Bool) throws {
  let deadline = MonotonicTime.now() + patience
  while !condition() {
    try #require(.now() < deadline, "it does not come")
    sched_yield()
  }
}

/// The names of this process's threads that accept or serve.
private func connectionThreadNames() -> [String] {
  fileNames(in: "/proc/self/task").compactMap { task in
    let name = contents(of: "/proc/self/task/\(task)/comm") ?? ""
    return name.hasPrefix("conn") || name.hasPrefix("accept") ? name : nil
  }
}

/// Keeps an event for a test to look at.
func record(_ event: TransportEvent, in events: Monitor<[TransportEvent]>) {
  events.withLock { $0.append(event) }
  events.wakeAll()
}

private final class Canary: Sendable {}

private func drop(_ connection: consuming AcceptedConnection) {}

/// Calls itself until the stack has grown by `bytes`, and tells by how much it has.
@inline(never) private func useStack(_ bytes: Int, below top: Int? = nil) -> Int {
  unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1000) { local in
    unsafe local.initialize(repeating: 1)
    let here = Int(bitPattern: local.baseAddress!)
    let used = (top ?? here) - here
    // The sum after the call keeps this frame alive during it.
    return used >= bytes ? used : useStack(bytes, below: top ?? here) + Int(unsafe local[999]) - 1
  }
}
