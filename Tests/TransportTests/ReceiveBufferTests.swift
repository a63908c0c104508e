import StreamSimulation
import Testing
import Threads

@testable import Transport

@Suite(.serialized, .onOwnThread) struct ReceiveBufferTests {
  @Test("bytes come in order, and stay until they are consumed")
  func order() throws {
    let pair = try SocketPair.tcp()
    var buffer = ReceiveBuffer()
    #expect(buffer.isEmpty)
    try pair.client.send("hello world")
    while buffer.count < 11 { _ = try buffer.receive(from: pair.server) }
    buffer.consume(6)
    #expect(text(buffer) == "world")
    #expect(buffer.count == 5)
    buffer.consume(5)
    #expect(buffer.isEmpty)
  }

  @Test("the end of input is 0, and changes nothing")
  func end() throws {
    try SocketPair.tcp().split { client, server in
      try client.send("x")
      client.close()
      var buffer = ReceiveBuffer()
      #expect(try buffer.receive(from: server) == 1)
      #expect(try buffer.receive(from: server) == 0)
      #expect(text(buffer) == "x")
    }
  }

  @Test("a full buffer is an error before anything is received")
  func full() throws {
    let pair = try SocketPair.tcp()
    try pair.client.send("abcdef")
    var buffer = ReceiveBuffer(limitInBytes: 4)
    while buffer.count < 4 { _ = try buffer.receive(from: pair.server) }
    #expect(throws: TransportError.bufferFull(limitInBytes: 4)) {
      try buffer.receive(from: pair.server)
    }
    buffer.consume(1)
    while buffer.count < 4 { _ = try buffer.receive(from: pair.server) }
    #expect(text(buffer) == "bcde")
  }

  @Test("a failed receive keeps the unread bytes")
  func failure() throws {
    let pair = try SocketPair.tcp()
    try pair.client.send("abc")
    var buffer = ReceiveBuffer()
    while buffer.count < 3 { _ = try buffer.receive(from: pair.server) }
    try pair.server.setReceiveTimeout(.milliseconds(5))
    #expect(throws: TransportError.timedOut) { try buffer.receive(from: pair.server) }
    #expect(text(buffer) == "abc")
  }

  @Test("it grows while much arrives, and gives the memory back")
  func memory() throws {
    try SocketPair.tcp().split { client, server in
      var buffer = ReceiveBuffer()
      #expect(buffer.capacity == 4096)
      let content = pattern(1 << 20)
      let sender = try Background(with: client) { try $0.send(content.span) }
      var left = content.count
      while left > 0 {
        left -= try buffer.receive(from: server)
        buffer.consume(buffer.count)
      }
      try sender.value()
      #expect(buffer.capacity == 65_536, "a megabyte is worth the largest reads")
      buffer.giveBackMemory()
      #expect(buffer.capacity == 4096)
      #expect(try buffer.receive(from: server) == 0)
    }
  }

  @Test("random use agrees with a plain array", arguments: [1, 7, 100, 4096, 5000, 65_536])
  func model(limit: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededGenerator(seed: seed)
    let pair = try SocketPair.tcp()
    var buffer = ReceiveBuffer(limitInBytes: limit)
    var unread: [UInt8] = []  // the model: what the buffer holds
    var onTheWay: [UInt8] = []  // sent and not yet received

    for step in 0..<2000 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3 where onTheWay.count < 100_000:
        let piece = pattern(Int.random(in: 1...limit * 2, using: &random) % 20_000 + 1, seed: step)
        try pair.client.send(piece.span)
        onTheWay += piece
      case 3..<7 where !onTheWay.isEmpty && unread.count < limit:
        let count = try buffer.receive(from: pair.server)
        try #require(count > 0 && count <= onTheWay.count, "seed \(seed), step \(step)")
        unread += onTheWay.prefix(count)
        onTheWay.removeFirst(count)
      case 7..<9:
        let count = Int.random(in: 0...unread.count, using: &random)
        buffer.consume(count)
        unread.removeFirst(count)
      case 9:
        buffer.giveBackMemory()
      default:
        continue
      }
      try #require(bytes(buffer) == unread, "seed \(seed), step \(step)")
      try #require(buffer.count == unread.count && buffer.isEmpty == unread.isEmpty)
      try #require(buffer.capacity <= max(limit, 1), "seed \(seed), step \(step)")
    }
  }

  private func bytes(_ buffer: ReceiveBuffer) -> [UInt8] {
    buffer.withUnread { unread in
      [UInt8](capacity: unread.count) { output in
        for i in unread.indices { output.append(unread[i]) }
      }
    }
  }

  private func text(_ buffer: ReceiveBuffer) -> String {
    String(decoding: bytes(buffer), as: UTF8.self)
  }
}
