// The ways to say what answers: a function of the request, one that reads bodies itself, one with a store, or routes.

public import KVStore
public import Transport

extension Server {
  /// Makes a server; nothing is opened before ``start()`` or ``run(ready:)``.
  ///
  /// - Parameters:
  ///   - endpoint: Where to listen.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request. Called on the connection's thread.
  public convenience init(
    _ endpoint: Endpoint, configuration: ServerConfiguration = ServerConfiguration(),
    handler: @escaping @Sendable (Request) throws -> Response
  ) {
    self.init([endpoint], configuration: configuration, handler: handler)
  }

  /// Makes a server that listens in several places; nothing is opened before ``start()`` or ``run(ready:)``.
  ///
  /// - Parameters:
  ///   - endpoints: Where to listen: at all of them, or the start fails. At least one.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request. Called on the connection's thread.
  public convenience init(
    _ endpoints: [Endpoint], configuration: ServerConfiguration = ServerConfiguration(),
    handler: @escaping @Sendable (Request) throws -> Response
  ) {
    self.init(endpoints, configuration, .whole(handler))
  }

  /// Makes a server whose handler reads the bodies of requests itself.
  ///
  /// - Parameters:
  ///   - endpoint: Where to listen.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request, whose `body` is empty; the second parameter is for reading it. Called on the
  ///     connection's thread, as soon as the head is there.
  public convenience init(
    _ endpoint: Endpoint, configuration: ServerConfiguration = ServerConfiguration(),
    streaming handler: @escaping @Sendable (Request, inout RequestBody) throws -> Response
  ) {
    self.init([endpoint], configuration, .streaming(handler))
  }

  /// Makes a server that listens in several places and whose handler reads the bodies of requests itself.
  ///
  /// - Parameters:
  ///   - endpoints: Where to listen: at all of them, or the start fails. At least one.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request, whose `body` is empty; the second parameter is for reading it. Called on the
  ///     connection's thread, as soon as the head is there.
  public convenience init(
    _ endpoints: [Endpoint], configuration: ServerConfiguration = ServerConfiguration(),
    streaming handler: @escaping @Sendable (Request, inout RequestBody) throws -> Response
  ) {
    self.init(endpoints, configuration, .streaming(handler))
  }

  /// Makes a server that answers by routes.
  ///
  /// - Parameters:
  ///   - endpoint: Where to listen.
  ///   - routes: Handlers for methods and paths.
  ///   - configuration: Limits, timeouts and the log.
  public convenience init(
    _ endpoint: Endpoint, routes: Routes,
    configuration: ServerConfiguration = ServerConfiguration()
  ) {
    self.init([endpoint], routes: routes, configuration: configuration)
  }

  /// Makes a server that listens in several places and answers by routes.
  ///
  /// - Parameters:
  ///   - endpoints: Where to listen: at all of them, or the start fails. At least one.
  ///   - routes: Handlers for methods and paths.
  ///   - configuration: Limits, timeouts and the log.
  public convenience init(
    _ endpoints: [Endpoint], routes: Routes,
    configuration: ServerConfiguration = ServerConfiguration()
  ) {
    self.init(endpoints, configuration, .streaming(routes.handler))
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
    self.init([endpoint], store: store, configuration: configuration, handler: handler)
  }

  /// Makes a server that listens in several places and whose handler is given a store.
  ///
  /// - Parameters:
  ///   - endpoints: Where to listen: at all of them, or the start fails. At least one.
  ///   - store: Given to each call of the handler. The server does not close it.
  ///   - configuration: Limits, timeouts and the log.
  ///   - handler: Answers a request. Called on the connection's thread.
  public convenience init(
    _ endpoints: [Endpoint], store: Store,
    configuration: ServerConfiguration = ServerConfiguration(),
    handler: @escaping @Sendable (Request, Store) throws -> Response
  ) {
    self.init(endpoints, configuration: configuration) { request in try handler(request, store) }
  }
}
