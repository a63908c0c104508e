// What happens when the process has as many descriptors as it may.

import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct NoDescriptorsTests {
  @Test("each connection is refused, and the next is served when a descriptor is free")
  func refused() async {
    await #expect(processExitsWith: .success) {
      let server = try BusyServer { _ in }
      // The loop has its spare descriptor by the time that it accepts.
      let busy = try server.beginWork()
      let clients = try (0..<5).map { _ in Handoff(try makeUnconnectedClient()) }
      limitDescriptors(to: 64)
      let taken = exhaustDescriptors()
      // The first of them costs the spare descriptor, and each of the others the one before.
      for client in clients.dropLast() {
        guard let client = client.take() else { continue }
        let socket = try connected(client, to: server.address)
        let answer = try socket.receiveToEnd()
        precondition(answer == Array(farewell.utf8))
        server.keep(socket)
      }
      let events = server.waitForEvents()
      guard case .refused(1, .outOfDescriptors, _)? = events.first, events.count == 1 else {
        fatalError("\(events)")
      }

      for descriptor in taken { close(descriptor) }
      if let client = clients[4].take() {
        let socket = try server.beginWork(on: connected(client, to: server.address))
        try server.finishWork(of: socket)
      }
      try server.finishWork(of: busy)
      precondition(server.stop())
    }
  }

  @Test("an idle connection makes room for the next")
  func idleMakesRoom() async {
    await #expect(processExitsWith: .success) {
      let server = try BusyServer(pause: patience) { _ in }
      let clients = try (0..<4).map { _ in Handoff(try makeUnconnectedClient()) }
      limitDescriptors(to: 64)
      var idle: Handoff<Socket>?
      for client in clients {
        guard let client = client.take() else { continue }
        let next = try server.beginWork(on: connected(client, to: server.address))
        let rest = try idle?.take()?.receiveToEnd()
        precondition(rest ?? [] == [])
        try server.finishWork(of: next)
        idle = Handoff(next)
        // The first took the last descriptor, and the others live on that of the one before.
        _ = exhaustDescriptors()
      }
      precondition(server.events.withLock { $0.isEmpty })
      precondition(server.stop())
    }
  }

  @Test("with none to spare either accepting pauses, and goes on when one is free")
  func pauses() async {
    await #expect(processExitsWith: .success) {
      let listener = try loopbackListener()
      let events = Monitor<[TransportEvent]>([])
      var options = ConnectionThreads.Options()
      options.pauseAfterFailedAccept = .milliseconds(50)
      let client = try makeUnconnectedClient()
      limitDescriptors(to: 64)
      _ = exhaustDescriptors()
      // There is none to spare from the beginning.
      let server = try echoServer([listener], options: options) { record($0, in: events) }
      let socket = try connected(client, to: listener.boundAddress)
      let event = events.wait(until: .now() + patience) { $0.first }
      precondition(
        event
          == .acceptPaused(
            listener.endpoint, .systemCall("accept", code: EMFILE), pause: .milliseconds(50)))
      limitDescriptors(to: 128)
      try exchange("served after all", with: socket)
      precondition(events.withLock { $0.count } == 1, "it is told once, not at every attempt")
      precondition(server.stop(within: patience).endedInTime)
    }
  }

  @Test("a stop ends a pause")
  func stopEndsPause() async {
    await #expect(processExitsWith: .success) {
      let listener = try loopbackListener()
      let events = Monitor<[TransportEvent]>([])
      var options = ConnectionThreads.Options()
      options.pauseAfterFailedAccept = .seconds(1000)
      let client = try makeUnconnectedClient()
      limitDescriptors(to: 64)
      _ = exhaustDescriptors()
      let server = try echoServer([listener], options: options) { record($0, in: events) }
      let socket = try connected(client, to: listener.boundAddress)
      precondition(events.wait(until: .now() + patience) { $0.first } != nil)
      precondition(server.stop(within: patience).endedInTime)
      socket.close()
    }
  }

  @Test("a connection that has no thread, and no descriptor to be refused by, is reported")
  func neither() async {
    await #expect(processExitsWith: .success) {
      let listener = try loopbackListener()
      let events = Monitor<[TransportEvent]>([])
      var options = ConnectionThreads.Options()
      options.stackSizeInBytes = 1 << 55  // no machine has that
      let client = try makeUnconnectedClient()
      limitDescriptors(to: 64)
      let before = openDescriptors().count
      let server = ConnectionThreads(
        listeners: [listener], options: options, onEvent: { record($0, in: events) },
        serve: { _ in fatalError("it cannot be served") })
      try server.start()
      // The loop has a spare descriptor, and the connection takes the one that is left.
      try waitUntil { openDescriptors().count > before }
      let taken = exhaustDescriptors()
      close(taken[0])
      let socket = try connected(client, to: listener.boundAddress)
      let rest = try socket.receiveToEnd()
      precondition(rest == [])
      let address = try socket.local
      let event = events.wait(until: .now() + patience) { $0.first }
      guard case .refused(1, .cannotStartThread, address)? = event else {
        fatalError("not refused for want of a thread")
      }
      precondition(server.stop(within: patience).endedInTime)
    }
  }

  @Test("a pause lasts its time, unless a connection was served")
  func pauseLasts() throws {
    let registry = ConnectionRegistry(limits: ConnectionLimits(), newConnectionGrace: .zero)
    let start = MonotonicTime.now()
    let hasEnded = registry.pause(for: .milliseconds(30), whileServedAre: registry.served)
    #expect(!hasEnded && MonotonicTime.now() - start >= .milliseconds(30))

    let served = registry.served
    let pause = try Background { registry.pause(for: .seconds(1000), whileServedAre: served) }
    let pair = try SocketPair.tcp()
    pair.split { _, server in
      _ = registry.admit(server, at: .tcp(port: 0))
      registry.endsServing()
    }
    #expect(try pause.value())
  }
}

/// A client that takes no further descriptor to connect.
private func makeUnconnectedClient() throws -> FileDescriptor {
  try makeSocket(family: AF_INET)
}

private func connected(
  _ client: consuming FileDescriptor, to address: Address
) throws -> Socket {
  let code = connectSocket(client, to: try RawAddress(address))
  try #require(code == 0)
  try client.setReceiveTimeout(patience)
  return Socket(client, peer: address)
}
