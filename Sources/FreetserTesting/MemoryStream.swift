// Both ends of a connection in memory, for two threads: what a socket does, without the system.

import HTTPCore
package import Threads
package import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One end of a connection in memory.
///
/// Like a socket it is closed where it is dropped, and a close that leaves bytes unread is a reset. What a reset finds on
/// its way is lost.
package final class MemoryStream: ServedStream {
  private let state: Monitor<State>
  private let side: Side
  /// How long a receive without a deadline waits; `nil` waits for ever.
  private let receiveTimeout: Duration?

  package let peer: Address
  package let endpoint: Endpoint
  /// Nobody: both ends are in this process.
  package var peerCredentials: PeerCredentials? { nil }

  fileprivate enum Side {
    case server, client
    var other: Side { self == .server ? .client : .server }
  }

  private init(
    _ state: Monitor<State>, _ side: Side, peer: Address, endpoint: Endpoint, _ timeout: Duration?
  ) {
    self.state = state
    self.side = side
    self.peer = peer
    self.endpoint = endpoint
    receiveTimeout = timeout
  }

  /// Makes the two ends of a connection.
  ///
  /// - Parameters:
  ///   - peer: The client, as the server sees it.
  ///   - endpoint: Where the server takes it to be accepted.
  ///   - toServer: How many bytes on their way to the server are held before its client must wait.
  ///   - toClient: The same for the other direction.
  ///   - receiveTimeout: How long the server waits where it has no deadline; `nil` waits for ever.
  package static func pair(
    peer: Address = .unix(path: nil), endpoint: Endpoint = .tcp(port: 0),
    toServer: Int = 65_536, toClient: Int = 65_536, receiveTimeout: Duration? = nil
  ) -> (server: MemoryStream, client: MemoryStream) {
    let state = Monitor(State(toServer: toServer, toClient: toClient))
    return (
      MemoryStream(state, .server, peer: peer, endpoint: endpoint, receiveTimeout),
      MemoryStream(state, .client, peer: .unix(path: nil), endpoint: endpoint, nil)
    )
  }

  deinit { close() }

  /// Closes this end now rather than where it is dropped.
  package func close() {
    change { state in
      let (incoming, outgoing) = state.lanes(of: side)
      if incoming.receiverHasClosed { return }
      if incoming.receiverResets || !incoming.bytes.isEmpty { state.isReset = true }
      incoming.receiverHasClosed = true
      outgoing.senderHasEnded = true
    }
  }

  /// Nowhere: the bytes do not arrive on a processor.
  package func moveThread() {}

  private func change(_ body: (inout State) -> Void) {
    state.withLock(body)
    state.wakeAll()
  }
}

// What both ends share, under one lock.
extension MemoryStream {
  fileprivate struct State {
    private let toServer: Lane
    private let toClient: Lane
    /// One end was closed by a reset.
    var isReset = false
    /// What a stop needs to know of the server.
    var isIdle = true
    var isStopping = false

    init(toServer: Int, toClient: Int) {
      self.toServer = Lane(limitInBytes: toServer)
      self.toClient = Lane(limitInBytes: toClient)
    }

    func lanes(of side: Side) -> (incoming: Lane, outgoing: Lane) {
      side == .server ? (toServer, toClient) : (toClient, toServer)
    }
  }

  /// One direction.
  fileprivate final class Lane {
    var bytes: ReceiveBuffer
    private let limitInBytes: Int
    var senderHasEnded = false
    /// The receiver has ended it, and still gets what is there.
    var receiverHasEnded = false
    var receiverHasClosed = false
    /// The receiver's close will be a reset, whatever was read.
    var receiverResets = false

    init(limitInBytes: Int) {
      self.limitInBytes = limitInBytes
      bytes = ReceiveBuffer(limitInBytes: limitInBytes)
    }

    var hasEnded: Bool { senderHasEnded || receiverHasEnded }
    var refusesMore: Bool { senderHasEnded || receiverHasClosed }
    var hasRoom: Bool { bytes.count < limitInBytes }
  }
}

// MARK: What a stream does

extension MemoryStream {
  package func attemptReceive(
    into output: inout OutputSpan<UInt8>, waiting: Bool
  ) throws(TransportError) -> Attempt {
    if waiting {
      let deadline = receiveTimeout.map { now() + $0 } ?? .distantFuture
      guard wait(for: .receiving, until: deadline) else { return .nothing }
    }
    let attempt = try state.withLock { (state) throws(TransportError) -> Attempt in
      if state.isReset { throw .peerGone(code: ECONNRESET) }
      let incoming = state.lanes(of: side).incoming
      let count = min(incoming.bytes.count, output.freeCapacity)
      if count == 0 { return incoming.hasEnded ? .moved(0) : .nothing }
      incoming.bytes.withUnread { output.append(copying: $0.extracting(first: count)) }
      incoming.bytes.consume(count)
      return .moved(count)
    }
    if case .moved = attempt { state.wakeAll() }
    return attempt
  }

  package func attemptSend(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(TransportError) -> Attempt {
    let attempt = try state.withLock { (state) throws(TransportError) -> Attempt in
      if state.isReset { throw .peerGone(code: ECONNRESET) }
      let outgoing = state.lanes(of: side).outgoing
      if outgoing.refusesMore { throw .peerGone(code: EPIPE) }
      guard outgoing.hasRoom else { return .nothing }
      let count = try outgoing.bytes.fill { room in
        let (before, firstCount) = (room.count, min(first.count, room.freeCapacity))
        room.append(copying: first.extracting(first: firstCount))
        room.append(copying: second.extracting(first: min(second.count, room.freeCapacity)))
        return room.count - before
      }
      return .moved(count)
    }
    if case .moved = attempt { state.wakeAll() }
    return attempt
  }

  package func wait(for readiness: Readiness, until deadline: MonotonicTime) -> Bool {
    let isReady = state.wait(until: deadline) { state in
      let (incoming, outgoing) = state.lanes(of: side)
      let isReady =
        switch readiness {
        case .receiving: !incoming.bytes.isEmpty || incoming.hasEnded
        case .sending: outgoing.hasRoom || outgoing.refusesMore
        case .end: incoming.hasEnded
        }
      return isReady || state.isReset ? true : nil
    }
    return isReady ?? false
  }

  package var untaken: Int { state.withLock { $0.lanes(of: side).outgoing.bytes.count } }

  package func now() -> MonotonicTime { .now() }

  package func shutdown(_ direction: Socket.Direction) {
    change { state in
      let (incoming, outgoing) = state.lanes(of: side)
      if direction != .sending { incoming.receiverHasEnded = true }
      if direction != .receiving { outgoing.senderHasEnded = true }
    }
  }

  package func resetOnClose() {
    state.withLock { $0.lanes(of: side).incoming.receiverResets = true }
  }
}

// MARK: Stopping

extension MemoryStream {
  package var isStopping: Bool { state.withLock { $0.isStopping } }

  package func markIdle() -> Bool {
    state.withLock { state in
      state.isIdle = true
      return !state.isStopping
    }
  }

  package func markNew() { markBusy() }

  package func markWaiting() -> Bool { markIdle() }

  package func markBusy() {
    state.withLock { $0.isIdle = false }
  }

  /// What a stop of the server does first: it tells, and ends the input of whoever is idle.
  package func beginStop() {
    change { state in
      state.isStopping = true
      if state.isIdle { state.lanes(of: .server).incoming.receiverHasEnded = true }
    }
  }
}
