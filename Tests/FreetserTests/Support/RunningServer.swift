// A server on a port of its own, and what it logged.

import Freetser
import Logging
import Threads

final class RunningServer {
  let server: Server
  let address: Address
  let log = LogRecorder()

  convenience init(
    _ endpoint: Endpoint = .tcp(port: 0), _ change: (inout ServerConfiguration) -> Void = { _ in },
    handler: @escaping @Sendable (Request) throws -> Response
  ) throws {
    try self.init([endpoint], change, handler: handler)
  }

  init(
    _ endpoints: [Endpoint], _ change: (inout ServerConfiguration) -> Void = { _ in },
    handler: @escaping @Sendable (Request) throws -> Response
  ) throws {
    var configuration = Self.configuration(log)
    change(&configuration)
    server = Server(endpoints, configuration: configuration, handler: handler)
    address = try server.start()
  }

  init(
    _ change: (inout ServerConfiguration) -> Void = { _ in },
    streaming handler: @escaping @Sendable (Request, inout RequestBody) throws -> Response
  ) throws {
    var configuration = Self.configuration(log)
    change(&configuration)
    server = Server(.tcp(port: 0), configuration: configuration, streaming: handler)
    address = try server.start()
  }

  /// No client is too slow, unless the test sets a time: on a busy machine each may be.
  private static func configuration(_ log: LogRecorder) -> ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.logger = log.logger
    let linger = configuration.timeouts.linger
    configuration.timeouts.setAll(to: .seconds(600))
    configuration.timeouts.linger = linger
    // Clients that say nothing are accepted in their order, and at once.
    configuration.listener.deferAccept = false
    return configuration
  }

  deinit {
    server.stop(within: .zero)
  }

  func connect() throws -> SocketClient {
    try SocketClient(address)
  }
}

/// Keeps log lines for a test to look at.
final class LogRecorder: Sendable {
  private let recorded = Monitor<[String]>([])

  var lines: [String] { recorded.withLock { $0 } }

  /// Waits for so many lines that begin like this.
  ///
  /// - Returns: Whether they came; a test that waits in vain has failed.
  func hasRecorded(_ start: String, times: Int = 1) -> Bool {
    let found = recorded.wait(until: .now() + .seconds(60)) { lines in
      lines.count { $0.hasPrefix(start) } >= times ? true : nil
    }
    return found ?? false
  }

  var logger: Logger {
    Logger(label: "test") { _ in Handler(recorder: self) }
  }

  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      recorder.recorded.withLock { $0.append("\(event.level) \(event.message)") }
      recorder.recorded.wakeAll()
    }
  }
}
