// The server's end of a simulated connection.

import HTTPCore
package import Threads
package import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

let connectionReset = ECONNRESET
let brokenPipe = EPIPE

/// A stream that is served over a ``SimulatedWire``. Dropping it closes it.
// @unchecked: one thread has it.
package final class SimulatedStream: ServedStream, @unchecked Sendable {
  private let wire: SimulatedWire
  /// How long a receive without a deadline waits; `nil` waits for ever.
  private let receiveTimeout: Duration?

  package let peer: Address
  package let endpoint: Endpoint
  package var peerCredentials: PeerCredentials? { nil }

  package init(
    on wire: SimulatedWire, receiveTimeout: Duration? = nil, peer: Address = .unix(path: nil),
    endpoint: Endpoint = .tcp(port: 0)
  ) {
    self.wire = wire
    self.receiveTimeout = receiveTimeout
    self.peer = peer
    self.endpoint = endpoint
  }

  deinit { wire.serverCloses() }

  package func attemptReceive(
    into output: inout OutputSpan<UInt8>, waiting: Bool
  ) throws(TransportError) -> Attempt {
    let limit: Duration?? = waiting ? .some(receiveTimeout) : .none
    let (attempt, bytes) = try wire.serverReceives(atMost: output.freeCapacity, waitingFor: limit)
    output.append(copying: bytes.span)
    return attempt
  }

  package func attemptSend(
    _ first: Span<UInt8>, _ second: Span<UInt8>
  ) throws(TransportError) -> Attempt {
    precondition(!first.isEmpty || !second.isEmpty, "there is something to send")
    return try wire.serverSends(first.count + second.count) { moved in
      [UInt8](copying: first.extracting(first: min(moved, first.count)))
        + [UInt8](copying: second.extracting(first: max(0, moved - first.count)))
    }
  }

  package func wait(for readiness: Readiness, until deadline: MonotonicTime) -> Bool {
    wire.serverWaits(for: readiness, until: deadline)
  }

  package var untaken: Int { wire.available }

  package func now() -> MonotonicTime { wire.now }

  package func shutdown(_ direction: Socket.Direction) {
    wire.serverEnds((receiving: direction != .sending, sending: direction != .receiving))
  }

  package func resetOnClose() { wire.serverResets = true }

  package var isStopping: Bool { wire.isStopping }

  package func markIdle() -> Bool {
    wire.isIdle = true
    return !wire.isStopping
  }

  package func markNew() { wire.isIdle = false }

  package func markWaiting() -> Bool { markIdle() }

  package func markBusy() { wire.isIdle = false }

  package func moveThread() { wire.threadMoves += 1 }
}
