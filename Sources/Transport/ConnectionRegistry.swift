// Which connections and threads live, and how to end them in order.
//
// Three races, and why they cannot happen:
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

import Synchronization
import Threads

/// The live connections and threads of one ``ConnectionThreads``.
final class ConnectionRegistry: Sendable {
  /// What a stop needs to know of a connection.
  final class Entry: Sendable {
    enum Phase: UInt8, AtomicRepresentable {
      /// Nothing has come yet.
      case new
      case busy
      case idle
    }

    fileprivate let descriptor: Int32
    fileprivate let accepted = MonotonicTime.now()
    let phase = Atomic(Phase.new)

    fileprivate init(descriptor: Int32) {
      self.descriptor = descriptor
    }
  }

  private struct State {
    var live: [UInt64: Entry] = [:]
    var accepted: UInt64 = 0
    var threads = 0
    /// Only ever rises, for the pause that ends when a thread has.
    var endedThreads: UInt64 = 0
    var refusesNew = false
    var hasStopped = false
  }

  private let stopping = Atomic(false)
  private let state = Monitor(State())

  var isStopping: Bool { stopping.load(ordering: .sequentiallyConsistent) }

  var count: Int { state.withLock { $0.live.count } }

  /// - Returns: The connection, or `nil` when new ones are refused: then the socket is closed.
  func add(_ socket: consuming Socket, at endpoint: Endpoint) -> AcceptedConnection? {
    let entry = Entry(descriptor: socket.descriptor.number)
    let id: UInt64? = state.withLock { state in
      guard !state.refusesNew else { return nil }
      state.accepted += 1
      state.live[state.accepted] = entry
      return state.accepted
    }
    guard let id else { return nil }
    return AcceptedConnection(id: id, socket, at: endpoint, entry, in: self)
  }

  /// Called by the connection, before its socket is closed.
  func remove(_ id: UInt64) {
    state.withLock { $0.live[id] = nil }
    state.wakeAll()
  }

  /// Counts a thread from before its start until after its last use of anything of ours.
  func threadStarts() {
    state.withLock { $0.threads += 1 }
  }

  func threadEnds() {
    state.withLock { state in
      state.threads -= 1
      state.endedThreads += 1
    }
    state.wakeAll()
  }

  /// How many threads have ended.
  ///
  /// Each closed its connection before, and so freed a descriptor.
  var endedThreads: UInt64 { state.withLock { $0.endedThreads } }

  /// Waits until the time is over, more threads have ended than `count`, or a stop has begun.
  func pause(for duration: Duration, whileEndedThreadsAre count: UInt64) {
    _ = state.wait(until: .now() + duration) { state in
      state.endedThreads != count || isStopping ? true : nil
    }
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
    state.withLock { endIdle($0) { now - $0.accepted > age } }
  }

  /// Refuses new connections, and ends the input of those on which nothing has come yet.
  func endNew() {
    state.withLock { state in
      state.refusesNew = true
      endIdle(state) { _ in true }
    }
  }

  private func endIdle(_ state: State, ifNew: (Entry) -> Bool) {
    for entry in state.live.values {
      switch entry.phase.load(ordering: .sequentiallyConsistent) {
      case .busy: continue
      case .new where !ifNew(entry): continue
      case .new, .idle: shutDown(entry.descriptor, .receiving)
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
