// Handlers that take longer than they may: who answers, what becomes of what they give, and that others are left alone.

import Foundation
import Freetser
import Testing
import Threads

@Suite("The time of handlers", .serialized)
struct HandlerTimeTests {
  /// Holds handlers until the test lets them go.
  private final class Gate: Sendable {
    private let isOpen = Monitor(false)

    func wait() { _ = isOpen.wait(until: .now() + .seconds(60)) { $0 ? true : nil } }

    func open() {
      isOpen.withLock { $0 = true }
      isOpen.wakeAll()
    }
  }

  private let gate = Gate()
  private static let late = "503 Error: Service Unavailable: No answer in time\n"

  /// Answers `/slow` when the gate opens, and all else at once.
  private func server(limit: Duration = .milliseconds(50)) throws -> RunningServer {
    let gate = gate
    return try RunningServer(.tcp(port: 0), { $0.timeouts.handler = limit }) { request in
      if request.path == "/slow" { gate.wait() }
      return .text(request.path)
    }
  }

  @Test("A handler that is overdue is answered for with 503, and what it gives is thrown away")
  func overdue() throws {
    let server = try server()
    for method in ["GET", "HEAD"] {
      let client = try server.connect()
      try client.send("\(method) /slow HTTP/1.1\nHost: a\n\n")
      let answer = try client.receiveToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\n"))
      #expect(answer.contains("\nConnection: close\n"))
      #expect(answer.hasSuffix(method == "HEAD" ? "\n\n" : Self.late))
    }
    #expect(
      server.log.hasRecorded("warning Handler overdue: the connection of 127.0.0.1:", times: 2))
    gate.open()
    #expect(server.log.hasRecorded("warning Handler overdue: GET /slow"))
    #expect(server.log.hasRecorded("warning Handler overdue: HEAD /slow"))
  }

  @Test("Whoever answers in time is left alone, however long the connection lives")
  func inTime() throws {
    let server = try server()
    let client = try server.connect()
    for _ in 1...3 {
      try client.send("GET /quick HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().text == "/quick")
      // Another's time is over: so would be the first one's.
      let other = try server.connect()
      try other.send("GET /slow HTTP/1.1\nHost: a\n\n")
      #expect(try other.receive().status == 503)
    }
    gate.open()
  }

  @Test("What was sent ahead is answered in order, the one that is overdue last")
  func order() throws {
    let server = try server()
    let client = try server.connect()
    try client.send(
      ["/1", "/2", "/slow", "/3"].map { "GET \($0) HTTP/1.1\nHost: a\n\n" }.joined())
    #expect(try client.receive().text == "/1")
    #expect(try client.receive().text == "/2")
    #expect(try client.receive().text == Self.late)
    gate.open()
    #expect(try client.isClosedSilently())
  }

  @Test("A response that is still being written is cut, so that it is seen not to be whole")
  func writing() throws {
    let gate = gate
    let server = try RunningServer({ $0.timeouts.handler = .milliseconds(50) }) { _, _ in
      .stream("text/plain") { body in
        try body.write("first")
        try body.flush()
        gate.wait()
        try body.write("last")
      }
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\n")
    let answer = try client.receiveToEnd()
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\n"))
    #expect(answer.hasSuffix("\n5\nfirst"), "neither the last piece nor the last chunk")
    gate.open()
  }

  @Test("The time goes on while a handler waits for a body")
  func body() throws {
    let server = try RunningServer({ $0.timeouts.handler = .milliseconds(50) }) { _, body in
      .bytes(try body.readAll())
    }
    let client = try server.connect()
    try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\nx")
    #expect(try client.receive().text == Self.late)
    #expect(try client.isClosedSilently())
  }

  @Test("A handler may give itself more time, or less")
  func ownTime() throws {
    let gate = gate
    let server = try RunningServer({ $0.timeouts.handler = .milliseconds(50) }) { request, body in
      body.timeouts.handler =
        request.path == "/long" ? nil : .milliseconds(request.path == "/short" ? 10 : 500_000)
      gate.wait()
      return .text("done")
    }
    let patient = try ["/long", "/longer"].map { path in
      let client = try server.connect()
      try client.send("GET \(path) HTTP/1.1\nHost: a\n\n")
      return client
    }
    for _ in 1...3 {
      let client = try server.connect()
      try client.send("GET /short HTTP/1.1\nHost: a\n\n")
      #expect(try client.receive().status == 503)
    }
    gate.open()
    for client in patient { #expect(try client.receive().text == "done") }
  }

  @Test("A connection that was taken over has no deadline")
  func takenOver() throws {
    let gate = gate
    let server = try RunningServer(.tcp(port: 0), { $0.timeouts.handler = .milliseconds(50) }) {
      request in
      guard request.method == .get else { return .connected { try $0.send([UInt8]("hi".utf8)) } }
      gate.wait()
      return .text("")
    }
    let tunnel = try server.connect()
    try tunnel.send("CONNECT a:80 HTTP/1.1\nHost: a\n\n")
    let slow = try server.connect()
    try slow.send("GET / HTTP/1.1\nHost: a\n\n")
    #expect(try slow.receive().status == 503)
    #expect(try tunnel.receiveToEnd().hasSuffix("\n\nhi"))
    gate.open()
  }

  @Test("Handlers around their deadline: each client gets one answer, and one only")
  func races() throws {
    let server = try RunningServer(.tcp(port: 0), { $0.timeouts.handler = .milliseconds(5) }) { _ in
      usleep(UInt32.random(in: 4_000...6_000))
      return .text("done")
    }
    let ended = Monitor(0)
    let address = server.address
    for _ in 1...4 {
      try Thread.startDetached(name: "client") {
        do {
          for _ in 1...50 {
            let client = try SocketClient(address)
            try client.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
            let answer = try client.receive()
            #expect(
              (answer.status == 200 && answer.text == "done")
                || (answer.status == 503 && answer.text == Self.late))
            #expect(try client.isClosedSilently())
          }
        } catch {
          Issue.record(error)
        }
        ended.withLock { $0 += 1 }
        ended.wakeAll()
      }
    }
    #expect(ended.wait(until: .now() + .seconds(120)) { $0 == 4 ? true : nil } != nil)
  }

  @Test("A stop cuts whoever waits for a handler, overdue or not")
  func stop() throws {
    let server = try server(limit: .seconds(600))
    let client = try server.connect()
    try client.send("GET /slow HTTP/1.1\nHost: a\n\n")
    server.server.stop(within: .milliseconds(20))
    #expect(client.isGone())
    gate.open()
  }
}
