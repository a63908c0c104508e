// How a server stops: what it finishes, what it does not wait for, and what a second signal does.

import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Stopping", .serialized)
struct StopTests {
  /// Begins a request and returns once the server is in the middle of it, waiting for its body.
  private func beginRequest(_ client: inout WireClient) throws {
    try client.send(
      "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    #expect(try client.receiveResponse().status == 100)
  }

  @Test(
    "A request that has begun is finished, and its connection closed",
    arguments: [SIGTERM, SIGINT])
  func finishes(signal: Int32) throws {
    let example = try RunningExample.start(.quickstart, in: TemporaryDirectory())
    defer { example.process.kill() }
    var idle = try WireClient(to: example.endpoint)
    #expect(try idle.request("GET", "/").status == 200)
    var busy = try WireClient(to: example.endpoint)
    try beginRequest(&busy)

    example.process.send(signal)
    // The end of the idle connection shows that the stop has begun.
    #expect(try idle.hasEnded())
    try busy.send("body")
    let response = try busy.receiveResponse()
    #expect(response.status == 200)
    #expect(response.text == "body")
    #expect(response.head.contains("\nConnection: close\n"))
    #expect(try busy.hasEnded())
    try example.checkStopped()
  }

  /// The server would cut what it waits for in vain, and say so in a warning, which `stop` looks for.
  @Test("Clients that say nothing, or wait between two requests, are not waited for")
  func idleClients() throws {
    // The system holds no connections back on such a socket: once the second is answered, the first is accepted too.
    let directory = try TemporaryDirectory()
    let example = try RunningExample.start(
      .quickstart, ["--unix", directory.file("socket")], in: directory)
    defer { example.process.kill() }
    var silent = try WireClient(to: example.endpoint)
    var idle = try WireClient(to: example.endpoint)
    #expect(try idle.request("GET", "/").status == 200)

    try example.stop()
    #expect(try silent.hasEnded())
    #expect(try idle.hasEnded())
  }

  @Test("A server whose parent had the signals blocked stops all the same")
  func blockedSignals() throws {
    let example = try RunningExample.start(
      .quickstart, in: TemporaryDirectory(), blocking: [SIGINT, SIGTERM])
    defer { example.process.kill() }
    try example.stop()
  }

  @Test(
    "A second signal ends the process at once, as that signal does", arguments: [SIGTERM, SIGINT])
  func secondSignal(signal: Int32) throws {
    let example = try RunningExample.start(.quickstart, in: TemporaryDirectory())
    defer { example.process.kill() }
    var idle = try WireClient(to: example.endpoint)
    #expect(try idle.request("GET", "/").status == 200)
    var busy = try WireClient(to: example.endpoint)
    try beginRequest(&busy)

    example.process.send(SIGTERM)
    #expect(try idle.hasEnded())
    example.process.send(signal)
    let output = try example.process.waitForEnd()
    #expect(output.exit == .signal(signal))
    #expect(!output.text.contains("Server stopped"))
  }
}
