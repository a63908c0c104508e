// A socket that outlives servers: what a restart, a crash and a service manager mean for clients.

import Foundation
import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Restarts with an inherited listener", .serialized)
struct RestartTests {
  private func start(
    _ listener: HeldListener, in directory: TemporaryDirectory
  ) throws -> RunningExample {
    try RunningExample.start(
      .testServer, ["--inherited"], in: directory, passing: [listener.number])
  }

  @Test("A server replaces the one before it, under load, and no request is lost")
  func replaced() throws {
    let listener = try HeldListener()
    var server = try start(listener, in: TemporaryDirectory())
    defer { server.process.kill() }
    let load = try Load(on: listener.endpoint, [.connectionForEachRequest, .keptConnection])
    for _ in 1...5 {
      load.wait(forAnswers: 300)
      let next = try start(listener, in: TemporaryDirectory())
      load.wait(forAnswers: 300)
      let previous = server
      server = next
      try previous.stop()
    }
    load.wait(forAnswers: 300)
    let result = load.finish()
    #expect(result.failures.isEmpty)
    #expect(result.answered >= 3_300)
    try server.stop()
  }

  @Test(
    "A server is stopped and started again, under load: who connects between waits, and no entry is lost"
  )
  func restarted() throws {
    let listener = try HeldListener()
    let directory = try TemporaryDirectory()
    var server = try start(listener, in: directory)
    defer { server.process.kill() }
    let load = try Load(on: listener.endpoint)
    for _ in 1...5 {
      load.wait(forAnswers: 300)
      try server.stop()
      // The store closed behind the last write: what SQLite keeps beside an open file is gone.
      #expect(!FileManager.default.fileExists(atPath: directory.file("store.sqlite-wal")))
      let waiting = try sendRequest(to: listener)
      server = try start(listener, in: directory)
      #expect(try answer(to: waiting).status == 200)
    }
    load.wait(forAnswers: 300)
    let result = load.finish()
    #expect(result.failures.isEmpty)
    #expect(result.entries.count > 0)
    try expect(result.entries, at: listener)
    try server.stop()
  }

  @Test(
    "A trap in a handler ends the process; who connects waits for the next one, which has every entry"
  )
  func trapped() throws {
    let listener = try HeldListener()
    let directory = try TemporaryDirectory()
    let first = try start(listener, in: directory)
    defer { first.process.kill() }
    var client = try WireClient(to: listener.endpoint)
    let entries = (1...20).map { "/entries/\($0)" }
    for path in entries {
      #expect(try client.request("POST", path, body: "value of \(path)").status == 201)
    }
    #expect((try? client.request("POST", "/trap")) == nil)
    let exit = try #require(try first.process.waitForEnd().exit)
    #expect({ if case .signal = exit { true } else { false } }(), "\(exit)")

    let waiting = try sendRequest(to: listener)
    let second = try start(listener, in: directory)
    defer { second.process.kill() }
    #expect(try answer(to: waiting).status == 200)
    try expect(entries, at: listener)
    try second.stop()
  }

  @Test("systemd passes a Unix domain socket, whose file stays", .needs(.socketActivate))
  func systemd() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("socket")
    // It starts the server when the first client connects.
    let process = try ChildProcess(
      #require(Tool.socketActivate.path),
      ["-l", path, Example.testServer.path, "--inherited", "--db", directory.file("store.sqlite")])
    defer { process.kill() }
    try process.wait(for: "the socket") { $0.errors.contains("Listening on") ? () : nil }
    var client = try WireClient(to: .unix(path: path))
    #expect(try client.request("GET", "/").status == 200)
    process.send(SIGTERM)
    let output = try process.waitForEnd()
    #expect(output.exit == .status(0))
    #expect(output.text.contains("Listening on unix:\(path), storing in"))
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test("A service manager is told when the server is ready, and when it stops")
  func notified() throws {
    let directory = try TemporaryDirectory()
    let manager = try NotifySocket(directory.file("notify"))
    let server = try RunningExample.start(
      .testServer, in: directory, environment: ["NOTIFY_SOCKET": manager.path])
    defer { server.process.kill() }
    #expect(try manager.nextMessage() == "READY=1")
    try server.stop()
    #expect(try manager.nextMessage() == "STOPPING=1")
  }

  @Test("A service manager that cannot be told is a warning, and the server serves")
  func deafManager() throws {
    let directory = try TemporaryDirectory()
    let server = try RunningExample.start(
      .testServer, in: directory, environment: ["NOTIFY_SOCKET": directory.file("notify")])
    defer { server.process.kill() }
    var client = try WireClient(to: server.endpoint)
    #expect(try client.request("GET", "/").status == 200)
    server.process.send(SIGTERM)
    let output = try server.process.waitForEnd()
    #expect(output.exit == .status(0))
    #expect(output.text.contains("The service manager cannot be told READY=1: "))
  }

  /// A request of a client that nobody may be there to serve yet.
  private func sendRequest(to listener: HeldListener) throws -> Handoff<WireClient> {
    let client = try WireClient(to: listener.endpoint)
    try client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    return Handoff(client)
  }

  private func answer(to waiting: Handoff<WireClient>) throws -> WireResponse {
    guard var client = waiting.take() else { preconditionFailure("taken once") }
    return try client.receiveResponse()
  }

  private func expect(_ entries: [String], at listener: HeldListener) throws {
    var client = try WireClient(to: listener.endpoint)
    var lost: [String] = []
    for path in entries where try client.request("GET", path).text != "value of \(path)" {
      lost.append(path)
    }
    #expect(lost.isEmpty)
  }
}

/// Where a service manager takes notifications.
private final class NotifySocket: Sendable {
  let path: String
  private let socket: FileDescriptor

  init(_ path: String) throws {
    self.path = path
    socket = try makeSocket(family: AF_UNIX, type: datagramType)
    #expect(bindSocket(socket, to: try RawAddress(.unix(path: path))) == 0)
    try socket.setReceiveTimeout(ChildProcess.timeLimit)
  }

  func nextMessage() throws -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let (number, capacity) = (socket.number, bytes.count)
    let count = try retrying("recv") { () in unsafe recv(number, &bytes, capacity, 0) }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
