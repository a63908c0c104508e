// The loop of one listener: who is let in, who is refused, and what happens when nothing is left to let them in with.

import Threads

/// Accepts from one listener until it is closed, on one thread, which waits for no client.
struct AcceptLoop: ~Copyable {
  private let listener: Listener
  private let server: ConnectionThreads
  private var refused: RefusedConnections
  private var reports = RefusalReports()
  private var nextPauseReport = MonotonicTime(nanoseconds: .min)

  init(_ listener: Listener, of server: ConnectionThreads) {
    self.listener = listener
    self.server = server
    refused = RefusedConnections(farewell: server.options.limits.farewell)
  }

  mutating func run() {
    while true {
      let deadline = tidyUp(.now())
      // Read before the attempt: what is freed while it fails must end the pause.
      let served = server.registry.served
      do throws(TransportError) {
        guard let socket = try listener.accept(until: deadline) else { break }
        admit(socket)
      } catch .timedOut {
        continue
      } catch .systemCall(_, let code) where isWantOfDescriptors(code) && replaceConnection() {
        continue
      } catch {
        pause(error, whileServedAre: served)
      }
    }
    _ = tidyUp(.distantFuture)
  }

  /// Does what is due by then.
  ///
  /// - Returns: When something is due again.
  private mutating func tidyUp(_ now: MonotonicTime) -> MonotonicTime {
    refused.closeOld(now)
    for event in reports.due(now) { server.onEvent(event) }
    return min(refused.deadline, reports.deadline)
  }

  private mutating func admit(_ socket: consuming Socket) {
    switch server.registry.admit(socket, at: listener.endpoint) {
    case .served(let connection): serve(connection)
    case .refused(let socket, let cause): refuse(socket, cause)
    case .closed: break
    }
  }

  private mutating func serve(_ connection: consuming AcceptedConnection) {
    let given = GivenConnection(connection, from: listener)
    do throws(ThreadError) {
      try server.startServing(given)
    } catch {
      if let connection = given.take() {
        refuse(connection, .cannotStartThread(code: error.code))
      }
      server.registry.endsServing()
    }
  }

  private mutating func refuse(_ socket: consuming Socket, _ cause: RefusalCause) {
    let peer = socket.peer
    refused.add(socket)
    report(cause, peer)
  }

  /// Refuses a connection that was admitted already: it goes, and with it its place, and what is refused is a second
  /// descriptor of its socket. Without one it is closed with no answer.
  private mutating func refuse(_ connection: consuming AcceptedConnection, _ cause: RefusalCause) {
    let peer = connection.peer
    let socket = try? connection.socket.duplicate()
    _ = consume connection
    if let socket { refused.add(socket) }
    report(cause, peer)
  }

  private mutating func report(_ cause: RefusalCause, _ peer: Address) {
    if let event = reports.add(cause, peer: peer, .now()) { server.onEvent(event) }
  }

  /// Without descriptors: has an idle connection closed so that the next can be served, or refuses the next.
  ///
  /// It cannot spin: a connection waits, and each turn there is one less that waits or one less that is open.
  ///
  /// - Returns: `false` if neither can be done.
  private mutating func replaceConnection() -> Bool {
    if server.registry.closeOne(within: server.options.pauseAfterFailedAccept) { return true }
    guard refused.freeDescriptor() else { return false }
    do throws(TransportError) {
      guard let socket = try listener.accept(until: .now()) else { return true }
      refuse(socket, .outOfDescriptors)
      return true
    } catch {
      // Whoever waited has left, or somebody else took the descriptor.
      return error == .timedOut
    }
  }

  private mutating func pause(_ error: TransportError, whileServedAre served: UInt64) {
    let pause = server.options.pauseAfterFailedAccept
    let now = MonotonicTime.now()
    if nextPauseReport <= now {
      nextPauseReport = now + RefusalReports.interval
      server.onEvent(.acceptPaused(listener.endpoint, error, pause: pause))
    }
    server.registry.pause(for: pause, whileServedAre: served)
  }
}
