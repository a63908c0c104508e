// The program: where it stores, where it listens, and how it ends.

import Freetser

@main
struct App {
  static func main() throws {
    defer { LogQueue.shared.stop() }
    let store = try Store(path: "app.sqlite", tables: tables)
    var configuration = ServerConfiguration()
    configuration.observers = [AccessLog()]
    // nginx is before it, and is believed who its clients are.
    configuration.proxies = Proxies(trusted: [.unixSockets], field: .xForwardedFor)
    let server = Server(try endpoints(), routes: routes(store), configuration: configuration)
    try server.run()  // until SIGINT or SIGTERM
    try store.close()
  }

  /// The sockets that systemd passes, or a port to try it out.
  private static func endpoints() throws -> [Endpoint] {
    CommandLine.arguments.contains("--systemd") ? try Endpoint.inherited() : [.tcp(port: 8000)]
  }
}
