// A store for programs in any language: the command line of the example.

import ArgumentParser
import Freetser
import Logging

@main
struct KVHTTP: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kv-http",
    abstract: "Serves the tables of a store over HTTP.",
    discussion: """
      curl -X PUT --data-binary 'hello' localhost:8000/notes/a     # 201, ETag: "0"
      curl -i localhost:8000/notes/a                               # hello
      curl -X PUT -H 'If-Match: "0"' --data-binary 'hi' localhost:8000/notes/a
      curl 'localhost:8000/notes?prefix=a&limit=10'                # a page, and where the next begins
      curl -H 'Accept: text/event-stream' localhost:8000/notes     # every change, as it comes
      """)

  @Option(help: "The address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 8000
  @Option(help: "The file to store in.") var db = "kv.sqlite"
  @Option(help: "A table; may be given several times.") var table: [String] = ["notes"]
  @Option(help: "What every request must bring as Authorization: Bearer …; nothing by default.")
  var token: String?

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    let store = try Store(path: db, tables: table.map { Table($0) })
    let server = Server(
      .tcp(host: host, port: port), routes: KVService(store: store, token: token).routes)
    try server.run()
    try store.close()
  }
}
