// A server with everything on that it has in production, an access log to a file among it if one is
// named.

import Freetser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct FreetserServer {
  static func main() throws {
    let arguments = CommandLine.arguments
    let durabilities = ["full": Durability.full, "normal": .normal]
    guard arguments.count == 4 || arguments.count == 5,
      let durability = durabilities[arguments.count == 5 ? arguments[4] : "full"]
    else {
      print("usage: freetser-server DATABASE LOG|- FILE [normal|full]")
      exit(2)
    }
    let store = try Store(
      path: arguments[1], tables: ["users", "rows"], durability: durability)
    try fill(store)

    var configuration = ServerConfiguration()
    var lines: LogQueue?
    if arguments[2] != "-" {
      let flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC
      let log = open(arguments[2], flags, 0o644)
      precondition(log >= 0, "cannot write the log")
      let queue = LogQueue(descriptor: log)
      configuration.observers = [AccessLog(to: queue)]
      lines = queue
    }

    var routes = Routes()
    addPages(to: &routes, file: arguments[3])
    try addStoredPages(to: &routes, store)
    let server = Server(
      .tcp(host: "127.0.0.1", port: 0), routes: routes, configuration: configuration)
    try server.run { address in
      print("Listening on \(address)")
      fflush(nil)
    }
    try store.close()
    lines?.stop()
  }
}
