// One thread per connection at a time, and the order in which all end.

import Synchronization
import Threads

/// Accepts connections and serves each on a thread that it has to itself.
///
/// It lives until it is stopped, whether anyone holds it or not.
public final class ConnectionThreads: Sendable {
  /// How threads are made, and what happens when connections cannot be accepted.
  public struct Options: Hashable, Sendable {
    /// Bytes of stack for each connection.
    ///
    /// Memory is taken only where the stack is touched.
    ///
    /// Decoding nested JSON is what needs most: 512 KiB is too little for 512 levels.
    public var stackSizeInBytes = 1 << 20

    /// How the names of the threads begin, before `-` and the number of the connection that each is started for. A thread that
    /// is kept for others keeps its name: to give it another would be a system call each time.
    ///
    /// Linux keeps 15 bytes of the whole.
    public var threadName = "conn"

    /// How many threads that have served their connection are kept for the next; 128 by default.
    ///
    /// To wake a thread costs a fraction of what it costs to start one. Each keeps the memory that its
    /// stack has taken.
    public var keptThreads = 128

    /// How long a thread is kept with nothing to do; 5 s by default.
    public var keptThreadTime: Duration = .seconds(5)

    /// How many connections are served, and what the others are told.
    public var limits = ConnectionLimits()

    /// How long to wait after connections could not be accepted.
    ///
    /// It ends early when one of ours has been served, as that frees what was missing.
    public var pauseAfterFailedAccept: Duration = .seconds(1)

    /// Whether ``AcceptedConnection/moveThread()`` takes threads to where bytes arrive; `true` by default.
    ///
    /// Among the processors on which the thread may run that makes the ``ConnectionThreads``.
    public var movesThreads = true

    /// How old a connection must be to be ended although nothing has come on it yet, by a stop or to
    /// make room for another.
    ///
    /// Who has just connected is about to send, and would be answered by nobody.
    public var newConnectionGrace: Duration = .seconds(2)

    /// The defaults.
    public init() {}
  }

  /// How a stop went.
  public struct StopResult: Hashable, Sendable {
    /// How many connections were still busy at the deadline and were cut.
    public var cut: Int

    /// How many threads are still running, because code that they were given does not return.
    public var remaining: Int

    /// Whether every connection ended by itself, in time.
    public var endedInTime: Bool { cut == 0 && remaining == 0 }
  }

  // How long threads get to notice that their connection was cut: long for a thread that only has to
  // see an error, short for a person who waits for a program to end.
  private static let grace: Duration = .seconds(1)

  private let listeners: [Listener]
  let options: Options
  let onEvent: @Sendable (TransportEvent) -> Void
  private let serve: @Sendable (consuming AcceptedConnection) -> Void
  let registry: ConnectionRegistry
  private let idle: IdleThreads<GivenConnection>

  /// Prepares to serve; nothing is accepted before ``start()``.
  ///
  /// - Parameters:
  ///   - listeners: Where to accept. A stop closes them.
  ///   - options: Stack size, names and limits.
  ///   - onEvent: Told of trouble in accepting and of refusals, on the accepting thread, which waits for it.
  ///   - serve: Serves one connection, on that connection's thread. The connection closes when it is
  ///     dropped, at the latest when `serve` returns.
  public init(
    listeners: [Listener], options: Options = Options(),
    onEvent: @escaping @Sendable (TransportEvent) -> Void = { _ in },
    serve: @escaping @Sendable (consuming AcceptedConnection) -> Void
  ) {
    self.listeners = listeners
    self.options = options
    registry = ConnectionRegistry(
      limits: options.limits, newConnectionGrace: options.newConnectionGrace,
      arrivals: options.movesThreads ? .forCurrentThread() : nil)
    idle = IdleThreads(capacity: options.keptThreads, time: options.keptThreadTime)
    self.onEvent = onEvent
    self.serve = serve
  }

  /// How many connections are open.
  public var activeConnections: Int { registry.count }

  /// How many threads are kept for connections to come.
  var idleThreads: Int { idle.count }

  /// Begins to accept: on one thread per listener, and on those that are done with their connection.
  ///
  /// Called once.
  ///
  /// - Throws: ``TransportError/cannotStartThread(code:)``; then nothing runs and the listeners are
  ///   closed.
  public func start() throws(TransportError) {
    for listener in listeners {
      do throws(ThreadError) {
        try startThread(name: "accept", stackSize: nil) { [self] in
          // The threads of connections are started here, and have it from this one at no cost.
          blockBrokenPipeSignal()
          var loop = AcceptLoop(listener, of: self)
          loop.run()
        }
      } catch {
        stop(within: .zero)
        throw .cannotStartThread(code: error.code)
      }
    }
  }

  /// Says that a stop follows in a while: from here on the server is to know of each connection that a client takes for open,
  /// so that ``stop(within:)`` loses none.
  package func expectStop() {
    for listener in listeners { listener.deferAccept { $0.forbid() } }
  }

  /// Stops in order, and waits for it.
  ///
  /// The listeners close. Connections that are idle end at once, new ones when they are old enough (see
  /// ``Options/newConnectionGrace``); busy ones see ``AcceptedConnection/isStopping`` and may finish
  /// within the time, after which they are cut in both directions. Threads in code that waits for
  /// something else get a second to return.
  ///
  /// A further call, from another thread too, does the same with its own time. A thread that serves a
  /// connection would wait for itself in vain, and find itself among those that remain.
  ///
  /// - Parameter limit: How long busy connections may take.
  /// - Returns: How many had to be cut, and how many threads could not be ended.
  @discardableResult
  public func stop(within limit: Duration) -> StopResult {
    let now = MonotonicTime.now()
    let deadline = now + limit
    for listener in listeners { listener.close() }
    registry.beginStopping()
    idle.close()
    registry.endIdle(andNewOlderThan: options.newConnectionGrace)
    _ = registry.waitUntilEmpty(until: min(deadline, now + options.newConnectionGrace))
    registry.endNew()

    var result = StopResult(cut: 0, remaining: registry.waitUntilEmpty(until: deadline))
    if result.remaining > 0 {
      result.cut = registry.cutAll()
      result.remaining = registry.waitUntilEmpty(until: .now() + ConnectionThreads.grace)
    }
    registry.finishStopping()
    return result
  }

  /// Waits until a call of ``stop(within:)`` has ended.
  public func waitUntilStopped() {
    registry.waitUntilStopped()
  }

  /// Serves the connection on a thread that has nothing to do, or on a new one.
  func startServing(_ given: GivenConnection) throws(ThreadError) {
    if idle.give(given) { return }
    given.listener.deferAccept { $0.needsThread() }
    let name = "\(options.threadName)-\(given.id)"
    try startThread(name: name, stackSize: options.stackSizeInBytes) { [self] in
      idle.work(on: given) { given in
        serve(given)
        serveWaiting(at: given.listener)
      }
    }
  }

  // These two are not inlined, as each needs room on the stack for connections that it moves about, which would then lie under all
  // that a connection does.

  @inline(never) private func serve(_ given: GivenConnection) {
    if let connection = given.take() { serve(connection) }
    registry.endsServing()
  }

  /// Serves the connections that wait to be accepted, as long as there is one: so neither the thread that accepts nor another
  /// has to be woken for it.
  @inline(never) private func serveWaiting(at listener: Listener) {
    while let next = registry.admitNext(at: listener.endpoint, { listener.acceptWaiting() }) {
      serve(next)
      registry.endsServing()
    }
  }

  /// Nobody joins the threads: each is counted until it has nothing left to do or to let go.
  private func startThread(
    name: String, stackSize: Int?, _ body: @escaping @Sendable () -> Void
  ) throws(ThreadError) {
    registry.threadStarts()
    // The thread itself lets go of its closure too late, after it is counted as ended.
    let handoff = Handoff(body)
    do throws(ThreadError) {
      try Thread.startDetached(name: name, stackSize: stackSize) { [registry] in
        if let body = handoff.take() { body() }
        registry.threadEnds()
      }
    } catch {
      registry.threadEnds()
      throw error
    }
  }
}

/// A connection on its way to the thread that serves it.
// Not a `Handoff`: this is made for each connection, and a generic object finds out what it holds while the program runs.
final class GivenConnection: Sendable {
  let id: UInt64
  let listener: Listener
  private let connection: Mutex<AcceptedConnection?>

  init(_ connection: consuming AcceptedConnection, from listener: Listener) {
    id = connection.id
    self.listener = listener
    self.connection = Mutex(connection)
  }

  /// The connection on the first call, `nil` afterwards.
  func take() -> AcceptedConnection? {
    connection.withLock { $0.take() }
  }
}
