// Two ends in memory behave as two sockets do.

import FreetserTesting
import HTTPCore
import Testing
import Threads
import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("A stream in memory", .serialized)
struct MemoryStreamTests {
  @Test(
    "All bytes arrive, in order, through a buffer of any size", arguments: [1, 10, 1000, 100_000])
  func order(_ limit: Int) throws {
    let (server, client) = MemoryStream.pair(toServer: limit, toClient: 10)
    let sent = (0..<limit * 20 + 3).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let received = Monitor<[UInt8]?>(nil)
    let handoff = Handoff(server)
    try Thread.startDetached(name: "reader") {
      var all: [UInt8] = []
      if let server = handoff.take() { all = (try? server.receiveToEnd()) ?? [] }
      received.withLock { $0 = all }
      received.wakeAll()
    }
    try client.send(Array(sent[..<3]), Array(sent[3...]))
    client.shutdown(.sending)
    let isSame = received.wait(until: .now() + .seconds(60)) { $0 } == sent
    #expect(isSame)
  }

  @Test("A sender waits for room, and is told what is not taken")
  func backPressure() throws {
    let (server, client) = MemoryStream.pair(toClient: 4)
    #expect(try server.attempt([1, 2, 3], [4, 5]) == .moved(4))
    #expect(try server.attempt([5]) == .nothing)
    #expect(server.untaken == 4)
    #expect(!server.wait(for: .sending, until: .now()))
    let begin = MonotonicTime.now()
    #expect(throws: TransportError.timedOut) {
      try server.send([5], within: .milliseconds(5))
    }
    #expect(MonotonicTime.now() - begin >= .milliseconds(5))
    #expect(try client.receive(atMost: 1) == [1])
    #expect(server.wait(for: .sending, until: .now()))
    #expect(try server.attempt([5, 6]) == .moved(1))
    #expect(try client.receive(atMost: 9) == [2, 3, 4, 5])
  }

  @Test("Each half is closed alone")
  func halves() throws {
    let (server, client) = MemoryStream.pair()
    try client.send([1])
    #expect(!server.wait(for: .end, until: .now()))
    client.shutdown(.sending)
    #expect(server.wait(for: .end, until: .now()))
    #expect(try server.receive(atMost: 9) == [1])
    #expect(try server.receive(atMost: 9) == [])
    #expect(throws: TransportError.peerGone(code: EPIPE)) {
      try client.send([1])
    }
    try server.send([2])
    #expect(try client.receive(atMost: 9) == [2])
    // The peer does not learn of an input that is ended here.
    client.shutdown(.receiving)
    try server.send([3])
    #expect(try client.receive(atMost: 9) == [3])
    #expect(try client.receive(atMost: 9) == [])
  }

  @Test("A close in order leaves what was sent, and refuses more")
  func close() throws {
    var (server, client): (MemoryStream?, MemoryStream) = MemoryStream.pair()
    try server?.send([1])
    server = nil
    #expect(throws: TransportError.peerGone(code: EPIPE)) {
      try client.send([1])
    }
    #expect(try client.receive(atMost: 9) == [1])
    #expect(try client.receive(atMost: 9) == [])
  }

  @Test("A reset destroys what is on its way", arguments: [true, false])
  func reset(_ isAsked: Bool) throws {
    var (server, client): (MemoryStream?, MemoryStream) = MemoryStream.pair()
    try server?.send([1])
    if isAsked { server?.resetOnClose() } else { try client.send([1]) }
    server = nil
    #expect(throws: TransportError.peerGone(code: ECONNRESET)) { try client.receive(atMost: 9) }
    #expect(throws: TransportError.peerGone(code: ECONNRESET)) {
      try client.send([1])
    }
    #expect(client.wait(for: .end, until: .now()))
  }

  @Test("A receive ends at its deadline, or after the stream's own time")
  func deadlines() throws {
    let (server, client) = MemoryStream.pair(receiveTimeout: .milliseconds(5))
    let begin = MonotonicTime.now()
    #expect(throws: TransportError.timedOut) { try server.receive(atMost: 9) }
    #expect(MonotonicTime.now() - begin >= .milliseconds(5))
    #expect(throws: TransportError.timedOut) { try server.receive(atMost: 9, by: .now()) }
    try client.send([1, 2])
    #expect(try server.receive(atMost: 1, by: MonotonicTime(nanoseconds: .min)) == [1])
  }

  @Test("A stop ends the input of whoever is idle")
  func stop() throws {
    let (idle, idleClient) = MemoryStream.pair()
    #expect(idle.markIdle() && !idle.isStopping)
    idle.beginStop()
    #expect(try idle.receive(atMost: 9) == [])
    #expect(idle.isStopping && !idle.markIdle())
    let (busy, busyClient) = MemoryStream.pair()
    busy.markBusy()
    busy.beginStop()
    #expect(!busy.wait(for: .receiving, until: .now()))
    withExtendedLifetime((idleClient, busyClient)) {}
  }

  @Test("Whatever happens at the other end ends a wait without a deadline", arguments: 0..<5)
  func wakes(_ event: Int) throws {
    let (server, client) = MemoryStream.pair()
    let outcome = Monitor<Result<[UInt8], TransportError>?>(nil)
    try Thread.startDetached(name: "reader") {
      let result = Result { () throws(TransportError) in try server.receive(atMost: 9) }
      outcome.withLock { $0 = result }
      outcome.wakeAll()
    }
    switch event {
    case 0: try client.send([1])
    case 1: client.shutdown(.sending)
    case 2: client.close()
    case 3:
      client.resetOnClose()
      client.close()
    default: server.beginStop()
    }
    let ended = outcome.wait(until: .now() + .seconds(60)) { $0 }
    switch event {
    case 0: #expect(ended == .success([1]))
    case 3: #expect(ended == .failure(.peerGone(code: ECONNRESET)))
    default: #expect(ended == .success([]))
    }
  }
}

extension MemoryStream {
  fileprivate func attempt(
    _ first: [UInt8], _ second: [UInt8] = []
  ) throws(TransportError) -> Attempt {
    try attemptSend(first.span, second.span)
  }

  fileprivate func send(
    _ first: [UInt8], _ second: [UInt8] = [], within limit: Duration = .seconds(60)
  ) throws(TransportError) {
    try sendAll(first.span, second.span, within: limit)
  }

  fileprivate func receive(
    atMost count: Int, by deadline: MonotonicTime? = nil
  ) throws(TransportError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    try bytes.append(addingCapacity: count) { (output) throws(TransportError) in
      if let deadline {
        _ = try receiveSome(into: &output, by: deadline)
      } else {
        _ = try receiveSome(into: &output)
      }
    }
    return bytes
  }

  fileprivate func receiveToEnd() throws(TransportError) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let piece = try receive(atMost: 1000)
      if piece.isEmpty { return all }
      all += piece
    }
  }
}
