// A server: where it listens, what answers, and how it starts and stops.

public import KVStore
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
/// Handlers run on their connection's thread, many at a time, and may block. What they throw is logged and answered
/// with 500. What they trap on (an index out of range, a forced unwrap of `nil`) ends the process: Swift cannot
/// catch it.
public final class Server: Sendable {
  /// Where the server listens; with port 0 the system chooses the port and ``start()`` tells it.
  public let endpoint: Endpoint
  private let service: Service
  private let running = Mutex<ConnectionThreads?>(nil)

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

  /// Opens the listener and begins to serve, on other threads.
  ///
  /// - Returns: The address that clients can connect to.
  /// - Throws: `TransportError` if nothing can listen there.
  @discardableResult
  public func start() throws(TransportError) -> Address {
    let configuration = service.configuration
    var options = ConnectionThreads.Options()
    options.stackSizeInBytes = configuration.stackSize
    let listener = try Listener(endpoint, options: configuration.listener)
    let threads = ConnectionThreads(
      listeners: [listener], options: options,
      onEvent: { configuration.logger.warning("\($0)") },
      serve: { [service] connection in
        var loop = ConnectionLoop(connection, service)
        loop.run()
      })
    let before = running.withLock { running in
      let before = running
      if before == nil { running = threads }
      return before
    }
    precondition(before == nil, "a server is started once before it is stopped")
    do throws(TransportError) {
      try threads.start()
    } catch {
      running.withLock { $0 = nil }
      throw error
    }
    configuration.logger.info("Server listening on \(listener.boundAddress)")
    configuration.logger.info(
      "Limits: Header=\(configuration.maximumHeadSize), Body=\(configuration.maximumBodySize)")
    return listener.boundAddress
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
  /// A handler that never returns cannot be ended; its thread is left behind, and that is logged.
  public func stop(within limit: Duration = .seconds(10)) {
    guard let threads = running.withLock({ $0 }) else { return }
    let logger = service.configuration.logger
    logger.info("Server stopping")
    let result = threads.stop(within: limit)
    if result.cut > 0 { logger.warning("\(result.cut) connections were cut") }
    if result.remaining > 0 { logger.error("\(result.remaining) handlers did not return") }
    logger.info("Server stopped")
    running.withLock { if $0 === threads { $0 = nil } }
  }

  /// Waits until the server has been stopped. Returns at once if it is not running.
  public func waitUntilStopped() {
    running.withLock { $0 }?.waitUntilStopped()
  }
}
