// Reads wire examples whole, byte by byte and cut anywhere, and says what came of it.

import HTTPCore

/// What reading some bytes led to; content is joined, so that how it was cut makes no difference.
struct Reading: Equatable, CustomStringConvertible {
  enum Item: Equatable {
    case event(Event)
    case content([UInt8])
  }

  var items: [Item] = []
  var error: ProtocolError?
  var state: PeerState
  /// Bytes that no event took.
  var left: [UInt8]

  var description: String {
    var words = items.map { item in
      switch item {
      case .event(.request(let head)): "\(head.method) \(head.target) \(head.version)"
      case .event(.response(let head)): "\(head.status) \(head.version)"
      case .event(.interimResponse(let head)): "interim \(head.status)"
      case .event(.endOfMessage(let trailers)): trailers.isEmpty ? "end" : "end \(Array(trailers))"
      case .event(.connectionClosed): "closed"
      case .event(.content): "content?"
      case .content(let bytes): "content(\(String(decoding: bytes, as: UTF8.self)))"
      }
    }
    if let error { words.append("error: \(error.reason)") }
    return "\(words) -> \(state), \(left.count) left"
  }

  mutating func note(_ event: Event, input: [UInt8]) {
    if case .content(let range) = event {
      if case .content(let before)? = items.last {
        items[items.count - 1] = .content(before + input[range])
      } else {
        items.append(.content(Array(input[range])))
      }
    } else {
      items.append(.event(event))
    }
  }
}

/// Feeds `pieces` to `connection` one after the other, then the end of input, and reads all there is to read.
///
/// - Parameter answer: Called when the peer's half pauses; returns whether to read on.
func read(
  _ pieces: [[UInt8]], with connection: Connection, ended: Bool = true,
  answer: (inout Connection) -> Bool = { _ in false }
) -> (reading: Reading, connection: Connection) {
  var connection = connection
  var reading = Reading(state: connection.peerState, left: [])
  var input: [UInt8] = []
  func drain(ended: Bool) {
    while reading.error == nil {
      do throws(ProtocolError) {
        switch try connection.step(input.span, inputEnded: ended) {
        case .event(let event, let consumed):
          reading.note(event, input: input)
          input.removeFirst(consumed)
          if event == .connectionClosed { return }
        case .needMoreInput: return
        case .paused:
          if input.isEmpty && !ended || !answer(&connection) { return }
        }
      } catch {
        reading.error = error
      }
    }
  }
  for piece in pieces {
    input += piece
    drain(ended: false)
  }
  if ended { drain(ended: true) }
  reading.state = connection.peerState
  reading.left = input
  return (reading, connection)
}

/// Reads `wire` whole, byte by byte, and cut in two at every place; reports the first way that differs.
func readInEveryWay(
  _ wire: [UInt8], with connection: Connection,
  answer: (inout Connection) -> Bool = { _ in false }
) -> (reading: Reading, difference: String?) {
  let (whole, wholeEnd) = read([wire], with: connection, answer: answer)
  func compare(_ pieces: [[UInt8]], _ way: String) -> String? {
    var (other, otherEnd) = read(pieces, with: connection, answer: answer)
    // After an error what follows is not read, and how much of it had arrived does depend on the cuts.
    if whole.error != nil { other.left = whole.left }
    if other != whole { return "\(way): \(other), but whole: \(whole)" }
    if otherEnd != wholeEnd { return "\(way): another end state" }
    return nil
  }
  if let difference = compare(wire.map { [$0] }, "byte by byte") { return (whole, difference) }
  for cut in 0...wire.count {
    if let difference = compare([Array(wire[..<cut]), Array(wire[cut...])], "cut at \(cut)") {
      return (whole, difference)
    }
  }
  return (whole, nil)
}

/// Answers a request that has been read, shortly, and goes on to the next if it may.
func answerShortly(_ connection: inout Connection) -> Bool {
  guard connection.role == .server, connection.ourState == .sendResponse else { return false }
  var output: [UInt8] = []
  do {
    let head = try ResponseHead(status: 200, fields: [("Content-Length", "0")])
    try connection.send(.response(head), into: &output)
    try connection.send(.endOfMessage(), into: &output)
    try connection.startNextExchange()
    return true
  } catch {
    return false
  }
}

extension [UInt8] {
  /// The bytes of `text`, with each line feed made CR LF: how wire examples are written in these tests.
  init(wire text: String) {
    self = text.utf8.flatMap { $0 == UInt8(ascii: "\n") ? Array("\r\n".utf8) : [$0] }
  }

  var text: String { String(decoding: self, as: UTF8.self) }
}
