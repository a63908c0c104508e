// A server that listens in several places: all of them, or none.

import Freetser
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Several listeners", .serialized)
struct SeveralListenersTests {
  private func get(_ address: Address) throws -> String {
    let client = try SocketClient(address)
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    return try client.receive().text
  }

  @Test("One server, two ports and a Unix domain socket: each answers, and each is told")
  func several() throws {
    let path = try makeTemporaryPath(suffix: ".sock")
    let endpoints: [Endpoint] = [.tcp(port: 0), .unix(path: path), .tcp(port: 0)]
    let server = try RunningServer(endpoints) { .text("to \($0.peer.host ?? "a path")") }
    let addresses = server.server.addresses
    #expect(server.server.endpoints == endpoints)
    #expect(server.address == addresses[0])
    #expect(addresses.count == 3 && addresses[1] == .unix(path: path))
    #expect(Set(addresses).count == 3)
    #expect(try addresses.map(get) == ["to 127.0.0.1", "to a path", "to 127.0.0.1"])
    #expect(
      server.log.lines.prefix(3) == addresses.map { "info Server listening on \($0)" }[...])
  }

  @Test("A stop closes all of them, and a stopped server has no address")
  func stop() throws {
    let server = try RunningServer([.tcp(port: 0), .tcp(port: 0)]) { _ in .text("ok") }
    let addresses = server.server.addresses
    let idle = try addresses.map { address in
      let client = try SocketClient(address)
      // A connection that nobody has accepted yet would be reset.
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().text == "ok")
      return client
    }
    server.server.stop(within: .seconds(60))
    for client in idle { #expect(try client.isClosedSilently()) }
    for address in addresses { #expect(throws: (any Error).self) { try SocketClient(address) } }
    #expect(server.server.addresses.isEmpty)
    try server.server.start()
    #expect(try server.server.addresses.map(get) == ["ok", "ok"])
  }

  @Test("All or none: where one place is taken, the others are closed again")
  func allOrNone() async {
    // In a process of its own: a program that another test starts has this one's listeners too, until its exec.
    await #expect(processExitsWith: .success) {
      let other = try RunningServer { _ in .text("other") }
      let taken = try #require(other.address.port)
      let path = try makeTemporaryPath(suffix: ".sock")
      let log = LogRecorder()
      var configuration = ServerConfiguration()
      configuration.logger = log.logger
      let endpoints: [Endpoint] = [.unix(path: path), .tcp(port: taken), .tcp(port: 0)]
      let server = Server(endpoints, configuration: configuration) { _ in .text("never") }
      #expect(throws: TransportError.addressInUse(.tcp(port: taken))) { try server.start() }
      #expect(throws: (any Error).self) { try SocketClient(.unix(path: path)) }
      #expect(unsafe access(path, F_OK) != 0)
      #expect(server.addresses.isEmpty && log.lines.isEmpty)

      other.server.stop()
      try server.start()  // nothing is left of the attempt that is in the way of another
      #expect(server.addresses.count == 3)
      server.stop()
    }
  }

  @Test("A server with a store listens in several places too")
  func store() throws {
    let store = try Store.inMemory(tables: ["counts"])
    var configuration = ServerConfiguration()
    configuration.logger = LogRecorder().logger
    let server = Server(
      [.tcp(port: 0), .tcp(port: 0)], store: store, configuration: configuration
    ) { _, store in
      .text("\(try store.execute { try $0.listKeys("counts").count })")
    }
    try server.start()
    #expect(try server.addresses.map(get) == ["0", "0"])
    server.stop()
    try store.close()
  }

  @Test("A server listens somewhere")
  func none() async {
    await #expect(processExitsWith: .failure) {
      _ = Server([Endpoint]()) { _ in .text("never") }
    }
  }
}
