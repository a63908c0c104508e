// A conversation with the real server, in virtual time: minutes pass at once, and to the nanosecond.

import Freetser
import Logging
import StreamSimulation
import Testing
import Threads

@testable import Freetser

struct Conversation {
  /// What the client sent, saw and when.
  let client: ScriptedClient
  let wire: SimulatedWire
  let log = LogRecorder()
  /// How old the connection was when the server closed it.
  private(set) var length = Duration.zero

  /// Speaks until the server closes.
  ///
  /// - Parameters:
  ///   - script: What the client does.
  ///   - change: What is to be other than by default; all timeouts are 1,000 hours.
  ///   - faults: What goes wrong.
  ///   - capacity: How many bytes are on their way to the client before the server must wait.
  ///   - stop: When the server is stopped, and when it then cuts.
  ///   - handler: Answers.
  init(
    _ script: [ScriptedClient.Action],
    changing change: (inout ServerConfiguration) -> Void = { _ in },
    faults: Faults = Faults(), capacity: Int = 65_536,
    stop: (after: Duration, cuttingAfter: Duration)? = nil,
    handler: @escaping @Sendable (Request, inout RequestBody) throws -> Response
  ) {
    var configuration = ServerConfiguration()
    configuration.logger = log.logger
    configuration.logger.logLevel = .debug
    configuration.timeouts.setAll(to: .seconds(3_600_000))
    change(&configuration)
    client = ScriptedClient(script)
    wire = SimulatedWire(to: client, faults, capacity: capacity)
    if let stop { wire.planStop(after: stop.after, cuttingAfter: stop.cuttingAfter) }
    do {
      let stream = SimulatedStream(on: wire, receiveTimeout: configuration.timeouts.keepAlive)
      var loop = ConnectionLoop(
        stream, Service(configuration: configuration, handler: .streaming(handler)))
      loop.run()
    }
    length = wire.age
    wire.finish()
    #expect(wire.findings.isEmpty)
  }

  /// The statuses of the responses that came, interim ones too, wherever they begin.
  var statuses: [Int] {
    client.text.matches(of: /HTTP\/1\.1 (\d{3})/).compactMap { Int($0.1) }
  }
}

extension ServerConfiguration.Timeouts {
  mutating func setAll(to time: Duration) {
    (head, bodyIdle, body, keepAlive, send, linger) = (time, time, time, time, time, time)
  }
}
