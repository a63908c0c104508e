import FreetserTesting
import StreamSimulation
import Testing
import Threads
import Transport

@testable import Freetser

/// Lines of the access log about answers to requests that were sent ahead.
@Suite struct HeldLinesTests {
  /// A conversation with a server that logs, and how many lines the queue had when each handler was called, and when a
  /// handler asked.
  private func converse(
    _ script: [ScriptedClient.Action], _ format: AccessLog.Format = .text,
    faults: Faults = Faults(), changing change: (inout ServerConfiguration) -> Void = { _ in },
    handler:
      @escaping @Sendable (Request, inout RequestBody, @escaping @Sendable () -> Void) throws
      -> Response = { _, _, _ in .text("done") }
  ) throws -> (lines: [Substring], counts: [Int]) {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    let counts = Monitor<[Int]>([])
    let count: @Sendable () -> Void = { counts.withLock { $0.append(queue.added) } }
    _ = Conversation(
      script,
      changing: {
        $0.observers = [AccessLog(format, to: queue)]
        change(&$0)
      }, faults: faults
    ) { request, body in
      count()
      return try handler(request, &body, count)
    }
    queue.stop()
    return (pipe.drain().split(separator: "\n"), counts.withLock { $0 })
  }

  private func requests(_ paths: some Sequence<String>) -> String {
    paths.map { "GET /\($0) HTTP/1.1\nHost: a\n\n" }.joined()
  }

  private func expect(_ lines: [Substring], toBeAbout paths: [String]) {
    #expect(lines.count == paths.count)
    for (line, path) in zip(lines, paths) { #expect(line.contains("\"GET /\(path) HTTP/1.1\" ")) }
  }

  @Test("Lines about answers that are gathered leave with them, in their order")
  func together() throws {
    let paths = (0..<20).map(String.init)
    let (lines, counts) = try converse([
      .send(requests(paths)), .wait(for: "done"), .send(requests(paths)), .endSending,
    ])
    expect(lines, toBeAbout: paths + paths)
    #expect(counts == Array(repeating: 0, count: 20) + Array(repeating: 20, count: 20))
  }

  @Test("They wait neither for the rest of a request, nor for a body, nor for a stream")
  func goWithAnswers() throws {
    let upload = "POST /upload HTTP/1.1\nHost: a\nContent-Length: 2\n\n"
    let script: [ScriptedClient.Action] = [
      .send(requests(["a", "b"]) + "GET /c HTTP/1.1\n"), .wait(for: "done"), .wait(for: "done"),
      .send("Host: a\n\n" + upload), .wait(for: "done"),
      .send("xx" + requests(["written"])), .wait(for: "written"), .endSending,
    ]
    let (lines, counts) = try converse(
      script,
      handler: { request, body, count in
        switch request.path {
        case "/upload":
          _ = try body.readAll()
          count()
        case "/written":
          return .stream("text/plain") {
            count()
            try $0.write("written")
          }
        default: break
        }
        return .text("done")
      })
    #expect(lines.count == 5)
    // The upload's, when its handler is called and when it has the body; then those of what is written.
    #expect(counts == [0, 0, 2, 2, 3, 3, 4])
  }

  @Test("Many of them leave before their answers: 64, or 16 KiB")
  func bounded() throws {
    let paths = (0..<100).map(String.init)
    let (lines, counts) = try converse([.send(requests(paths)), .endSending])
    expect(lines, toBeAbout: paths)
    #expect(counts == paths.indices.map { $0 <= 64 ? 0 : 64 })

    // Each quote takes six bytes of a line, so that the requests of 16 KiB of lines come with one receive.
    let long = (10..<80).map { "\($0)\(String(repeating: "\"", count: 20))" }
    let (longLines, longCounts) = try converse([.send(requests(long)), .endSending], .json)
    try #require(longLines.count == 70)
    let sizes = longLines.map { $0.utf8.count + 1 }
    let held = sizes.indices.first { sizes[..<$0].reduce(0, +) >= 16_384 } ?? 0
    #expect((10..<64).contains(held))
    #expect(longCounts[held] == 0 && longCounts[held + 1] == held)
  }

  @Test("Each log has its own lines, in their order")
  func severalLogs() throws {
    let (other, paths) = (try Pipe(), (0..<5).map(String.init))
    let queue = LogQueue(descriptor: other.writeEnd)
    let (lines, _) = try converse(
      [.send(requests(paths)), .endSending],
      changing: { $0.observers.append(AccessLog(to: queue)) })
    queue.stop()
    expect(lines, toBeAbout: paths)
    expect(other.drain().split(separator: "\n"), toBeAbout: paths)
  }

  @Test("A client that is gone, or breaks a rule, leaves the lines of what it was answered")
  func ends() throws {
    let paths = ["a", "b", "c"]
    var faults = Faults()
    // The first step receives the requests; the second sends the answers.
    faults.events = [2: .reset]
    let (lines, _) = try converse([.send(requests(paths))], faults: faults)
    expect(lines, toBeAbout: paths)
    #expect(lines.map { $0.hasSuffix(" cut") } == [false, false, true])
    let (broken, _) = try converse([.send(requests(paths) + "no request\n\n"), .wait(for: "400")])
    expect(broken.dropLast(), toBeAbout: paths)
    #expect(broken.last?.contains("\"-\" 400 ") == true)
  }

  @Test("They do not wait for a client that does not take its answers")
  func slowClient() throws {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    var configuration = ServerConfiguration()
    configuration.observers = [AccessLog(to: queue)]
    configuration.timeouts.send = .seconds(3_600)
    let service = Service(configuration: configuration, handler: .whole { _ in .text("done") })
    let (server, client) = MemoryStream.pair(toClient: 10)
    let thread = try Thread.start(name: "server") {
      var loop = ConnectionLoop(server, service)
      loop.run()
    }
    // Of the answers it gets ten bytes, and the third request never comes whole.
    let bytes = Array((requests(["a", "b"]) + "GET").replacing("\n", with: "\r\n").utf8)
    try client.sendAll(bytes.span, Span(), within: .seconds(60))
    let deadline = MonotonicTime.now() + .seconds(60)
    while queue.added < 2, .now() < deadline { queue.flush(within: .zero) }
    #expect(queue.added == 2)
    client.close()
    thread.join()
    queue.stop()
    expect(pipe.drain().split(separator: "\n").prefix(2).map { $0 }, toBeAbout: ["a", "b"])
  }

  @Test(
    "They come before a connection that is taken over, and before a handler whose time is limited")
  func others() throws {
    let upgrade = "GET /taken HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n"
    let script: [ScriptedClient.Action] = [
      .send(requests(["a", "b"]) + upgrade), .wait(for: "taken"), .endSending,
    ]
    let (lines, counts) = try converse(
      script,
      handler: { request, _, count in
        if request.path != "/taken" { return .text("done") }
        return .switchingProtocols(to: "x") {
          count()
          try $0.send(Array("taken".utf8))
        }
      })
    #expect(lines.count == 3 && counts == [0, 0, 0, 2])

    let (limited, limitedCounts) = try converse(
      [.send(requests(["a", "b", "c"])), .endSending],
      changing: { $0.timeouts.handler = .seconds(60) })
    expect(limited, toBeAbout: ["a", "b", "c"])
    #expect(limitedCounts == [0, 1, 2])
  }

  @Test("A queue that is stopped drops them, and counts each")
  func dropped() throws {
    let pipe = try Pipe()
    let queue = LogQueue(descriptor: pipe.writeEnd)
    queue.stop()
    var held = HeldLines()
    let line = Array("line\n".utf8)
    for _ in 0..<3 { held.append(upTo: 5, for: queue) { $0.append(copying: line.span) } }
    held.release()
    #expect(queue.dropped == 3)
    held.release()
    #expect(queue.dropped == 3 && pipe.drain().isEmpty)
  }
}
