// Which connections and threads live, and how to end them in order.
//
// Four races, three of which cannot happen:
//
// 1. A stop shuts down a descriptor that was closed and given to another file meanwhile. A descriptor
//    is shut down only under the lock and only while its connection is registered; a connection is
//    removed, under the lock, before its socket is closed. Receiving and sending take no lock.
//
// 2. A connection becomes idle unseen and waits for ever. It stores its phase, then loads `isStopping`;
//    a stop stores `isStopping`, then loads the phase; all four are sequentially consistent, so that
//    they have one order, in which one of the two loads comes after the other side's store. Either
//    the connection sees the stop and leaves, or the stop sees it idle and ends its input.
//
// 3. A connection is accepted while a stop goes through the registry. It registers under the lock: if
//    that comes before the stop refuses new ones, the stop sees it when it ends them, in the same
//    locked step; if it comes after, it is refused.
//
// 4. A connection is ended to make room just when a request reaches it. That cannot be excluded, here or anywhere: the
//    request may be on its way. What is excluded is that it is cut off: only its input ends, as in a stop. What has been
//    received is answered, and told that it is the last, as `isLeaving` is stored before the input ends.

import Synchronization
import Threads

/// The live connections and threads of one ``ConnectionThreads``.
final class ConnectionRegistry: Sendable {
  private struct State {
    var live: [UInt64: Entry] = [:]
    /// Where their bytes arrive; `nil` if no thread is to go there.
    var arrivals: Arrivals?
    var accepted: UInt64 = 0
    /// Places that are kept for connections which are being accepted.
    var reserved = 0
    /// How many of the live ones were told to leave.
    var leaving = 0
    /// How many live connections each client has; empty where that is not limited.
    var perClient: [ClientNetwork: Int] = [:]
    /// Those that had waited for longest when somebody last looked, the very longest at the end.
    var longestIdle: [(since: MonotonicTime, id: UInt64)] = []
    /// Before then nobody looks again.
    var nextLook = MonotonicTime(nanoseconds: .min)
    var threads = 0
    /// How many were admitted and are not closed yet; those that were handed on by who served them count as closed.
    var serving = 0
    /// How many were served and closed: it only ever rises, for the pause that ends when one is.
    var served: UInt64 = 0
    var refusesNew = false
    var hasStopped = false

    /// - Returns: The connection's number.
    mutating func add(_ entry: Entry) -> UInt64 {
      accepted += 1
      serving += 1
      live[accepted] = entry
      if let client = entry.client { perClient[client, default: 0] += 1 }
      return accepted
    }
  }

  private let limits: ConnectionLimits
  private let grace: Duration
  private let stopping = Atomic(false)
  private let state: Monitor<State>
  /// Whether threads go where bytes arrive.
  let movesThreads: Bool

  init(
    limits: ConnectionLimits, newConnectionGrace: Duration, arrivals: Arrivals? = nil
  ) {
    self.limits = limits
    grace = newConnectionGrace
    movesThreads = arrivals != nil
    state = Monitor(State(arrivals: arrivals))
  }

  var isStopping: Bool { stopping.load(ordering: .sequentiallyConsistent) }

  var count: Int { state.withLock { $0.live.count } }

  var threads: Int { state.withLock { $0.threads } }

  /// Whether a connection shall end after what it has begun.
  func isEnding(_ entry: Entry) -> Bool {
    isStopping || entry.isLeaving.load(ordering: .relaxed)
  }

  /// What becomes of a socket that was accepted.
  enum Admission: ~Copyable {
    case served(AcceptedConnection)
    case refused(Socket, RefusalCause)
    /// The server stops and takes no new ones: the socket is closed.
    case closed
  }

  /// Registers the connection if there is room, or if room can be made.
  func admit(_ socket: consuming Socket, at endpoint: Endpoint) -> Admission {
    let descriptor = socket.descriptor.number
    let client = limits.isLimited(socket.peer) ? ClientNetwork(of: socket.peer) : nil
    let entry = Entry(descriptor: descriptor, client: client)
    let (id, cause): (UInt64?, RefusalCause?) = state.wait { state in
      guard !state.refusesNew else { return (nil, nil) }
      // A place that is kept is given back or taken at once: whoever has it does not wait for a connection.
      if !hasRoom(state), freePlaces(state) > 0 { return nil }
      if let cause = reasonToRefuse(client, &state) { return (nil, cause) }
      return (state.add(entry), nil)
    }!
    if let id { return .served(AcceptedConnection(id: id, socket, at: endpoint, entry, in: self)) }
    if let cause { return .refused(socket, cause) }
    return .closed
  }

  /// Accepts a connection and registers it, if there is room for one more, of whatever client it is.
  ///
  /// - Parameter accept: Does not wait: others may wait for it.
  /// - Returns: `nil` if there is not, or if `accept` had none.
  func admitNext(at endpoint: Endpoint, _ accept: () -> Socket?) -> AcceptedConnection? {
    let isRoomKept = state.withLock { state in
      guard limits.perAddress == nil, !isStopping, hasRoom(state) else { return false }
      state.reserved += 1
      return true
    }
    guard isRoomKept else { return nil }
    // Whoever waits for the place.
    defer { state.wakeAll() }
    guard let socket = accept() else {
      state.withLock { $0.reserved -= 1 }
      return nil
    }
    let entry = Entry(descriptor: socket.descriptor.number, client: nil)
    let id: UInt64? = state.withLock { state in
      state.reserved -= 1
      return state.refusesNew ? nil : state.add(entry)
    }
    guard let id else { return nil }
    return AcceptedConnection(id: id, socket, at: endpoint, entry, in: self)
  }

  /// Whether there is a place that is not kept for another.
  private func hasRoom(_ state: State) -> Bool { freePlaces(state) > state.reserved }

  /// How many places no connection has that stays.
  private func freePlaces(_ state: State) -> Int {
    limits.connections - (state.live.count - state.leaving)
  }

  private func reasonToRefuse(
    _ client: ClientNetwork?, _ state: inout State
  ) -> RefusalCause? {
    if let client, let limit = limits.perAddress, state.perClient[client, default: 0] >= limit {
      return .tooManyFromAddress(limit: limit)
    }
    if !hasRoom(state), !makeRoom(&state) {
      return .tooManyConnections(limit: limits.connections)
    }
    return nil
  }

  /// Called by the connection, before its socket is closed.
  func remove(_ id: UInt64) {
    state.withLock { state in
      guard let entry = state.live.removeValue(forKey: id) else { return }
      if entry.isLeaving.load(ordering: .relaxed) { state.leaving -= 1 }
      if let arrival = entry.arrival { state.arrivals?.forget(arrival) }
      if let client = entry.client {
        let count = state.perClient[client, default: 0] - 1
        state.perClient[client] = count > 0 ? count : nil
      }
    }
    state.wakeAll()
  }

  /// Notes where a connection's bytes arrive.
  ///
  /// - Returns: Whether its thread shall go there.
  func note(arrivalOn processor: Int, of entry: Entry) -> Bool {
    state.withLock { state in
      entry.arrival = state.arrivals?.note(processor, insteadOf: entry.arrival)
      return entry.arrival != nil && state.arrivals?.isForThreads(processor) == true
    }
  }

  /// Of how many connections that are noted bytes arrive there.
  func arrivals(on processor: Int) -> Int {
    state.withLock { $0.arrivals?.count(on: processor) ?? 0 }
  }

  /// Counts a thread from before its start until after its last use of anything of ours.
  func threadStarts() {
    state.withLock { $0.threads += 1 }
  }

  func threadEnds() {
    state.withLock { $0.threads -= 1 }
    state.wakeAll()
  }

  /// Counts a connection that was admitted as closed, when nothing is left of it.
  ///
  /// ``remove(_:)`` comes too early to tell whoever waits for a descriptor.
  func endsServing() {
    state.withLock { state in
      state.serving -= 1
      state.served += 1
    }
    state.wakeAll()
  }

  /// How many connections were served and closed.
  var served: UInt64 { state.withLock { $0.served } }

  /// Waits until the time is over, more connections were served than `count`, or a stop has begun.
  ///
  /// - Returns: `false` if the time is over.
  @discardableResult
  func pause(for duration: Duration, whileServedAre count: UInt64) -> Bool {
    let end: Bool? = state.wait(until: .now() + duration) { state in
      state.served != count || isStopping ? true : nil
    }
    return end != nil
  }
}

// Making room: who waits for longest leaves first.
extension ConnectionRegistry {
  /// So many may be on their way out at a time, and thus beyond the limit: they hold a thread and a descriptor until
  /// their threads have had a turn.
  static let mostLeaving = 32

  /// How long nobody looks again, for each connection that was looked at: a flood of new connections must not have
  /// all the time, and the lock, spent in looking.
  private static let timeBetweenLooks: Duration = .microseconds(1)

  /// Waits for a connection on its way out to be closed; if there is none, one that is idle is sent there.
  ///
  /// - Returns: `false` if no connection was closed in this time.
  func closeOne(within limit: Duration) -> Bool {
    let served: UInt64? = state.withLock { state in
      let someoneLeaves = state.serving > state.live.count - state.leaving
      return someoneLeaves || makeRoom(&state) ? state.served : nil
    }
    guard let served else { return false }
    return pause(for: limit, whileServedAre: served)
  }

  /// Ends the input of the connection that has waited longest for something to begin.
  ///
  /// - Returns: `false` if none is idle.
  func makeRoom() -> Bool {
    state.withLock { makeRoom(&$0) }
  }

  private func makeRoom(_ state: inout State) -> Bool {
    guard state.leaving < Self.mostLeaving else { return false }
    if endLongestIdle(&state) { return true }
    let now = MonotonicTime.now()
    guard now >= state.nextLook else { return false }
    state.nextLook = now + Self.timeBetweenLooks * state.live.count
    lookForIdle(&state)
    return endLongestIdle(&state)
  }

  /// Goes by the last look: who was busy since is passed over.
  private func endLongestIdle(_ state: inout State) -> Bool {
    while let (since, id) = state.longestIdle.popLast() {
      guard let entry = state.live[id], entry.idleSince(grace: grace) == since,
        !entry.isLeaving.exchange(true, ordering: .relaxed)
      else { continue }
      state.leaving += 1
      shutDown(entry.descriptor, .receiving)
      return true
    }
    return false
  }

  private func lookForIdle(_ state: inout State) {
    let now = MonotonicTime.lastTick()
    state.longestIdle.removeAll(keepingCapacity: true)
    for (id, entry) in state.live {
      guard let since = entry.idleSince(grace: grace), since <= now else { continue }
      state.longestIdle.append((since, id))
    }
    state.longestIdle.sort { $0.since > $1.since }
  }
}

// The steps of a stop, in their order.
extension ConnectionRegistry {
  /// Tells all connections.
  func beginStopping() {
    stopping.store(true, ordering: .sequentiallyConsistent)
    state.wakeAll()
  }

  /// Ends the input of connections that wait for something to begin; of new ones if they are older than `age`.
  ///
  /// They see the end and leave.
  func endIdle(andNewOlderThan age: Duration) {
    let now = MonotonicTime.now()
    state.withLock { endIdle($0) { since in now - since > age } }
  }

  /// Refuses new connections, and ends the input of those on which nothing has come yet.
  func endNew() {
    state.withLock { state in
      state.refusesNew = true
      endIdle(state) { _ in true }
    }
  }

  private func endIdle(_ state: State, ifNew: (_ since: MonotonicTime) -> Bool) {
    for entry in state.live.values {
      switch entry.phase {
      case .busy: continue
      case .new(let since) where !ifNew(since): continue
      case .new, .waiting, .idle: shutDown(entry.descriptor, .receiving)
      }
    }
  }

  /// Ends both directions of all connections, so that no thread of ours waits for a peer.
  ///
  /// - Returns: How many there were.
  func cutAll() -> Int {
    state.withLock { state in
      for entry in state.live.values { shutDown(entry.descriptor, .both) }
      return state.live.count
    }
  }

  /// Waits until no connection and no thread is left.
  ///
  /// - Returns: How many are left when the time is over.
  func waitUntilEmpty(until deadline: MonotonicTime) -> Int {
    let isEmpty = state.wait(until: deadline) { state in
      state.live.isEmpty && state.threads == 0 ? true : nil
    }
    if isEmpty != nil { return 0 }
    return state.withLock { max($0.live.count, $0.threads) }
  }

  func finishStopping() {
    state.withLock { $0.hasStopped = true }
    state.wakeAll()
  }

  func waitUntilStopped() {
    _ = state.wait { $0.hasStopped ? true : nil }
  }
}
