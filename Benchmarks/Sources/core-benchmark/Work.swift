// One operation of each row: what a server does with the machine, without its sockets.

import HTTPCore

/// What a response is made of: the quick start's `GET /`.
private let fields = [
  ("Content-Type", "text/plain; charset=utf-8"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
  ("Content-Length", "12"),
]
private let content = Array("Hello world!".utf8)

/// A server's end of one connection, and the memory it writes to.
struct Server {
  private var machine = Connection(role: .server)
  private var output: [UInt8] = []
  private var turn = 0
  private let wholeResponse = try! ResponseHead(
    status: 200, reason: "OK", fields: Array(fields.dropLast()))
  private let readyResponse = try! ResponseHead(status: 200, reason: "OK", fields: fields)

  /// Reads the head of a request; the connection is as it was afterwards.
  func parse(_ head: [UInt8]) throws -> Int {
    var machine = machine
    guard case .event(.request(let request), let consumed) = try machine.step(head.span) else {
      fatalError("not one whole head")
    }
    return request.fields.count + consumed
  }

  /// Reads the head of a request that comes byte by byte; the connection is as it was afterwards.
  func parseBytewise(_ head: [UInt8]) throws -> Int {
    var machine = machine
    for count in 1..<head.count {
      guard case .needMoreInput = try machine.step(head.span.extracting(first: count)) else {
        fatalError("a head before its end")
      }
    }
    guard case .event(.request(let request), let consumed) = try machine.step(head.span) else {
      fatalError("not one whole head")
    }
    return request.fields.count + consumed
  }

  /// Reads a request to its end, answers it and goes on: all that one exchange costs a server.
  mutating func exchange(_ request: [UInt8]) throws -> Int {
    let read = try receive(request)
    try answer(ResponseHead(status: 200, reason: "OK", fields: fields))
    try machine.startNextExchange()
    return read + output.count
  }

  /// The same with a response made before, for requests that take turns.
  mutating func leanExchange(_ requests: [[UInt8]]) throws -> Int {
    turn = (turn + 1) % requests.count
    let read = try receive(requests[turn])
    try answer(readyResponse)
    try machine.startNextExchange()
    return read + output.count
  }

  /// Writes a response; the connection is as it was afterwards.
  ///
  /// - Parameter isMadeAnew: Whether its head is made and checked each time too.
  mutating func respond(isMadeAnew: Bool) throws -> Int {
    let before = machine
    try answer(
      isMadeAnew ? ResponseHead(status: 200, reason: "OK", fields: fields) : readyResponse)
    machine = before
    return output.count
  }

  /// The same as a ready response, written as a whole.
  mutating func respondWhole() throws -> Int {
    let before = machine
    output.removeAll(keepingCapacity: true)
    try machine.send(whole: wholeResponse, content: content.span, into: &output)
    machine = before
    return output.count
  }

  /// Reads a request to its end.
  mutating func receive(_ request: [UInt8]) throws -> Int {
    var start = 0
    var sum = 0
    while true {
      let unread = request.span.extracting(droppingFirst: start)
      guard case .event(let event, let consumed) = try machine.step(unread) else {
        fatalError("not one whole request")
      }
      switch event {
      case .request(let head): sum += head.fields.count
      case .content(let range): sum += range.count
      case .endOfMessage: return sum
      default: fatalError("not a request")
      }
      start += consumed
    }
  }

  private mutating func answer(_ head: ResponseHead) throws {
    output.removeAll(keepingCapacity: true)
    try machine.send(.response(head), into: &output)
    try machine.send(.content(content), into: &output)
    try machine.send(.endOfMessage(), into: &output)
  }
}
