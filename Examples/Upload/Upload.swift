// Files that are sent to a page and got back from it: the command line of the example.

import ArgumentParser
import Freetser
import Logging

@main
struct Upload: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upload", abstract: "Takes files through a form, and gives them back.",
    discussion: """
      curl -F title=Cat -F file=@cat.jpg localhost:8000/files   # any size, at constant memory
      curl -OJ localhost:8000/files/…
      """)

  @Option(help: "The address to listen on.") var host = "127.0.0.1"
  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 8000
  @Option(help: "The file to store in what is said about files.") var db = "upload.sqlite"
  @Option(help: "The directory of the files, which must be there.") var directory = "."
  @Option(help: "The largest upload, in bytes.") var limit = 10 << 30

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    let store = try Store(path: db, tables: [.files])
    let shelf = Shelf(store: store, directory: directory)
    let server = Server(.tcp(host: host, port: port), routes: shelf.routes(limit: limit))
    try server.run()
    try store.close()
  }
}
