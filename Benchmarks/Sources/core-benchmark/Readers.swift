// What reading a request costs by itself.

import HTTPCore

/// A few connections, read in turns: between the readings they answer, which is not timed.
///
/// They are few enough for the caches and many enough for the clock.
struct Readers {
  /// What `count` readings took.
  struct Times {
    /// From a request's first byte until its head is ready for lookup, framing and persistence decided.
    var heads = Duration.zero
    /// From there to the end of the message, and on to where the next may begin.
    var rests = Duration.zero
  }

  private var machines = Array(repeating: Connection(role: .server), count: 16)
  private var heads: [RequestHead?] = Array(repeating: nil, count: 16)
  private var output: [UInt8] = []
  private let emptyResponse = try! ResponseHead(status: 204)
  /// The sum of what was read, so that none of it can be left out.
  private(set) var sum = 0

  /// Reads a request without content `count` times.
  mutating func times(reading request: [UInt8], _ count: Int) throws -> Times {
    let clock = ContinuousClock()
    var times = Times()
    for _ in 0..<(count / machines.count) {
      times.heads += try clock.measure { try readHeads(request) }
      times.rests += try clock.measure { try readEnds() }
      try answer()
      times.rests += try clock.measure { try goOn() }
    }
    return times
  }

  @inline(never)
  private mutating func readHeads(_ request: [UInt8]) throws {
    for index in machines.indices {
      guard case .event(.request(let head), let length) = try machines[index].step(request.span)
      else { fatalError("not one whole head") }
      sum += head.fields.count + length
      heads[index] = head
    }
  }

  private mutating func readEnds() throws {
    let nothing: [UInt8] = []
    for index in machines.indices {
      guard case .event(.endOfMessage, _) = try machines[index].step(nothing.span) else {
        fatalError("not a request without content")
      }
    }
  }

  private mutating func answer() throws {
    for index in machines.indices {
      output.removeAll(keepingCapacity: true)
      try machines[index].send(.response(emptyResponse), into: &output)
      try machines[index].send(.endOfMessage(), into: &output)
    }
  }

  /// Goes on to the next requests, whose heads are stored where these were.
  private mutating func goOn() throws {
    for index in machines.indices {
      guard let head = heads[index].take() else { fatalError("no request was read") }
      try machines[index].startNextExchange(reusing: head)
    }
  }
}
