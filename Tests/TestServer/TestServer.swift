// The server that tests start as a program where an example will not do.

import ArgumentParser
import Freetser
import Logging

@main
struct TestServer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test-server",
    abstract: "Serves what the tests of deployments and attacks ask for.")

  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 0
  @Flag(help: "Listen at the sockets that a service manager passes.") var inherited = false
  @Option(help: "The file to store in.") var db: String
  @Option(help: "How long to wait for a client in the middle of anything, in milliseconds.")
  var patience: Int?
  @Option(help: "How long to wait for a request, in seconds.") var keepAlive = 15
  @Option(help: "How many connections are served at a time.") var connections: Int?
  @Option(help: "How many of them for one address.") var connectionsPerAddress: Int?
  @Option(help: "How many bytes of bodies all requests may hold together.") var bufferedBytes: Int?
  @Option(help: "How long connections may go on after SIGTERM, in seconds.") var stopLimit = 60
  @Flag(help: "Have who comes from 127.0.0.2 begin with a header of the PROXY protocol.")
  var proxyProtocol = false

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    var configuration = ServerConfiguration()
    // However slow the machine is that the tests run on, none of them depends on these.
    configuration.newConnectionGrace = .seconds(60)
    configuration.stopLimit = .seconds(stopLimit)
    configuration.timeouts.keepAlive = .seconds(keepAlive)
    if proxyProtocol { configuration.proxies.trusted = ["127.0.0.2"] }
    if let patience {
      configuration.timeouts.waitInTheMiddle(for: .milliseconds(patience))
      configuration.proxies.headerTimeout = .milliseconds(patience)
    }
    configuration.maximumConnections = connections
    configuration.maximumConnectionsPerAddress = connectionsPerAddress
    if let bufferedBytes { configuration.maximumBufferedBytes = bufferedBytes }
    let store = try Store(path: db, tables: ["entries"])
    let endpoints =
      inherited ? try Endpoint.inherited() : [.tcp(port: port, proxyProtocol: proxyProtocol)]
    let server = Server(
      endpoints, configuration: configuration,
      streaming: { (request, body) in try answer(request, &body, store) })
    try server.run { address in
      Logger(label: "test-server").info("Listening on \(address), storing in \(db)")
    }
    try store.close()
  }
}

extension ServerConfiguration.Timeouts {
  /// Sets the times for what a client has begun: not those between requests, and behind the last.
  fileprivate mutating func waitInTheMiddle(for time: Duration) {
    (head, bodyIdle, body, send) = (time, time, time, time)
  }
}

@Sendable private func answer(
  _ request: Request, _ body: inout RequestBody, _ store: Store
) throws -> Response {
  let path = request.path
  switch (request.method, path) {
  case (.post, "/trap"):
    // An index out of range, as in anyone's code.
    let bytes = try body.readAll()
    return .bytes([bytes[bytes.count]])
  case (.get, "/id"):
    return .text("\(request.id)\n")
  case (.post, _) where path.hasPrefix("/entries/"):
    let value = try body.readAll()
    try store.execute { try $0.add("entries", path, value) }
    return .text("Created: \(path)\n", status: .created)
  case (.get, _) where path.hasPrefix("/entries/"):
    let entry = try store.execute { try $0.get("entries", path) }
    return entry.map { .bytes($0.value) } ?? .text("Not found\n", status: .notFound)
  default:
    return try answerAttacked(request, &body) ?? .text("Hello!\n")
  }
}
