// The application that Python's freetser is tested with, answer for answer, so that its tests pass here too.

import ArgumentParser
import Freetser
import Logging

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct StressTest: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stress-test", abstract: "Serves the application that freetser is tested with.")

  @Option(help: "The port to listen on; 0 lets the system choose.") var port: UInt16 = 8020
  @Option(help: "The file to store in.") var db = "db.sqlite"
  @Option(help: "The oldest version of HTTP to serve: 1.0 or 1.1.") var minimumVersion = "1.0"

  func validate() throws {
    guard ["1.0", "1.1"].contains(minimumVersion) else {
      throw ValidationError("--minimum-version is 1.0 or 1.1")
    }
  }

  func run() throws {
    LoggingSystem.bootstrap(LogQueue.shared.makeHandler)
    defer { LogQueue.shared.stop() }

    var configuration = ServerConfiguration()
    configuration.minimumVersion = minimumVersion == "1.1" ? .http11 : .http10
    let store = try Store(path: db, tables: [.users], durability: .normal)
    let server = Server(
      .tcp(port: port), store: store, configuration: configuration, handler: answer)
    try server.run { address in
      Logger(label: "stress-test").info("Listening on \(address), storing in \(db)")
    }
    try store.close()
  }
}

extension Table {
  fileprivate static let users: Table = "USERS"
}

@Sendable private func answer(_ request: Request, _ store: Store) throws -> Response {
  let path = request.path
  if path.hasPrefix("/stress-test/") {
    let id = String(path.split(separator: "/", omittingEmptySubsequences: false)[2])
    switch request.method {
    case .get: return .text(try store.execute { try getOrCreate(id, in: $0) })
    case .post: return try createOrUpdate(id, to: request.body, in: store)
    case .delete: return try delete(id, in: store)
    default: break
    }
  } else if path == "/items" {
    let keys = try store.execute { try $0.listKeys(.users) }
    return .text("Items: \(keys.count)\n\(keys.prefix(10).joined(separator: ", "))\n")
  }
  return .text(
    """
    Hello from freetser!
    Thread: \(currentThreadName())
    Method: \(request.method)
    Path: \(request.target)
    Body length: \(request.body.count) bytes

    """)
}

private func getOrCreate(_ id: String, in storage: borrowing Storage) throws -> String {
  if let entry = try storage.get(.users, id) {
    return "Found: \(id), counter=\(entry.counter)\n"
  }
  try storage.add(.users, id, "item-\(id)")
  return "Created: \(id)\n"
}

private func createOrUpdate(_ id: String, to body: [UInt8], in store: Store) throws -> Response {
  let value = body.isEmpty ? Array("item-\(id)".utf8) : body
  return try store.execute { storage in
    guard let entry = try storage.get(.users, id) else {
      try storage.add(.users, id, value)
      return .text("Created: \(id)\n")
    }
    guard try storage.tryUpdate(.users, id, value, ifCounter: entry.counter) else {
      return .text("Update conflict: \(id)\n", status: .conflict)
    }
    return .text("Updated: \(id)\n")
  }
}

private func delete(_ id: String, in store: Store) throws -> Response {
  try store.execute { try $0.delete(.users, id) }
    ? .text("Deleted: \(id)\n") : .text("Not found: \(id)\n", status: .notFound)
}

private func currentThreadName() -> String {
  var name = [CChar](repeating: 0, count: 64)
  let capacity = name.count
  _ = unsafe pthread_getname_np(pthread_self(), &name, capacity)
  return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
