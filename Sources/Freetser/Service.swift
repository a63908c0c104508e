// What all connections of one server share: the settings and the handler.

import Logging

/// Calls the handler, and answers for it when it throws.
final class Service: Sendable {
  let configuration: ServerConfiguration
  let handler: @Sendable (Request) throws -> Response

  init(
    configuration: ServerConfiguration, handler: @escaping @Sendable (Request) throws -> Response
  ) {
    self.configuration = configuration
    self.handler = handler
  }

  /// The handler's response, or 500 if it throws; the client is not told why, the log is.
  func respond(to request: Request) -> Response {
    do {
      return try handler(request)
    } catch {
      configuration.logger.error("Handler error: \(request.method) \(request.path): \(error)")
      return Refusal.internalServerError.response
    }
  }
}
