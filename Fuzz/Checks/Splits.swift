// How bytes were cut on their way makes no difference.

import HTTPCore

/// The first byte says who reads: bits 0 to 2 the request, bit 3 tight limits, bit 4 a client, not a server.
/// The second says how many bytes follow that give the lengths of pieces, over and over; the rest is read.
func checkSplits(_ input: [UInt8]) throws(Finding) {
  var choices = Choices(input)
  let choice = choices.next()
  let lengths = (0..<choices.next() % 8).map { _ in choices.next() + 1 }
  let wire = choices.rest
  let limits = choice & 8 == 0 ? Limits() : .tight
  var start = Connection(role: choice & 16 == 0 ? .server : .client, limits: limits)
  if start.role == .client {
    var sink: [UInt8] = []
    try ClientRequest(choice).send(from: &start, into: &sink)
  }

  let whole = try read(wire, in: [], from: start)
  for lengths in [lengths, [1]] {
    let cut = try read(wire, in: lengths, from: start)
    try expect(cut.items == whole.items, "in pieces of \(lengths): the same events")
    try expect(cut.error == whole.error, "in pieces of \(lengths): the same error")
    let (one, other) = (cut.connection, whole.connection)
    try expect(
      one.ourState == other.ourState && one.peerState == other.peerState
        && one.isPersistent == other.isPersistent && one.peerVersion == other.peerVersion,
      "in pieces of \(lengths): the same states")
    // How much had arrived when an error was found does depend on the cuts.
    if whole.error == nil {
      try expect(cut.input == whole.input, "in pieces of \(lengths): the same bytes left")
    }
    try expect(one == other, "in pieces of \(lengths): the same connection")
  }
}

/// Reads `wire` in pieces of these lengths, over and over, then its end.
private func read(
  _ wire: ArraySlice<UInt8>, in lengths: [Int], from start: Connection
) throws(Finding) -> WatchedEnd {
  var end = WatchedEnd(start)
  var rest = wire
  var number = 0
  while !rest.isEmpty, end.error == nil {
    let length = lengths.isEmpty ? rest.count : lengths[number % lengths.count]
    end.receive(rest.prefix(length))
    rest = rest.dropFirst(length)
    number += 1
    try readAndAnswer(&end)
  }
  end.endInput()
  try readAndAnswer(&end)
  return end
}

private func readAndAnswer(_ end: inout WatchedEnd) throws(Finding) {
  while end.items.last != .event(.connectionClosed), end.error == nil {
    try end.readAll()
    guard end.connection.ourState == .sendResponse, end.connection.peerState.isAtRest else {
      return
    }
    var wire: [UInt8] = []
    try expectNoError("a valid answer can be sent") { () throws(ProtocolError) in
      let head = try ResponseHead(status: 404, fields: [("Content-Length", "0")])
      try end.connection.send(.response(head), into: &wire)
      try end.connection.send(.endOfMessage(), into: &wire)
    }
    guard end.connection.ourState == .done else { return }
    try expectNoError("an exchange that is done leads to the next") { () throws(ProtocolError) in
      try end.connection.startNextExchange()
    }
  }
}

extension PeerState {
  fileprivate var isAtRest: Bool { self == .done || self == .mustClose || self == .mightSwitch }
}
