// One connection with no system under it: what is on its way, and a clock that moves only while somebody waits.
//
// All of it is one thread's: while the server waits, or tries, the client gets its turn. So that a life is the same
// whenever it is lived with the same seed.

package import Threads
import Transport

/// Whoever is at the client's end.
package protocol SimulatedClient: AnyObject {
  /// When it acts next, as things stand; `nil` if it waits for something to happen.
  func nextAction(on wire: SimulatedWire) -> MonotonicTime?

  /// Does what is due.
  func act(on wire: SimulatedWire)
}

/// What is between a client and a server, and the time.
// @unchecked: one thread has it.
package final class SimulatedWire: @unchecked Sendable {
  /// So long a time that nothing in a test lasts longer, on a clock that begins at no round number.
  private static let begin = MonotonicTime(nanoseconds: 1_234_567_891)

  package private(set) var now = SimulatedWire.begin
  /// What was seen that must not be.
  package private(set) var findings: [String] = []
  /// How often the server has tried or waited.
  package private(set) var steps = 0
  /// How many bytes it has received and sent by that.
  package private(set) var moved = 0

  private let client: any SimulatedClient
  private let faults: Faults
  private var generator: SeededGenerator
  private let stepLimit: Int
  private var fruitlessInARow = 0
  private var stalledUntil = SimulatedWire.begin

  /// What is on its way to the server, and how the client has left it.
  private(set) var toServer = Pipe()
  private var clientHasEnded = false
  private var clientHasClosed = false

  /// What is on its way to the client.
  private(set) var toClient = Pipe()
  private let capacity: Int
  private var serverHasEnded = false
  private var serverHasEndedInput = false
  package private(set) var serverHasClosed = false
  var serverResets = false

  /// Whether either end has reset the connection, or the system did for the server.
  package private(set) var isReset = false
  /// Whether it was the server.
  package private(set) var wasResetByServer = false

  /// How often the server would have gone to where bytes arrive.
  package internal(set) var threadMoves = 0

  /// How often the client has taken something.
  package private(set) var takes = 0
  /// How long the server's handlers have worked.
  package private(set) var worked = Duration.zero

  /// What a stop of the server does: it tells, and later it cuts.
  private var stop: (begins: MonotonicTime, cuts: MonotonicTime)?
  private(set) var isStopping = false
  var isIdle = true

  /// Lays a connection.
  ///
  /// - Parameters:
  ///   - client: Whoever acts at the other end.
  ///   - faults: What goes wrong.
  ///   - capacity: How many bytes are on their way to the client before the server must wait.
  ///   - seed: Decides what `faults` leaves open.
  ///   - stepLimit: How many steps are too many for a server that makes progress.
  package init(
    to client: any SimulatedClient, _ faults: Faults = Faults(), capacity: Int = 65_536,
    seed: UInt64 = 0, stepLimit: Int = 1_000_000
  ) {
    self.client = client
    self.faults = faults
    self.capacity = capacity
    self.stepLimit = stepLimit
    generator = SeededGenerator(seed: seed)
  }

  /// How long it has been since the connection was made.
  package var age: Duration { now - SimulatedWire.begin }

  /// Plans the server's stop, in time from now.
  package func planStop(after time: Duration, cuttingAfter limit: Duration) {
    stop = (now + time, now + time + limit)
  }

  package func report(_ finding: String) {
    if !findings.contains(finding) { findings.append(finding) }
  }
}

/// The earlier of two times that may be.
package func earliest(_ one: MonotonicTime?, _ other: MonotonicTime?) -> MonotonicTime? {
  guard let one, let other else { return one ?? other }
  return min(one, other)
}

/// Bytes in order.
struct Pipe {
  private var bytes: [UInt8] = []
  private var start = 0

  var count: Int { bytes.count - start }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  mutating func take(_ count: Int) -> [UInt8] {
    let taken = Array(bytes[start..<(start + count)])
    start += count
    if start == bytes.count { removeAll() }
    return taken
  }

  mutating func removeAll() {
    bytes.removeAll()
    start = 0
  }
}

// MARK: The client's end

extension SimulatedWire {
  /// How many bytes there are for the client to take.
  package var available: Int { toClient.count }

  /// Whether the client has taken all that the server sent before it ended its half.
  package var isAtEnd: Bool { serverHasEnded && toClient.isEmpty }

  package func send(_ bytes: [UInt8]) {
    if clientHasEnded { return }
    if serverHasClosed || isReset {
      // Nobody is there to take it: the system says so, and what the client has not read is lost (RFC 9112 section 9.6).
      isReset = true
      toClient.removeAll()
    } else {
      toServer.append(bytes)
    }
  }

  package func take(atMost count: Int) -> [UInt8] {
    let taken = toClient.take(min(count, toClient.count))
    if !taken.isEmpty { takes += 1 }
    return taken
  }

  package func endSending() { clientHasEnded = true }

  /// Leaves: in order if everything was read, by a reset otherwise.
  package func close() {
    if !toClient.isEmpty { return reset() }
    clientHasEnded = true
    clientHasClosed = true
  }

  package func reset() {
    clientHasEnded = true
    clientHasClosed = true
    isReset = true
    toServer.removeAll()
    toClient.removeAll()
  }
}

// MARK: Time

extension SimulatedWire {
  /// Lets time pass in which the server does something else than wait for its client.
  package func work(for time: Duration) {
    worked += time
    advance(to: now + time)
  }

  /// Lets the client go on when the server has closed, to the end of what it does.
  package func finish() {
    while let next = nextClientAction() { advance(to: next) }
  }

  private func advance(to time: MonotonicTime) {
    while now < time {
      now = min(time, max(now, nextEvent() ?? time))
      happen()
    }
    happen()
  }

  private func nextClientAction() -> MonotonicTime? {
    client.nextAction(on: self).map { max($0, stalledUntil) }
  }

  private func nextEvent() -> MonotonicTime? {
    guard let stop else { return nextClientAction() }
    return earliest(nextClientAction(), isStopping ? stop.cuts : stop.begins)
  }

  /// Everything that is due.
  private func happen() {
    if let begins = stop?.begins, begins <= now, !isStopping {
      isStopping = true
      if isIdle { serverHasEndedInput = true }
    }
    if let cuts = stop?.cuts, cuts <= now {
      stop = nil
      serverHasEnded = true
      serverHasEndedInput = true
    }
    var turns = 0
    while let next = nextClientAction(), next <= now {
      client.act(on: self)
      turns += 1
      precondition(turns < 1_000_000, "a client that acts moves on")
    }
  }
}

// MARK: The server's end

extension SimulatedWire {
  /// Counts what the server does, and lets what is planned for then happen.
  ///
  /// - Returns: Whether the step is to be fruitless, and how.
  private func step() -> Faults.Event? {
    steps += 1
    if steps == stepLimit {
      report("the server goes on without end")
      reset()
    }
    precondition(steps < stepLimit * 2 + 1000, "the server goes on without end: \(findings)")
    happen()
    switch faults.events[steps] {
    case .reset: reset()
    case .end: endSending()
    case .close: close()
    case .stall(let seconds): stalledUntil = now + .seconds(seconds)
    case let event?: return event
    case nil: break
    }
    // A system is not so unlucky for ever.
    guard let odds = faults.fruitlessOneIn, fruitlessInARow < 3, generator.oneIn(odds) else {
      fruitlessInARow = 0
      return nil
    }
    fruitlessInARow += 1
    return generator.oneIn(2) ? .interrupted : .nothing
  }

  func serverReceives(
    atMost room: Int, waitingFor limit: Duration??
  ) throws(TransportError) -> (Attempt, [UInt8]) {
    let fault = step()
    if fault == .interrupted { return (.interrupted, []) }
    if let limit {
      let deadline = limit.map { now + $0 } ?? .distantFuture
      guard waits(for: .receiving, until: deadline) else { return (.nothing, []) }
    } else if fault == .nothing {
      return (.nothing, [])
    }
    if isReset { throw .peerGone(code: connectionReset) }
    if toServer.isEmpty {
      return (clientHasEnded || serverHasEndedInput ? .moved(0) : .nothing, [])
    }
    let bytes = toServer.take(
      faults.receiving.of(min(room, toServer.count), using: &generator))
    moved += bytes.count
    return (.moved(bytes.count), bytes)
  }

  func serverSends(
    _ count: Int, _ bytes: (Int) -> [UInt8]
  ) throws(TransportError) -> Attempt {
    switch step() {
    case .interrupted: return .interrupted
    case .nothing: return .nothing
    default: break
    }
    if isReset || serverHasEnded { throw .peerGone(code: brokenPipe) }
    if clientHasClosed {
      // The system takes it, and the other answers that there is nobody.
      isReset = true
      return .moved(count)
    }
    let some = faults.sending.of(min(count, capacity - toClient.count), using: &generator)
    guard some > 0 else { return .nothing }
    toClient.append(bytes(some))
    moved += some
    return .moved(some)
  }

  func serverWaits(for readiness: Readiness, until deadline: MonotonicTime) -> Bool {
    // Whether the peer has left is told as it is; the others are hints.
    if step() == .nothing, readiness != .end { return true }
    return waits(for: readiness, until: deadline)
  }

  private func waits(for readiness: Readiness, until deadline: MonotonicTime) -> Bool {
    if deadline == .distantFuture { report("a wait has no deadline") }
    while true {
      if isReady(for: readiness) { return true }
      guard now < deadline else { return false }
      let next = nextEvent()
      if next == nil, deadline == .distantFuture {
        report("a wait has no end")
        reset()
        return true
      }
      advance(to: min(deadline, max(now, next ?? deadline)))
    }
  }

  private func isReady(for readiness: Readiness) -> Bool {
    if isReset { return true }
    return switch readiness {
    case .receiving: !toServer.isEmpty || clientHasEnded || serverHasEndedInput
    // Linux reports room when a third of the queue is free.
    case .sending: clientHasClosed || serverHasEnded || toClient.count * 3 <= capacity * 2
    case .end: clientHasEnded || serverHasEndedInput
    }
  }

  func serverEnds(_ direction: (receiving: Bool, sending: Bool)) {
    if direction.receiving { serverHasEndedInput = true }
    if direction.sending { serverHasEnded = true }
  }

  func serverCloses() {
    serverHasClosed = true
    serverHasEnded = true
    if serverResets || !toServer.isEmpty {
      if !isReset { wasResetByServer = true }
      isReset = true
      toClient.removeAll()
    }
  }
}
