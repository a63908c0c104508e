import Testing
import Threads

@testable import Transport

@Suite(.serialized, .onOwnThread) struct ArrivalsTests {
  private func arrivals(on count: Int) -> Arrivals {
    var processors = ProcessorSet()
    for processor in 0..<count { processors.insert(processor) }
    return Arrivals(on: processors)
  }

  @Test("Where bytes arrive everywhere alike, threads may go there", arguments: [2, 3, 64])
  func evenly(_ processors: Int) {
    var arrivals = arrivals(on: processors)
    for connection in 0..<1_000 {
      let processor = connection % processors
      #expect(arrivals.note(processor, insteadOf: nil) == processor)
      #expect(arrivals.isForThreads(processor), "\(connection)")
    }
    #expect(arrivals.count(on: 0) == (1_000 + processors - 1) / processors)
  }

  @Test("Threads may not go where the bytes of all arrive, but for the first two")
  func allOnOne() {
    var arrivals = arrivals(on: 2)
    for connection in 1...1_000 {
      _ = arrivals.note(0, insteadOf: nil)
      #expect(arrivals.isForThreads(0) == (connection <= 2), "\(connection)")
    }
    // Until it has no more than five eighths of them.
    for moved in 1...500 {
      #expect(arrivals.note(1, insteadOf: 0) == 1)
      #expect(arrivals.isForThreads(0) == (1_000 - moved <= 625), "\(moved)")
      #expect(arrivals.isForThreads(1))
    }
  }

  @Test("A connection is counted once, as long as it is not forgotten")
  func once() {
    var arrivals = arrivals(on: 2)
    #expect(arrivals.note(1, insteadOf: nil) == 1)
    #expect(arrivals.note(1, insteadOf: 1) == 1)
    #expect(arrivals.count(on: 1) == 1)
    #expect(arrivals.note(0, insteadOf: 1) == 0)
    #expect(arrivals.count(on: 1) == 0 && arrivals.count(on: 0) == 1)
    for _ in 0..<2 { _ = arrivals.note(0, insteadOf: nil) }
    #expect(!arrivals.isForThreads(0))
    arrivals.forget(0)
    #expect(arrivals.count(on: 0) == 2 && arrivals.isForThreads(0))
  }

  @Test("What arrives where threads may not run is not noted", arguments: [-1, 2, .max])
  func foreign(_ processor: Int) {
    var arrivals = arrivals(on: 2)
    #expect(arrivals.note(0, insteadOf: nil) == 0)
    #expect(arrivals.note(processor, insteadOf: 0) == nil)
    #expect(arrivals.count(on: 0) == 0 && arrivals.count(on: processor) == 0)
  }

  #if !canImport(Darwin)
    /// Sends a byte from one processor.
    private func send(
      _ byte: UInt8, over socket: borrowing Socket, from processor: Int
    ) throws {
      var one = ProcessorSet()
      one.insert(processor)
      try #require(one.confineCurrentThread())
      try socket.send([byte].span, within: patience)
    }

    @Test("A thread goes to where its client sends from, which is noted until the connection ends")
    func moves() throws {
      let allowed = try #require(ProcessorSet.ofCurrentThread)
      defer { allowed.confineCurrentThread() }
      let processors = (0..<1_024).filter { allowed.contains($0) }
      let listener = try loopbackListener()
      let found = Monitor<[(arrival: Int?, hasMoved: Bool)]>([])
      let server = ConnectionThreads(listeners: [listener]) { connection in
        while (try? connection.socket.receive(exactly: 1))?.count == 1 {
          let arrival = connection.socket.arrivalProcessor()
          let hasMoved = connection.moveThread()
          found.withLock { $0.append((arrival, hasMoved)) }
          try? connection.socket.send([1].span, within: patience)
          // It begins elsewhere.
          for other in processors where other != arrival { Thread.move(to: other) }
        }
      }
      try server.start()
      let client = try connect(to: listener.boundAddress)
      for processor in processors {
        try send(1, over: client, from: processor)
        #expect(try client.receive(exactly: 1) == [1])
        let (arrival, hasMoved) = try #require(found.withLock { $0.last })
        #expect(arrival == processor)
        // With one processor there is nowhere to go.
        #expect(hasMoved == (processors.count > 1))
        if let arrival, processors.count > 1 {
          #expect(server.registry.arrivals(on: arrival) == 1)
          #expect(processors.reduce(0) { $0 + server.registry.arrivals(on: $1) } == 1)
        }
      }
      client.shutdown(.sending)
      #expect(try client.receiveToEnd().isEmpty)
      #expect(server.stop(within: patience).endedInTime)
      #expect(processors.allSatisfy { server.registry.arrivals(on: $0) == 0 })
    }

    @Test("The system does not tell where bytes of a Unix domain socket arrive")
    func unix() throws {
      let directory = TemporaryDirectory()
      let pair = try SocketPair.unix("\(directory.path)/socket")
      try pair.client.send("x")
      #expect(try pair.server.receive(exactly: 1) == Array("x".utf8))
      #expect(pair.server.arrivalProcessor() == nil)
    }
  #endif

  @Test("Threads that are to stay where they are go nowhere")
  func off() throws {
    let listener = try loopbackListener()
    var options = ConnectionThreads.Options()
    #expect(options.movesThreads)
    options.movesThreads = false
    let hasMoved = Monitor<Bool?>(nil)
    let server = ConnectionThreads(listeners: [listener], options: options) { connection in
      _ = try? connection.socket.receive(exactly: 1)
      let moved = connection.moveThread()
      hasMoved.withLock { $0 = moved }
    }
    try server.start()
    let client = try connect(to: listener.boundAddress)
    try client.send("x")
    #expect(try client.receiveToEnd().isEmpty)
    #expect(server.stop(within: patience).endedInTime)
    #expect(hasMoved.withLock { $0 } == false && !server.registry.movesThreads)
  }
}
