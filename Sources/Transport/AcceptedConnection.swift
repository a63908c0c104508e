// One live connection, as the thread that serves it holds it.

import Synchronization

/// A connection that was accepted and is registered until it is dropped, which closes it.
///
/// It belongs to whoever holds it and to no thread: it may be handed on.
public struct AcceptedConnection: ~Copyable, Sendable {
  /// Counts the connections of one ``ConnectionThreads``, from 1.
  public let id: UInt64

  /// To receive and send.
  ///
  /// It stays open for as long as the connection is held.
  public let socket: Socket

  /// Where it was accepted.
  public let endpoint: Endpoint

  private let entry: ConnectionRegistry.Entry
  private let registry: ConnectionRegistry

  init(
    id: UInt64, _ socket: consuming Socket, at endpoint: Endpoint,
    _ entry: ConnectionRegistry.Entry, in registry: ConnectionRegistry
  ) {
    self.id = id
    self.socket = socket
    self.endpoint = endpoint
    self.entry = entry
    self.registry = registry
  }

  // Runs before `socket` is closed: see race 1 in ConnectionRegistry.
  deinit {
    registry.remove(id)
  }

  /// The other end.
  public var peer: Address { socket.peer }

  /// This end: which of the machine's addresses the peer connected to.
  ///
  /// - Throws: ``TransportError/systemCall(_:code:)`` if the system has no memory to answer.
  public var local: Address {
    get throws(TransportError) { try socket.local }
  }

  /// Whether the server is stopping: finish what was begun, begin nothing new.
  public var isStopping: Bool { registry.isStopping }

  /// Says that nothing is begun: from here on a stop ends the connection at once, by ending its
  /// input.
  ///
  /// Before the first ``markBusy()`` it does nothing: a connection is new from its start, and a stop gives it time
  /// (``ConnectionThreads/Options/newConnectionGrace``). Costs one atomic exchange.
  ///
  /// - Returns: Whether to wait for more; `false` when the server is stopping, and then nothing
  ///   else may wake the thread: leave.
  public borrowing func markIdle() -> Bool {
    // The order of these two decides race 2 in ConnectionRegistry.
    let (_, phase) = entry.phase.compareExchange(
      expected: .busy, desired: .idle, ordering: .sequentiallyConsistent)
    return phase == .new || !registry.isStopping
  }

  /// Says that something is begun, which a stop lets finish.
  ///
  /// A stop that looks just before still takes the connection for idle: what was received can be
  /// answered, but no more may come.
  public borrowing func markBusy() {
    entry.phase.store(.busy, ordering: .relaxed)
  }
}
