// What all connections of one server share: the settings, the handler, and the memory that bodies may take.

import Logging
import Synchronization

/// Calls the handler.
final class Service: Sendable {
  let configuration: ServerConfiguration
  let bodyBudget: BodyBudget
  let handlerWatch: HandlerWatch
  /// Whether requests are logged. To ask the logger each time costs more than it seems.
  let logsRequests: Bool
  private let handler: Handler
  private let ready = Atomic(false)

  /// How a handler gets the body.
  enum Handler: Sendable {
    /// In the request, read before it is called.
    case whole(@Sendable (Request) throws -> Response)
    /// Beside the request, to read it itself.
    case streaming(@Sendable (Request, inout RequestBody) throws -> Response)
  }

  init(configuration: ServerConfiguration, handler: Handler) {
    self.configuration = configuration
    self.handler = handler
    logsRequests = configuration.logger.logLevel <= .debug
    handlerWatch = HandlerWatch(configuration.logger)
    bodyBudget = BodyBudget(limitInBytes: configuration.maximumBufferedBytes)
  }

  /// See ``Server/isReady``.
  var isReady: Bool {
    get { ready.load(ordering: .relaxed) }
    set { ready.store(newValue, ordering: .relaxed) }
  }

  /// The handler's response.
  ///
  /// - Parameters:
  ///   - request: Its body is empty here.
  ///   - body: The body, of which nothing has been read.
  func respond(to request: inout Request, _ body: inout RequestBody) throws -> Response {
    switch handler {
    case .whole(let respond):
      request.body = try body.readAll()
      try body.limitHandler()
      return try respond(request)
    case .streaming(let respond):
      try body.limitHandler()
      return try respond(request, &body)
    }
  }
}
