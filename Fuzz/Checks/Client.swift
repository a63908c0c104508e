// A client reads any bytes: responses to requests of its own, or an error by the peer.

import HTTPCore

/// The first byte chooses the requests: bits 0 to 2 the first, bit 3 tight limits, bits 4 to 6 how the next
/// differ, bit 7 that all bytes come at once, so that what is behind the first response is never read.
func checkClient(_ input: [UInt8]) throws(Finding) {
  let client = try ask(input)
  if client.items.count > 2 { _ = try ask(input, lettingGoOf: client.items) }
}

/// Sends requests and reads `input`, then its end, as their responses.
///
/// - Parameter earlier: What was read before. If given, no head is kept here, so that the memory of each is used again,
///   which changes nothing.
private func ask(
  _ input: [UInt8], lettingGoOf earlier: [Item]? = nil
) throws(Finding) -> WatchedEnd {
  let choice = Int(input.first ?? 0)
  let limits = choice & 8 == 0 ? Limits() : .tight
  var client = WatchedEnd(Connection(role: .client, limits: limits))
  let pieceLength = choice & 128 == 0 ? 1 : Int.max
  var rest = input.dropFirst()
  var number = choice
  var wire: [UInt8] = []
  var request = ClientRequest(number)
  try request.send(from: &client.connection, into: &wire)
  var expected = (earlier ?? [])[...]
  while true {
    let outcome = try client.next()
    if earlier != nil { try client.expectItems(again: &expected) }
    switch outcome {
    case .event(.response(let head)), .event(.interimResponse(let head)):
      try expectRoundTrip(head, request: request)
    case .event(.connectionClosed), .failed:
      try finish(&client.connection)
      try expectCloses(client.connection)
      return client
    case .event: break
    case .needMoreInput:
      if rest.isEmpty { client.endInput() }
      client.receive(rest.prefix(pieceLength))
      rest = rest.dropFirst(pieceLength)
    case .paused:
      try finish(&client.connection)
      if client.connection.peerState == .done, client.connection.ourState == .done {
        try expectNoError("an exchange that is done leads to the next") {
          () throws(ProtocolError) in
          try client.connection.startNextExchange()
        }
        number += choice >> 4 & 7
        let isToOldServer = client.connection.peerVersion ?? .http11 < .http11
        request = ClientRequest(number, isToOldServer: isToOldServer)
        try request.send(from: &client.connection, into: &wire)
      } else if client.inputEnded || client.connection.peerState == .switched {
        try expectCloses(client.connection)
        return client
      } else {
        client.endInput()
      }
    }
  }
}

/// Sends what is left of the request.
private func finish(_ client: inout Connection) throws(Finding) {
  guard client.ourState == .sendBody else { return }
  var wire: [UInt8] = []
  try expectNoError("a client may go on after an early response") { () throws(ProtocolError) in
    try client.send(.content([1, 2, 3]), into: &wire)
    try client.send(.endOfMessage(), into: &wire)
  }
}

/// Whoever is at rest can close.
func expectCloses(_ connection: Connection) throws(Finding) {
  guard connection.ourState != .switched, connection.ourState != .mightSwitch else { return }
  var connection = connection
  var wire: [UInt8] = []
  try expectNoError("an end at rest can close") { () throws(ProtocolError) in
    try connection.send(.connectionClosed, into: &wire)
  }
  try expect(wire.isEmpty && connection.ourState == .closed, "closing writes nothing")
}

extension Limits {
  /// So tight that short inputs meet each of them.
  static var tight: Limits {
    var limits = Limits()
    (limits.startLine, limits.head, limits.fieldCount) = (40, 120, 4)
    (limits.chunkLine, limits.trailers) = (8, 32)
    return limits
  }
}
