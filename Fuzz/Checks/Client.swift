// A client reads any bytes: responses to requests of its own, or an error by the peer.

import HTTPCore

/// The first byte chooses the requests: bits 0 to 2 the first, bit 3 tight limits, bits 4 to 6 how the next
/// differ, bit 7 that a head's memory is used again.
func checkClient(_ input: [UInt8]) throws(Finding) {
  let choice = Int(input.first ?? 0)
  let limits = choice & 8 == 0 ? Limits() : .tight
  var client = WatchedEnd(Connection(role: .client, limits: limits))
  client.receive(input.dropFirst())
  var number = choice
  var wire: [UInt8] = []
  var request = ClientRequest(number)
  try request.send(from: &client.connection, into: &wire)
  var lastHead: ResponseHead?
  while true {
    switch try client.next() {
    case .event(.response(let head)), .event(.interimResponse(let head)):
      lastHead = head
      try expectRoundTrip(head, request: request)
    case .event(.connectionClosed), .failed:
      try finish(&client.connection)
      return try expectCloses(client.connection)
    case .event: break
    case .needMoreInput: client.endInput()
    case .paused:
      try finish(&client.connection)
      if client.connection.peerState == .done, client.connection.ourState == .done {
        try expectNoError("an exchange that is done leads to the next") {
          () throws(ProtocolError) in
          if choice & 128 != 0, let head = lastHead {
            try client.connection.startNextExchange(reusing: head)
          } else {
            try client.connection.startNextExchange()
          }
        }
        number += choice >> 4 & 7
        request = ClientRequest(number)
        try request.send(from: &client.connection, into: &wire)
      } else if client.inputEnded || client.connection.peerState == .switched {
        return try expectCloses(client.connection)
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
