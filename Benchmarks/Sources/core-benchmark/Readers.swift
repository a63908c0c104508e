// What reading a request costs by itself: from its first byte to its end, and on to where the next may begin.

import HTTPCore

/// A few connections, read in turns: between the readings they answer, which is not timed.
///
/// They are few enough for the caches and many enough for the clock.
struct Readers {
  private var machines = Array(repeating: Connection(role: .server), count: 16)
  private var heads: [RequestHead?] = Array(repeating: nil, count: 16)
  private var output: [UInt8] = []
  private let emptyResponse = try! ResponseHead(status: 204)
  /// The sum of what was read, so that none of it can be left out.
  private(set) var sum = 0

  /// Reads a request `count` times.
  ///
  /// - Returns: What the readings took.
  mutating func time(reading request: [UInt8], _ count: Int) throws -> Duration {
    let clock = ContinuousClock()
    var total = Duration.zero
    for _ in 0..<(count / machines.count) {
      total += try clock.measure { try readAll(request) }
      try answerAll()
      total += try clock.measure { try startAll() }
    }
    return total
  }

  @inline(never)
  private mutating func readAll(_ request: [UInt8]) throws {
    for index in machines.indices {
      guard case .event(.request(let head), let length) = try machines[index].step(request.span),
        case .event(.endOfMessage, _) = try machines[index].step(
          request.span.extracting(droppingFirst: length))
      else { fatalError("not one whole request") }
      sum += head.fields.count + length
      heads[index] = head
    }
  }

  private mutating func answerAll() throws {
    for index in machines.indices {
      output.removeAll(keepingCapacity: true)
      try machines[index].send(.response(emptyResponse), into: &output)
      try machines[index].send(.endOfMessage(), into: &output)
    }
  }

  /// Goes on to the next requests, whose heads are stored where these were.
  @inline(never)
  private mutating func startAll() throws {
    for index in machines.indices {
      guard let head = heads[index].take() else { fatalError("no request was read") }
      try machines[index].startNextExchange(reusing: head)
    }
  }
}
