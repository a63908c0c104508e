import Testing
import Threads

@testable import Transport

@Suite(.serialized, .onOwnThread) struct ArrivalProcessorsTests {
  @Test("Where bytes arrive on all processors alike, all threads may run there")
  func evenly() {
    let arrivals = ArrivalProcessors(processors: 4)
    for processor in 0..<4 { _ = arrivals.note(processor, insteadOf: nil) }
    for round in 1..<100 {
      for processor in 0..<4 {
        // Those that come first find one more than its share there, of few at first.
        let mayMove = arrivals.note(processor, insteadOf: nil)
        #expect(mayMove || round < 4, "round \(round)")
      }
    }
    #expect(arrivals.connections == 400)
  }

  @Test("A processor on which the bytes of all arrive gets a share of their threads, and a quarter")
  func unevenly() {
    let arrivals = ArrivalProcessors(processors: 2)
    for _ in 0..<100 {
      let mayMove = arrivals.note(0, insteadOf: nil)
      #expect(!mayMove)
    }
    // 38 of 100 arrive elsewhere before 62 are no more than a half and a quarter of it.
    for moved in 1...40 {
      _ = arrivals.note(1, insteadOf: 0)
      let mayMove = arrivals.note(0, insteadOf: 0)
      #expect(mayMove == (100 - moved <= 62), "\(moved)")
    }
    #expect(arrivals.connections == 100)
  }

  @Test("A connection that is forgotten does not count")
  func forgets() {
    let arrivals = ArrivalProcessors(processors: 2)
    for _ in 0..<3 { _ = arrivals.note(0, insteadOf: nil) }
    _ = arrivals.note(1, insteadOf: nil)
    let mayMoveToFull = arrivals.note(0, insteadOf: 0)
    for _ in 0..<2 { arrivals.forget(0) }
    let mayMove = arrivals.note(0, insteadOf: 0)
    #expect(!mayMoveToFull && mayMove)
    for processor in [0, 1] { arrivals.forget(processor) }
    #expect(arrivals.connections == 0)
  }

  #if !canImport(Darwin)
    @Test("The system tells where bytes of TCP arrive, and not those of a Unix domain socket")
    func arrivalProcessor() throws {
      let allowed = try #require(ProcessorSet.ofCurrentThread)
      let pair = try SocketPair.tcp()
      try pair.client.send("x")
      #expect(try pair.server.receive(exactly: 1) == Array("x".utf8))
      let processor = pair.server.arrivalProcessor()
      #expect(processor.map { allowed.contains($0) } == true)
      let directory = TemporaryDirectory()
      let unix = try SocketPair.unix("\(directory.path)/socket")
      try unix.client.send("x")
      #expect(try unix.server.receive(exactly: 1) == Array("x".utf8))
      #expect(unix.server.arrivalProcessor() == nil)
    }
  #endif

  @Test("What is noted of a connection is forgotten with it")
  func connections() throws {
    let listener = try loopbackListener()
    let noted = Monitor<[Int]>([])
    let registry = Monitor<ConnectionRegistry?>(nil)
    let server = ConnectionThreads(listeners: [listener]) { connection in
      _ = try? connection.socket.receive(exactly: 1)
      for _ in 0..<3 { connection.runWhereBytesArrive() }
      let count = registry.withLock { $0?.arrivals?.connections } ?? 0
      noted.withLock { $0.append(count) }
      try? connection.socket.send("y")
    }
    registry.withLock { $0 = server.registry }
    try server.start()
    for _ in 0..<3 {
      let client = try connect(to: listener.boundAddress)
      try client.send("x")
      #expect(try client.receiveToEnd() == Array("y".utf8))
    }
    #expect(server.stop(within: patience).endedInTime)
    registry.withLock { $0 = nil }
    let isKnown = ArrivalProcessors.ofCurrentThread() != nil
    #expect((server.registry.arrivals != nil) == isKnown)
    // One after the other: the last one's bytes may be here before the one before is forgotten.
    #expect(noted.withLock { $0.allSatisfy { isKnown ? 1...2 ~= $0 : $0 == 0 } && $0.count == 3 })
    #expect(server.registry.arrivals?.connections ?? 0 == 0)
  }

  @Test("Threads that are to stay where they are look nowhere")
  func off() {
    var options = ConnectionThreads.Options()
    #expect(options.runsWhereBytesArrive)
    options.runsWhereBytesArrive = false
    let server = ConnectionThreads(listeners: [], options: options) { _ in }
    #expect(server.registry.arrivals == nil)
  }
}
