// One live connection, as the thread that serves it holds it.

import Threads

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

  /// Takes the calling thread to the processor on which the peer's bytes arrive, unless those of many others do
  /// (``ConnectionThreads/Options/movesThreads``). The scheduler may take it away again at once. On Linux, for TCP; elsewhere it does
  /// nothing.
  ///
  /// For the thread that serves the connection, right after it has received, and now and then: it costs a system call and a lock of all
  /// connections, and four calls more if the thread moves, which then waits for its turn there.
  ///
  /// - Returns: Whether the thread has run there.
  @discardableResult
  public borrowing func moveThread() -> Bool {
    guard registry.movesThreads, let processor = socket.arrivalProcessor(),
      registry.note(arrivalOn: processor, of: entry)
    else { return false }
    return Thread.processor == processor || Thread.move(to: processor)
  }

  /// Whether the server is stopping, or needs the connection's place for another: finish what was
  /// begun, begin nothing new.
  public var isStopping: Bool { registry.isEnding(entry) }

  /// Says that nothing is begun: from here on a stop ends the connection at once, by ending its
  /// input, and so does ``ConnectionThreads`` when it needs the place of the one that is idle for longest.
  ///
  /// While the connection is new it does nothing: from its start to its first ``markBusy()``, and from ``markNew()`` on, it
  /// is given time (``ConnectionThreads/Options/newConnectionGrace``). Costs two atomic operations and a look at the time of the
  /// system's last tick, no system call.
  ///
  /// - Returns: Whether to wait for more; `false` when the connection is to end, and then nothing
  ///   else may wake the thread: leave.
  public borrowing func markIdle() -> Bool {
    // The order of these two decides race 2 in ConnectionRegistry.
    let isNew = entry.markIdle()
    return isNew || !isStopping
  }

  /// Says that something has begun to come, and is not there yet: from here on the connection is as a new one.
  ///
  /// It has ``ConnectionThreads/Options/newConnectionGrace`` until a stop, or another's need of its place, ends its
  /// input. So a peer that sends a byte and no more does not keep its place.
  public borrowing func markNew() {
    entry.markNew()
  }

  /// Says that what was begun waits: from here on a stop ends the connection's input at once, to wake it. Nobody else does.
  ///
  /// - Returns: Whether to wait; `false` when the server is stopping.
  public borrowing func markWaiting() -> Bool {
    // In this order, as in ``markIdle()``.
    entry.markWaiting()
    return !isStopping
  }

  /// Says that something is begun, which a stop lets finish.
  ///
  /// A stop that looks just before still takes the connection for idle: what was received can be
  /// answered, but no more may come.
  public borrowing func markBusy() {
    entry.markBusy()
  }
}
