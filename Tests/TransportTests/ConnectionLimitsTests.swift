// How many connections are served: who leaves, who is refused, and that all of it is bounded.

import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct ConnectionLimitsTests {
  @Test("over the limit, with nobody idle, a connection is told so and closed")
  func refused() throws {
    let server = try BusyServer { $0.connections = 2 }
    let first = try server.beginWork()
    let second = try server.beginWork()
    for _ in 0..<3 {
      let third = try server.connect()
      try third.send("a request that nobody reads")
      #expect(try third.receiveToEnd() == Array(farewell.utf8))
    }
    #expect(server.threads.activeConnections == 2)
    let events = server.waitForEvents()
    #expect(events.count == 1)
    guard case .refused(1, .tooManyConnections(limit: 2), _)? = events.first else {
      Issue.record("\(events)")
      return
    }
    try server.finishWork(of: first)
    try server.finishWork(of: second)

    first.shutdown(.sending)
    #expect(try first.receiveToEnd() == [])
    try server.waitUntilOpen(1)
    let fourth = try server.beginWork()
    try server.finishWork(of: fourth)
    #expect(server.stop())
    guard case .refused(2, .tooManyConnections, _)? = server.waitForEvents().last else {
      Issue.record("those that were not told yet are told at the end")
      return
    }
  }

  @Test(
    "over the limit the connection that has been idle for longest leaves, and the new one is served"
  )
  func longestIdle() throws {
    let server = try BusyServer { $0.connections = 4 }
    let clients = try (0..<4).map { _ in Shared(try server.beginWork()) }
    // They become idle in another order than they came, one of them not at all.
    for index in [2, 0, 3] {
      try server.finishWork(of: clients[index].socket)
      waitForNextTick()
    }
    for index in [2, 0, 3] {
      let next = try server.beginWork()
      #expect(try clients[index].socket.receiveToEnd() == [])
      try server.waitUntilOpen(4)
      try server.finishWork(of: next)
      waitForNextTick()
      server.keep(next)
    }
    try server.finishWork(of: clients[1].socket)
    #expect(server.events.withLock { $0.isEmpty })
    #expect(server.stop())
  }

  @Test("a new connection has its grace, after which a silent one makes room too")
  func grace() throws {
    let graceful = try BusyServer(grace: .seconds(1000)) { $0.connections = 1 }
    let silent = try graceful.connect()
    try graceful.waitUntilOpen(1)
    #expect(try graceful.connect().receiveToEnd() == Array(farewell.utf8))
    try silent.send("?")
    graceful.waitUntilBusy()
    try graceful.finishWork(of: silent)
    #expect(graceful.stop())

    let graceless = try BusyServer(grace: .zero) { $0.connections = 1 }
    let first = try graceless.connect()
    try graceless.waitUntilOpen(1)
    let second = try graceless.beginWork()
    #expect(try first.receiveToEnd() == [])
    try graceless.finishWork(of: second)
    #expect(graceless.stop())
  }

  @Test("a connection that leaves just as a request comes still answers it, and is told to end")
  func leavingAnswers() throws {
    let registry = ConnectionRegistry(limits: limits { _ in }, newConnectionGrace: .zero)
    let pair = try SocketPair.tcp()
    try pair.split { client, server in
      guard case .served(let connection) = registry.admit(server, at: .tcp(port: 0)) else {
        Issue.record("not served")
        return
      }
      try client.send("request")
      let wasStopping = connection.isStopping
      #expect(!wasStopping)
      #expect(registry.makeRoom())
      #expect(!registry.makeRoom(), "there was one only")
      #expect(try connection.socket.receive(exactly: 7) == Array("request".utf8))
      connection.markBusy()
      let isStopping = connection.isStopping
      #expect(isStopping)
      try connection.socket.send("answer")
      #expect(try client.receive(exactly: 6) == Array("answer".utf8))
      let mayWait = connection.markIdle()
      #expect(!mayWait)
    }
    #expect(registry.count == 0)
  }

  @Test("a thread that is done takes the next connection only if there is room for whoever it is")
  func nextConnection() throws {
    let listener = try loopbackListener()
    func next(_ registry: ConnectionRegistry) -> Handoff<AcceptedConnection>? {
      guard let connection = registry.admitNext(at: listener.endpoint, { listener.acceptWaiting() })
      else { return nil }
      return Handoff(connection)
    }
    let registry = ConnectionRegistry(
      limits: limits { $0.connections = 1 }, newConnectionGrace: .seconds(1000))
    #expect(next(registry) == nil, "nobody has connected")
    #expect(registry.count == 0)

    let clients = try (1...3).map { _ in Shared(try connect(to: listener.boundAddress)) }
    do {
      let connection = try #require(next(registry))
      #expect(next(registry) == nil, "one is the limit")
      #expect(registry.count == 1)
      withExtendedLifetime(connection) {}
    }
    #expect(registry.count == 0)
    let perAddress = ConnectionRegistry(
      limits: limits { $0.perAddress = 5 }, newConnectionGrace: .seconds(1000))
    #expect(next(perAddress) == nil, "who it is decides")
    registry.beginStopping()
    #expect(next(registry) == nil, "it stops")
    // All that were not let in go on waiting.
    let others = ConnectionRegistry(limits: limits { _ in }, newConnectionGrace: .seconds(1000))
    let connections = (1...3).compactMap { _ in next(others) }
    #expect(connections.count == 2)
    listener.close()
    #expect(next(others) == nil)
    withExtendedLifetime(clients) {}
  }

  @Test("nobody is refused for a place that is only kept for a connection that may not be there")
  func keptPlace() throws {
    let registry = ConnectionRegistry(
      limits: limits { $0.connections = 1 }, newConnectionGrace: .seconds(1000))
    // Whether the other has begun, and whether it was let in.
    let other = Monitor<(hasBegun: Bool, isServed: Bool?)>((false, nil))
    let none = registry.admitNext(at: .tcp(port: 0)) {
      do {
        let pair = Handoff(try SocketPair.tcp())
        try Thread.startDetached(name: "other") {
          other.withLock { $0.hasBegun = true }
          other.wakeAll()
          pair.take()!.split { _, server in
            let admission = registry.admit(server, at: .tcp(port: 0))
            let isServed = if case .served = admission { true } else { false }
            other.withLock { $0.isServed = isServed }
            other.wakeAll()
          }
        }
      } catch {
        Issue.record(error)
      }
      _ = other.wait { $0.hasBegun ? true : nil }
      // It has a while to go wrong.
      let early = other.wait(until: .now() + .milliseconds(100)) { $0.isServed }
      #expect(early == nil)
      return nil
    }
    let isThere = none != nil
    #expect(!isThere)
    #expect(other.wait { $0.isServed } == true)
  }

  @Test("connections on their way out beyond the limit are bounded")
  func mostLeaving() throws {
    let limit = ConnectionRegistry.mostLeaving * 2
    let registry = ConnectionRegistry(
      limits: limits { $0.connections = limit }, newConnectionGrace: .zero)
    var held: [Handoff<AcceptedConnection>] = []
    var peers: [Shared] = []
    var refusals = 0
    for _ in 0..<limit * 2 {
      let pair = try SocketPair.tcp()
      pair.split { client, server in
        peers.append(Shared(client))
        switch registry.admit(server, at: .tcp(port: 0)) {
        case .served(let connection): held.append(Handoff(connection))
        case .refused(_, let cause):
          #expect(cause == .tooManyConnections(limit: limit))
          refusals += 1
        case .closed: Issue.record("nobody stops")
        }
      }
    }
    #expect(held.count == limit + ConnectionRegistry.mostLeaving)
    #expect(refusals == limit - ConnectionRegistry.mostLeaving)
    #expect(registry.count == held.count)
    for handoff in held { _ = handoff.take() }
    #expect(registry.count == 0)
    // Those that left on their way out were counted back.
    let pair = try SocketPair.tcp()
    pair.split { _, server in
      if case .served = registry.admit(server, at: .tcp(port: 0)) {} else { Issue.record("full") }
    }
  }

  @Test(
    "an address has its limit, and other addresses and Unix domain sockets are not touched by it")
  func perAddress() throws {
    let directory = TemporaryDirectory()
    let server = try BusyServer([.tcp(port: 0), .unix(path: "\(directory.path)/socket")]) {
      $0.perAddress = 2
    }
    let first = try server.beginWork()
    let second = try server.beginWork()
    #expect(try server.connect().receiveToEnd() == Array(farewell.utf8))
    let events = server.waitForEvents()
    guard case .refused(1, .tooManyFromAddress(limit: 2), _)? = events.first else {
      Issue.record("\(events)")
      return
    }
    #if !canImport(Darwin)
      let other = try server.beginWork(on: connect(to: server.address, from: "127.0.0.3"))
      try server.finishWork(of: other)
    #endif
    let path = server.listeners[1].boundAddress
    for _ in 0..<3 {
      let local = try server.beginWork(on: connect(to: path))
      try server.finishWork(of: local)
      server.keep(local)
    }
    // A place that is free is had again.
    try server.finishWork(of: first)
    first.shutdown(.sending)
    #expect(try first.receiveToEnd() == [])
    let third = try server.beginWork()
    try server.finishWork(of: third)
    try server.finishWork(of: second)
    #expect(server.stop())
  }

  @Test("peers that are exempt have no limit of their own, but count as others do")
  func exempt() throws {
    let server = try BusyServer {
      $0.perAddress = 1
      $0.connections = 3
      $0.exempt = ["127.0.0.0/8"]
    }
    let clients = try (0..<3).map { _ in Shared(try server.beginWork()) }
    #expect(try server.connect().receiveToEnd() == Array(farewell.utf8))
    for client in clients { try server.finishWork(of: client.socket) }
    #expect(server.stop())
  }

  @Test("an IPv6 network of 64 bits is one client, an IPv4 address is, and a path is none")
  func clientNetworks() throws {
    func network(_ text: String) -> ClientNetwork? {
      let bytes = Array(text.utf8)
      return Address(numeric: bytes.span).flatMap { ClientNetwork(of: $0) }
    }
    #expect(network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff:ffff:ffff:ffff"))
    #expect(network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
    #expect(network("192.0.2.1") == network("::ffff:192.0.2.1"))
    #expect(network("192.0.2.1") != network("192.0.2.2"))
    #expect(network("::1") != nil && network("0.0.0.1") != network("::1"))
    #expect(ClientNetwork(of: .unix(path: nil)) == nil)
  }

  @Test("a stop with refused connections, busy ones and ones on their way out leaves no descriptor")
  func stop() async {
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      do {
        let server = try BusyServer(grace: .zero) { $0.connections = 2 }
        let busy = try server.beginWork()
        let clients = try (0..<100).map { _ in Shared(try server.connect()) }
        try server.finishWork(of: busy)
        precondition(server.stop())
        _ = clients
      }
      requireDescriptors(before)
    }
  }

  @Test("many clients at once: each is served or told, and never more are served than may be")
  func stress() throws {
    let limit = 8
    let inside = Monitor((now: 0, most: 0))
    var options = ConnectionThreads.Options()
    options.limits = limits { $0.connections = limit }
    options.newConnectionGrace = .milliseconds(2)
    let listener = try loopbackListener()
    let server = ConnectionThreads(listeners: [listener], options: options) { connection in
      inside.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
      defer { inside.withLock { $0.now -= 1 } }
      while connection.markIdle(), (try? connection.socket.receive(exactly: 1)) == [0x3F] {
        connection.markBusy()
        guard (try? connection.socket.send("!")) != nil else { return }
      }
    }
    try server.start()
    let address = listener.boundAddress
    let clients = try (0..<64).map { number in
      Handoff(
        try Background {
          var outcome = (served: 0, told: 0, left: 0)
          for round in 0..<15 {
            let socket = try connect(to: address)
            do throws(TransportError) {
              for _ in 0..<1 + (number + round) % 3 {
                try socket.send("?")
                let answer = try socket.receive(exactly: 1)
                if answer == Array("!".utf8) {
                  outcome.served += 1
                } else if answer.isEmpty {
                  outcome.left += 1
                  break
                } else {
                  // `receive` has taken the farewell's first byte.
                  let rest = try socket.receiveToEnd()
                  guard answer + rest == Array(farewell.utf8) else { fatalError("\(rest)") }
                  outcome.told += 1
                  break
                }
              }
            } catch {
              // The connection was ended to make room, just as the client sent.
              guard case .peerGone = error else { throw error }
              outcome.left += 1
            }
          }
          return outcome
        })
    }
    var sum = (served: 0, told: 0, left: 0)
    for client in clients {
      let outcome = try #require(try client.take()?.value())
      sum.served += outcome.served
      sum.told += outcome.told
      sum.left += outcome.left
    }
    #expect(sum.served > 0)
    #expect(inside.withLock { $0.most } <= limit + ConnectionRegistry.mostLeaving)
    #expect(server.stop(within: patience).endedInTime)
    #expect(server.activeConnections == 0 && inside.withLock { $0.now } == 0)
  }
}

/// The system counts idle times in ticks; after it the next is later than those before.
private func waitForNextTick() {
  let tick = MonotonicTime.lastTick()
  while MonotonicTime.lastTick() == tick { sched_yield() }
}

/// Connects from one of this machine's other addresses.
private func connect(to address: Address, from host: String) throws -> Socket {
  let bytes = Array(host.utf8)
  let descriptor = try makeSocket(family: AF_INET)
  let numeric = Address(numeric: bytes.span)
  let source = try #require(numeric)
  let bindError = bindSocket(descriptor, to: try RawAddress(source))
  let connectError = connectSocket(descriptor, to: try RawAddress(address))
  try #require(bindError == 0 && connectError == 0)
  try descriptor.setReceiveTimeout(patience)
  return Socket(descriptor, peer: address)
}
