// A server whose connections are busy for as long as the test pleases.

import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What refused connections are sent.
let farewell = "too many"

/// Limits with the farewell.
func limits(_ change: (inout ConnectionLimits) -> Void) -> ConnectionLimits {
  var limits = ConnectionLimits()
  limits.farewell = Array(farewell.utf8)
  change(&limits)
  return limits
}

/// A socket that may be kept in an array.
final class Shared: Sendable {
  let socket: Socket

  init(_ socket: consuming Socket) { self.socket = socket }
}

/// Answers every second byte of a connection, and calls it busy from the first of two on.
final class BusyServer: Sendable {
  let threads: ConnectionThreads
  let listeners: [Listener]
  let events = Monitor<[TransportEvent]>([])
  private let state: Monitor<(busy: Int, idle: Int)>
  private let kept = Monitor<[Shared]>([])

  var address: Address { listeners[0].boundAddress }

  init(
    _ endpoints: [Endpoint] = [.tcp(port: 0)], pause: Duration = .seconds(1),
    grace: Duration = .seconds(2),
    _ change: (inout ConnectionLimits) -> Void
  ) throws {
    listeners = try Listener.open(endpoints)
    var options = ConnectionThreads.Options()
    options.limits = limits(change)
    options.pauseAfterFailedAccept = pause
    options.newConnectionGrace = grace
    let events = events
    let state = Monitor((busy: 0, idle: 0))
    self.state = state
    threads = ConnectionThreads(
      listeners: listeners, options: options,
      onEvent: { event in record(event, in: events) },
      serve: { connection in
        while connection.markIdle() {
          state.withLock { $0.idle += 1 }
          state.wakeAll()
          guard let byte = try? connection.socket.receive(exactly: 1), !byte.isEmpty else { return }
          connection.markBusy()
          state.withLock { $0.busy += 1 }
          state.wakeAll()
          guard let byte = try? connection.socket.receive(exactly: 1), !byte.isEmpty else { return }
          guard (try? connection.socket.send("!")) != nil else { return }
        }
      })
    try threads.start()
  }

  /// What was told, once something was.
  func waitForEvents() -> [TransportEvent] {
    events.wait(until: .now() + patience) { $0.isEmpty ? nil : $0 } ?? []
  }

  func connect() throws -> Socket {
    try TransportTests.connect(to: address)
  }

  /// A connection that is busy.
  func beginWork() throws -> Socket {
    try beginWork(on: connect())
  }

  func beginWork(on socket: consuming Socket) throws -> Socket {
    try socket.send("?")
    waitUntilBusy()
    return socket
  }

  func waitUntilBusy() {
    let isBusy: Bool? = state.wait(until: .now() + patience) { state in
      if state.busy == 0 { return nil }
      state.busy -= 1
      return true
    }
    precondition(isBusy != nil, "no connection becomes busy")
  }

  /// Has a busy connection answered, and waits until it is idle.
  func finishWork(of socket: borrowing Socket) throws {
    let idle = state.withLock { $0.idle }
    try socket.send(".")
    try #require(socket.receive(exactly: 1) == Array("!".utf8))
    let isIdle = state.wait(until: .now() + patience) { $0.idle > idle ? true : nil }
    precondition(isIdle != nil, "the connection does not become idle")
  }

  /// Keeps a client's end open for as long as the server lives.
  func keep(_ socket: consuming Socket) {
    let shared = Shared(socket)
    kept.withLock { $0.append(shared) }
  }

  func waitUntilOpen(_ count: Int) throws {
    try waitUntil { threads.activeConnections == count }
  }

  func stop() -> Bool { threads.stop(within: patience).endedInTime }
}
