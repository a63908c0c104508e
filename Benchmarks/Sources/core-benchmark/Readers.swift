// What reading a message costs by itself.

import HTTPCore

/// A few connections, read in turns: what they send between the readings is not timed.
///
/// They are few enough for the caches and many enough for the clock.
struct Readers {
  /// What so many readings took.
  struct Times {
    /// From a message's first byte until its head is ready for lookup, framing and persistence decided.
    var heads = Duration.zero
    /// From there to the end of the message, and on to where the next may begin.
    var rests = Duration.zero
  }

  private let role: Role
  private var machines: [Connection]
  private var heads: [Event?]
  private var output: [UInt8] = []
  private let request = try! RequestHead(
    method: "GET", target: "/", fields: [("Host", "localhost")])
  private let emptyResponse = try! ResponseHead(status: 204)
  /// The sum of what was read, so that none of it can be left out.
  private(set) var sum = 0

  /// Connections that play so: servers read requests, clients responses.
  init(_ role: Role) {
    self.role = role
    machines = Array(repeating: Connection(role: role), count: 16)
    heads = Array(repeating: nil, count: 16)
  }

  /// Reads messages without content, one after the other, `count` in all.
  mutating func times(reading messages: [[UInt8]], _ count: Int) throws -> Times {
    let clock = ContinuousClock()
    var times = Times()
    for round in 0..<(count / machines.count) {
      let message = messages[round % messages.count]
      if role == .client { try send(.request(request)) }
      times.heads += try clock.measure { try readHeads(message) }
      times.rests += try clock.measure { try readEnds() }
      if role == .server { try send(.response(emptyResponse)) }
      times.rests += try clock.measure { try goOn() }
    }
    return times
  }

  @inline(never)
  private mutating func readHeads(_ message: [UInt8]) throws {
    for index in machines.indices {
      guard case .event(let event, let length) = try machines[index].step(message.span) else {
        fatalError("not one whole head")
      }
      sum += length
      heads[index] = event
    }
  }

  private mutating func readEnds() throws {
    let nothing: [UInt8] = []
    for index in machines.indices {
      guard case .event(.endOfMessage, _) = try machines[index].step(nothing.span) else {
        fatalError("not a message without content")
      }
    }
  }

  /// Goes on to the next messages, whose heads are stored where these were.
  private mutating func goOn() throws {
    for index in machines.indices {
      heads[index] = nil
      try machines[index].startNextExchange()
    }
  }

  private mutating func send(_ head: OutgoingEvent) throws {
    for index in machines.indices {
      output.removeAll(keepingCapacity: true)
      try machines[index].send(head, into: &output)
      try machines[index].send(.endOfMessage(), into: &output)
    }
  }
}
