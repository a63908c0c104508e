// A server: where it listens, and how it starts and stops.

import Logging
import Synchronization
import Threads
public import Transport

/// An HTTP/1.1 server that calls a handler for each request, one thread per connection.
///
/// ```swift
/// let server = Server(.tcp(port: 8000)) { request in
///   .text("Hello world!")
/// }
/// try server.run()
/// ```
///
/// It can listen in several places: `Server([.tcp(host: "::", port: 80), .unix(path: "/run/app.sock")]) { … }`.
///
/// Handlers run on their connection's thread, many at a time, and may block. What they throw is logged and answered
/// with 500. What they trap on (an index out of range, a forced unwrap of `nil`) ends the process: Swift cannot
/// catch it.
public final class Server: Sendable {
  /// Where the server listens; with port 0 the system chooses the port and ``start()`` tells it.
  public let endpoints: [Endpoint]
  private let service: Service
  private let state = Monitor(State.stopped)
  /// The threads that serve connections, which must not wait for their own end.
  private let servingThreads = Monitor<Set<ThreadID>>([])

  /// Whether the service manager is told of what this server does.
  private let speaksForProgram = Atomic(false)

  private enum State {
    case stopped
    case starting
    case running(ConnectionThreads, [Address], Ceilings)
    /// Asked to stop, and serving as before for a while.
    case leaving(ConnectionThreads, [Address], Ceilings)
    case stopping(ConnectionThreads)
  }

  /// Makes a server with a handler of any kind; `Server+Handlers.swift` has the kinds.
  init(
    _ endpoints: [Endpoint], _ configuration: ServerConfiguration, _ handler: Service.Handler
  ) {
    configuration.check()
    configuration.proxies.check(with: endpoints)
    require(!endpoints.isEmpty, "a server listens somewhere")
    self.endpoints = endpoints
    service = Service(configuration: configuration, handler: handler)
  }

  /// Opens all listeners and begins to serve, on other threads. A server that was stopped may be started again.
  ///
  /// - Returns: The address that clients can connect to; of several endpoints the first one's, and
  ///   ``addresses`` has them all.
  /// - Throws: `TransportError` if one of the endpoints cannot be listened on; then none is, and
  ///   nothing was accepted on any.
  @discardableResult
  public func start() throws(TransportError) -> Address {
    reserveStart()
    do throws(TransportError) {
      let configuration = service.configuration
      let ceilings = Ceilings(configuration)
      let (threads, addresses) = try open(ceilings)
      change(to: .running(threads, addresses, ceilings))
      for address in addresses { configuration.logger.info("Server listening on \(address)") }
      configuration.logger.info(
        "Limits: Header=\(configuration.maximumHeadSize), Body=\(configuration.maximumBodySize)")
      configuration.logger.info("Ceilings: \(ceilings)")
      if ceilings.exceedSystem {
        configuration.logger.warning(
          "More connections configured than the system allows: \(ceilings.connections)")
      }
      return addresses[0]
    } catch {
      service.isReady = false
      change(to: .stopped)
      throw error
    }
  }

  /// The addresses that clients can connect to, in the order of ``endpoints``; none unless the server is running.
  public var addresses: [Address] {
    state.withLock { state in
      switch state {
      case .running(_, let addresses, _), .leaving(_, let addresses, _): addresses
      case .stopped, .starting, .stopping: []
      }
    }
  }

  /// The limits on connections that are in force; of a server that is not running, those that would be if it started now.
  public var ceilings: Ceilings {
    let inForce: Ceilings? = state.withLock { state in
      switch state {
      case .running(_, _, let ceilings), .leaving(_, _, let ceilings): ceilings
      case .stopped, .starting, .stopping: nil
      }
    }
    return inForce ?? Ceilings(service.configuration)
  }

  /// Whether the server serves and has not been asked to stop.
  ///
  /// It turns `false` before anything closes, by ``ServerConfiguration/stopDelay``: show it to load balancers. Handlers
  /// find it in ``Request/isServerReady``.
  public var isReady: Bool { service.isReady }

  /// Serves until SIGINT, SIGTERM or ``stop(within:)``; a second signal ends the process at once.
  ///
  /// A service manager that waits for it is told that the program is ready, after `ready` has returned, and when it
  /// begins to stop (``ServerConfiguration/notifiesServiceManager``).
  ///
  /// - Parameter ready: Called with the address that clients can connect to, once they can; of
  ///   several endpoints the first one's, and ``addresses`` has them all.
  /// - Throws: `TransportError` if one of the endpoints cannot be listened on.
  public func run(ready: (Address) -> Void = { _ in }) throws(TransportError) {
    let limit = service.configuration.stopLimit
    let progress = Monitor((hasStarted: false, isSignalled: false))
    // Before the start: whoever can connect can also expect that a signal stops us in order.
    let signals = StopSignals.shared.whenSignalled { [self] in
      let hasStarted = progress.withLock {
        $0.isSignalled = true
        return $0.hasStarted
      }
      if hasStarted { stop(within: limit) }
    }
    defer { StopSignals.shared.forget(signals) }
    let address = try start()
    let isSignalled = progress.withLock {
      $0.hasStarted = true
      return $0.isSignalled
    }
    speaksForProgram.store(service.configuration.notifiesServiceManager, ordering: .relaxed)
    defer { speaksForProgram.store(false, ordering: .relaxed) }
    ready(address)
    if isReady { notifyServiceManager("READY=1") }
    // A signal before the server ran leaves the stop to us; both would be two, and the second ends the delay.
    if isReady, isSignalled { stop(within: limit) }
    waitUntilStopped()
  }

  /// Stops in order: goes on as before for ``ServerConfiguration/stopDelay``, closes the listeners and idle connections,
  /// lets the others finish their request, cuts what is not finished in time, and waits for all of it. A server that is
  /// just starting is stopped as soon as it has started. Does nothing if the server is not running. A second call ends
  /// the delay.
  ///
  /// Called by a handler it returns at once and the server stops behind it, so that the handler's own response can be
  /// sent. A handler that never returns cannot be ended; its thread is left behind, and that is logged.
  public func stop(within limit: Duration = .seconds(10)) {
    let isHandler = servingThreads.withLock { $0.contains(.current) }
    guard isHandler else { return stopAndWait(within: limit) }
    do throws(ThreadError) {
      try Thread.startDetached(name: "stop") { [self] in stopAndWait(within: limit) }
    } catch {
      // Without a thread to wait on, the handler itself must; its own connection will be cut.
      stopAndWait(within: limit)
    }
  }

  /// Waits until the server has been stopped. Returns at once if it is not running.
  public func waitUntilStopped() {
    _ = state.wait { if case .stopped = $0 { () } else { nil } }
  }

  // MARK: Inside

  private func open(_ ceilings: Ceilings) throws(TransportError) -> (ConnectionThreads, [Address]) {
    let configuration = service.configuration
    var listenerOptions = configuration.listener
    listenerOptions.receiveTimeout = configuration.timeouts.keepAlive
    let listeners = try Listener.open(endpoints, options: listenerOptions)
    var options = ConnectionThreads.Options()
    options.stackSizeInBytes = configuration.stackSize
    options.newConnectionGrace = configuration.newConnectionGrace
    options.movesThreads = configuration.movesThreads
    options.limits.connections = ceilings.connections
    options.limits.perAddress = ceilings.connectionsPerAddress
    options.limits.exempt = configuration.proxies.trusted
    options.limits.farewell = Refusal.tooManyConnections.readyMade()
    let threads = ConnectionThreads(
      listeners: listeners, options: options,
      onEvent: { configuration.logger.warning("\($0)") },
      serve: { [self] connection in serve(ConnectionStream(connection)) })
    service.isReady = true
    try threads.start()
    return (threads, listeners.map(\.boundAddress))
  }

  private func serve(_ stream: any ServedStream) {
    servingThreads.withLock { _ = $0.insert(.current) }
    defer { servingThreads.withLock { _ = $0.remove(.current) } }
    var loop = ConnectionLoop(stream, service)
    loop.run()
  }

  private func stopAndWait(within limit: Duration) {
    let (threads, isFirst) = beginStop()
    guard let threads else { return }
    let logger = service.configuration.logger
    if isFirst {
      threads.expectStop()
      logger.info("Server stopping")
      notifyServiceManager("STOPPING=1")
      goOnForAWhile()
    }
    let result = threads.stop(within: limit)
    guard isFirst else { return waitUntilStopped() }
    if result.cut > 0 { logger.warning("Connections cut: \(result.cut)") }
    if result.remaining > 0 { logger.error("Handlers that did not return: \(result.remaining)") }
    logger.info("Server stopped")
    // A program often ends here, and what it logged last is what one looks for.
    (logger.handler as? QueuedLogHandler)?.queue.flush(within: .seconds(1))
    change(to: .stopped)
  }

  /// What there is to stop, and whether nobody else has begun to.
  ///
  /// A start is waited for: it accepts before it is over, so that a first request, and whoever could connect, may
  /// ask for a stop that must not be lost.
  private func beginStop() -> (ConnectionThreads?, isFirst: Bool) {
    defer { state.wakeAll() }
    let begun: (ConnectionThreads?, isFirst: Bool)? = state.wait { state in
      switch state {
      case .starting: return nil
      case .stopped: return (nil, true)
      case .stopping(let threads): return (threads, false)
      case .leaving(let threads, _, _):
        state = .stopping(threads)
        return (threads, false)
      case .running(let threads, let addresses, let ceilings):
        service.isReady = false
        state = .leaving(threads, addresses, ceilings)
        return (threads, true)
      }
    }
    return begun!  // without a deadline the wait ends with a value
  }

  /// Serves as before until the delay is over, or somebody asks again.
  private func goOnForAWhile() {
    let end = MonotonicTime.now() + service.configuration.stopDelay
    _ = state.wait(until: end) { if case .leaving = $0 { nil as Void? } else { () } }
    state.withLock { state in
      if case .leaving(let threads, _, _) = state { state = .stopping(threads) }
    }
  }

  private func notifyServiceManager(_ message: String) {
    guard speaksForProgram.load(ordering: .relaxed) else { return }
    do throws(TransportError) {
      try ServiceManager.notify(message)
    } catch {
      service.configuration.logger.warning(
        "The service manager cannot be told \(message): \(error)")
    }
  }

  /// Waits for a stop that goes on, and keeps others from starting.
  private func reserveStart() {
    _ = state.wait { state in
      switch state {
      case .leaving, .stopping: return nil as Void?
      case .starting, .running: fatalError("a server that runs is not started again")
      case .stopped:
        state = .starting
        return ()
      }
    }
  }

  private func change(to next: State) {
    state.withLock { $0 = next }
    state.wakeAll()
  }
}

// For tests, which bring connections that were not accepted.
extension Server {
  /// The settings that the server was made with.
  package var configuration: ServerConfiguration { service.configuration }

  /// Makes a server that is not started ready for such connections.
  package func getReadyUnstarted() {
    if case .stopped = state.withLock({ $0 }) { service.isReady = true }
  }

  /// Serves a connection until it ends, on the calling thread. A stop does not wait for it.
  package func serveUnaccepted(_ stream: any ServedStream) {
    serve(stream)
  }
}
