// The server behind a proxy, in the process of the test, which sees what reaches it.

import Freetser
import Logging
import Threads

/// Serves as docs/deploy.md says, and keeps what it saw.
final class BackServer: Sendable {
  typealias Handler = @Sendable (Request, inout RequestBody) throws -> Response

  private let server: Server
  private let seen: Monitor<Seen>

  fileprivate struct Seen {
    var requests: [Request] = []
    var connections = 0
  }

  init(
    at endpoint: Endpoint, _ change: (inout ServerConfiguration) -> Void = { _ in },
    handler: @escaping Handler
  ) throws {
    let seen = Monitor(Seen())
    self.seen = seen
    var configuration = ServerConfiguration()
    configuration.proxies = Proxies(trusted: [.unixSockets], field: .xForwardedFor)
    configuration.logger = Logger(label: "server") { _ in ConnectionCounter(seen: seen) }
    change(&configuration)
    server = Server(
      endpoint, configuration: configuration,
      streaming: { request, body in
        seen.withLock { $0.requests.append(request) }
        return try handler(request, &body)
      })
    try server.start()
  }

  /// The requests that were parsed, in order, without their bodies.
  var requests: [Request] { seen.withLock { $0.requests } }
  /// How many connections came.
  var connections: Int { seen.withLock { $0.connections } }

  /// Returns when everything that came has been handled.
  func stop() { server.stop(within: .seconds(50)) }
}

/// Counts the connections that a server logs.
private struct ConnectionCounter: LogHandler {
  let seen: Monitor<BackServer.Seen>
  var logLevel = Logger.Level.debug
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    guard "\(event.message)".hasPrefix("Connection from ") else { return }
    seen.withLock { $0.connections += 1 }
  }
}
