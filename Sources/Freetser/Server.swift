// A server: where it listens, what answers, and how it starts and stops.

public import KVStore
import Logging
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
/// Handlers run on their connection's thread, many at a time, and may block. What they throw is logged and answered
/// with 500. What they trap on (an index out of range, a forced unwrap of `nil`) ends the process: Swift cannot
/// catch it.
public final class Server: Sendable {
  /// Where the server listens; with port 0 the system chooses the port and ``start()`` tells it.
  public let endpoint: Endpoint
  private let service: Service
  private let state = Monitor(State.stopped)
  /// The threads that serve connections, which must not wait for their own end.
  private let servingThreads = Monitor<Set<ThreadID>>([])

  private enum State {
    case stopped
    case starting
    case running(ConnectionThreads)
    case stopping(ConnectionThreads)
  }

  /// Makes a server; nothing is opened before ``start()`` or ``run(ready:)``.
  ///
  /// - Parameters:
  ///   - endpoint: Where to listen.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request. Called on the connection's thread.
  public init(
    _ endpoint: Endpoint, configuration: ServerConfiguration = ServerConfiguration(),
    handler: @escaping @Sendable (Request) throws -> Response
  ) {
    configuration.check()
    self.endpoint = endpoint
    service = Service(configuration: configuration, handler: handler)
  }

  /// Makes a server whose handler is given a store.
  ///
  /// Several servers may share one store. None of them closes it: do that after the last has stopped.
  ///
  /// - Parameters:
  ///   - endpoint: Where to listen.
  ///   - store: Given to each call of the handler.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request. Called on the connection's thread.
  public convenience init(
    _ endpoint: Endpoint, store: Store, configuration: ServerConfiguration = ServerConfiguration(),
    handler: @escaping @Sendable (Request, Store) throws -> Response
  ) {
    self.init(endpoint, configuration: configuration) { request in try handler(request, store) }
  }

  /// Opens the listener and begins to serve, on other threads. A server that was stopped may be started again.
  ///
  /// - Returns: The address that clients can connect to.
  /// - Throws: `TransportError` if nothing can listen there.
  @discardableResult
  public func start() throws(TransportError) -> Address {
    reserveStart()
    do throws(TransportError) {
      let (threads, address) = try open()
      change(to: .running(threads))
      let configuration = service.configuration
      configuration.logger.info("Server listening on \(address)")
      configuration.logger.info(
        "Limits: Header=\(configuration.maximumHeadSize), Body=\(configuration.maximumBodySize)")
      return address
    } catch {
      change(to: .stopped)
      throw error
    }
  }

  /// Serves until SIGINT, SIGTERM or ``stop(within:)``; a second signal ends the process at once.
  ///
  /// - Parameter ready: Called with the address that clients can connect to, once they can.
  /// - Throws: `TransportError` if nothing can listen there.
  public func run(ready: (Address) -> Void = { _ in }) throws(TransportError) {
    let address = try start()
    let signals = StopSignals.shared.whenSignalled { [self] in
      stop(within: service.configuration.stopLimit)
    }
    ready(address)
    waitUntilStopped()
    StopSignals.shared.forget(signals)
  }

  /// Stops in order: closes the listener and idle connections, lets the others finish their request, cuts what is
  /// not finished in time, and waits for all of it. Does nothing if the server is not running.
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

  private func open() throws(TransportError) -> (ConnectionThreads, Address) {
    let configuration = service.configuration
    let listener = try Listener(endpoint, options: configuration.listener)
    var options = ConnectionThreads.Options()
    options.stackSizeInBytes = configuration.stackSize
    let threads = ConnectionThreads(
      listeners: [listener], options: options,
      onEvent: { configuration.logger.warning("\($0)") },
      serve: { [self] connection in serve(connection) })
    try threads.start()
    return (threads, listener.boundAddress)
  }

  private func serve(_ connection: consuming AcceptedConnection) {
    servingThreads.withLock { _ = $0.insert(.current) }
    defer { servingThreads.withLock { _ = $0.remove(.current) } }
    var loop = ConnectionLoop(connection, service)
    loop.run()
  }

  private func stopAndWait(within limit: Duration) {
    let (threads, isFirst) = beginStop()
    guard let threads else { return }
    let logger = service.configuration.logger
    if isFirst { logger.info("Server stopping") }
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
  private func beginStop() -> (ConnectionThreads?, isFirst: Bool) {
    state.withLock { state in
      switch state {
      case .stopped, .starting: return (nil, true)
      case .stopping(let threads): return (threads, false)
      case .running(let threads):
        state = .stopping(threads)
        return (threads, true)
      }
    }
  }

  /// Waits for a stop that goes on, and keeps others from starting.
  private func reserveStart() {
    _ = state.wait { state in
      switch state {
      case .stopping: return nil as Void?
      case .starting, .running: preconditionFailure("a server that runs is not started again")
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
