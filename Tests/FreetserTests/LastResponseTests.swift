// The last response of a connection reaches a client that is slow to take it, whatever else the client sends meanwhile.
//
// A close that leaves received bytes unread is a reset, and so is the answer to bytes that come after a close. A reset
// destroys what the client's system has not taken yet.

import Freetser
import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("The last response", .serialized)
struct LastResponseTests {
  /// More than the systems at both ends hold for a client that does not read.
  private static let size = 24 << 20
  private static let medium = 2_000_000

  private func server(
    _ change: (inout ServerConfiguration) -> Void = { _ in }
  ) throws -> RunningServer {
    let body = [UInt8](repeating: 0x62, count: Self.size)
    return try RunningServer(.tcp(port: 0), change) {
      .bytes($0.path == "/medium" ? Array(body.prefix(Self.medium)) : body)
    }
  }

  private let large = "GET /large HTTP/1.1\nHost: a\n\n"

  /// Stops the server on a thread of its own.
  private func stop(_ server: RunningServer) throws {
    let server = server.server
    try Thread.startDetached(name: "stop") { server.stop(within: .seconds(60)) }
    let deadline = ContinuousClock.now + .seconds(60)
    while server.isReady, ContinuousClock.now < deadline { sched_yield() }
  }

  @Test("A stop leaves a request unread that was sent ahead, and the response before it whole")
  func sentAhead() throws {
    let server = try server()
    let client = try server.connect()
    try client.send(large)
    _ = try client.receive(through: "\n\n")
    try client.send(large)
    try stop(server)
    try client.drop(Self.size)
    #expect(try client.isClosedSilently())
  }

  @Test("A stop waits for a client that takes its time, and sends a stray byte meanwhile")
  func slow() throws {
    let progress = Monitor((isHandling: false, mayAnswer: false))
    let server = try RunningServer { _ in
      progress.withLock { $0.isHandling = true }
      progress.wakeAll()
      _ = progress.wait(until: .now() + .seconds(60)) { $0.mayAnswer ? () : nil }
      return .bytes([UInt8](repeating: 0x62, count: Self.size))
    }
    let client = try server.connect()
    try client.send(large)
    _ = progress.wait(until: .now() + .seconds(60)) { $0.isHandling ? () : nil }
    try stop(server)
    progress.withLock { $0.mayAnswer = true }
    progress.wakeAll()
    _ = try client.receive(through: "\n\n")
    for _ in 1...10 {
      try client.send("\n")
      usleep(20_000)
    }
    try client.drop(Self.size)
    #expect(try client.isClosedSilently())
  }

  @Test("A connection that is closed as idle was not idle while its client took a response")
  func idle() throws {
    let server = try server { $0.timeouts.keepAlive = .milliseconds(20) }
    let client = try server.connect()
    // The response finds room in the server's system, but not in the client's: who sent it is done with it.
    try setReceiveBuffer(of: client, to: 65_536)
    try client.send("GET /medium HTTP/1.1\nHost: a\n\n")
    _ = try client.receive(through: "\n\n")
    usleep(200_000)
    try client.send("GET /medium HTTP/1.1\nHost: a\n\n")
    try client.drop(Self.medium)
    #expect(try client.isClosedSilently())
  }

  private func setReceiveBuffer(of client: SocketClient, to size: Int32) throws {
    var size = size
    let result = unsafe setsockopt(
      client.socket.descriptor.number, SOL_SOCKET, SO_RCVBUF, &size,
      socklen_t(MemoryLayout<Int32>.size))
    try #require(result == 0)
  }
}
