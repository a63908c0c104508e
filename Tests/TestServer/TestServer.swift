// The server that tests start as a program where an example will not do.

import ArgumentParser
import Freetser
import Logging

@main
struct TestServer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test-server", abstract: "Serves what the tests of deployments ask for.")

  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 0
  @Flag(help: "Listen at the sockets that a service manager passes.") var inherited = false
  @Option(help: "The file to store in.") var db: String

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    var configuration = ServerConfiguration()
    // However slow the machine is that the tests run on, none of them depends on these.
    configuration.newConnectionGrace = .seconds(60)
    configuration.stopLimit = .seconds(60)
    let store = try Store(path: db, tables: ["entries"])
    let endpoints = inherited ? try Endpoint.inherited() : [.tcp(port: port)]
    let server = Server(endpoints, store: store, configuration: configuration, handler: answer)
    try server.run { address in
      Logger(label: "test-server").info("Listening on \(address), storing in \(db)")
    }
    try store.close()
  }
}

@Sendable private func answer(_ request: Request, _ store: Store) throws -> Response {
  let path = request.path
  switch (request.method, path) {
  case (.post, "/trap"):
    // An index out of range, as in anyone's code.
    return .bytes([request.body[request.body.count]])
  case (.post, _) where path.hasPrefix("/entries/"):
    try store.execute { try $0.add("entries", path, request.body) }
    return .text("Created: \(path)\n", status: .created)
  case (.get, _) where path.hasPrefix("/entries/"):
    let entry = try store.execute { try $0.get("entries", path) }
    return entry.map { .bytes($0.value) } ?? .text("Not found\n", status: .notFound)
  default:
    return .text("Hello!\n")
  }
}
