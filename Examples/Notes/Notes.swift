// Notes on a page that is the same in every tab: the command line of the example.

import ArgumentParser
import Freetser
import Logging

@main
struct Notes: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notes", abstract: "Serves a page of notes, live in every tab.")

  @Option(help: "The address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 8000
  @Option(help: "A path to listen on as a Unix domain socket instead, behind a proxy.")
  var unix: String?
  @Option(help: "The file to store in.") var db = "notes.sqlite"
  @Option(name: .customLong("public"), help: "The directory of the page's style and script.")
  var assets = "Examples/Notes/Public"
  @Option(help: "What one has to know to see the notes.") var password: String

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    let store = try Store(path: db, tables: NotesApp.tables)
    let app = NotesApp(store: store, password: password)
    var configuration = ServerConfiguration()
    configuration.observers = [AccessLog(), app.activity]
    configuration.proxies = Proxies(trusted: [.unixSockets], field: .xForwardedFor)
    let server = Server(
      unix.map { .unix(path: $0) } ?? .tcp(host: host, port: port),
      routes: try app.routes(assets: assets), configuration: configuration)
    try server.run()
    try store.close()
  }
}
