// The quick start: a text, a store, and a body given back.

import ArgumentParser
import Freetser
import Logging

@main
struct Quickstart: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quickstart", abstract: "Serves the quick start's three pages.")

  @Option(help: "The address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 8000
  @Option(help: "A path to listen on as a Unix domain socket instead.") var unix: String?
  @Option(help: "The file to store in.") var db = "quickstart.sqlite"

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    let store = try Store(path: db, tables: ["users"])
    let endpoint = unix.map { Endpoint.unix(path: $0) } ?? .tcp(host: host, port: port)
    let server = Server(endpoint, store: store) { request, store in
      switch (request.method, request.path) {
      case (.get, "/"), (.head, "/"):
        return .text("Hello world!")
      case (.get, "/user"):
        return .text(try store.execute(getOrCreate))
      case (.post, "/echo"):
        return .bytes(request.body, contentType: request.fields[.contentType] ?? octets)
      default:
        return .text("Not found!", status: .notFound)
      }
    }
    try server.run { address in
      Logger(label: "quickstart").info("Listening on \(address), storing in \(db)")
    }
    try store.close()
  }
}

private let octets = "application/octet-stream"

@Sendable private func getOrCreate(_ storage: borrowing Storage) throws -> String {
  let key = "my_user_email"
  if let entry = try storage.get("users", key) {
    return "Found: \(key), counter=\(entry.counter)\n"
  }
  try storage.add("users", key, "my.user@freetser.com")
  return "Created: \(key)\n"
}
