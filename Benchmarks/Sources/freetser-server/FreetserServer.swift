// The quick start's pages with everything on that a server has in production, an access log to a file among it.

import Freetser
import Logging

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct FreetserServer {
  static func main() throws {
    guard CommandLine.arguments.count == 3 else {
      print("usage: freetser-server DATABASE LOG")
      exit(2)
    }
    let store = try Store(path: CommandLine.arguments[1], tables: ["users"])
    // So that whatever is measured finds what it looks for.
    _ = try store.execute(getOrCreate)

    var configuration = ServerConfiguration()
    let log = open(CommandLine.arguments[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    precondition(log >= 0, "cannot write the log")
    // The line a request is a debug line.
    let lines = LogQueue(level: .debug, descriptor: log)
    configuration.logger = Logger(label: "freetser.server", factory: lines.makeHandler)

    let server = Server(
      .tcp(host: "127.0.0.1", port: 0), store: store, configuration: configuration
    ) { request, store in
      switch (request.method, request.path) {
      case (.get, "/"): return .text("Hello world!")
      case (.get, "/get"): return .text(try store.read(get) ?? "Missing: \(key)\n")
      case (.get, "/found"): return .text(try store.read(get) ?? store.execute(getOrCreate))
      case (.get, "/user"): return .text(try store.execute(getOrCreate))
      default: return .text("Not found!", status: .notFound)
      }
    }
    try server.run { address in
      print("Listening on \(address)")
      fflush(nil)
    }
    try store.close()
    lines.stop()
  }
}

private let key = "my_user_email"

private func get(_ snapshot: borrowing Snapshot) throws -> String? {
  try snapshot.get("users", key).map { "Found: \(key), counter=\($0.counter)\n" }
}

@Sendable private func getOrCreate(_ storage: borrowing Storage) throws -> String {
  if let entry = try storage.get("users", key) {
    return "Found: \(key), counter=\(entry.counter)\n"
  }
  try storage.add("users", key, "my.user@freetser.com")
  return "Created: \(key)\n"
}
