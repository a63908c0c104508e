// A server reads any bytes: requests, each of which it answers, or an error by the peer.

import HTTPCore

func checkServer(_ input: [UInt8]) throws(Finding) {
  let loose = try serve(input, Limits())
  let tight = try serve(input, .tight)
  switch tight.error?.reason {
  case .startLineTooLong, .headTooLarge, .tooManyFields, .chunkLineTooLong, .trailersTooLarge:
    try expect(tight.items.areFirst(of: loose.items), "a limit changes nothing before it is met")
  default:
    try expect(tight.items == loose.items, "limits that are not met change nothing")
    try expect(tight.error == loose.error, "limits that are not met change no error")
  }
  if loose.items.count > 2 { _ = try serve(input, Limits(), lettingGoOf: loose.items) }
}

/// Reads all of `input`, then its end; answers in a different way each time.
///
/// - Parameter earlier: What was read before. If given, no head is kept here, so that the memory of each is used again,
///   which changes nothing.
private func serve(
  _ input: [UInt8], _ limits: Limits, lettingGoOf earlier: [Item]? = nil
) throws(Finding) -> WatchedEnd {
  var server = WatchedEnd(Connection(role: .server, limits: limits))
  server.receive(input)
  var number = 0
  var request: RequestHead?
  var expected = (earlier ?? [])[...]
  while true {
    let outcome = try server.next()
    if earlier != nil { try server.expectItems(again: &expected) }
    switch outcome {
    case .event(.request(let head)):
      request = head
      try expectRoundTrip(head)
      // Every third answer comes before the request's end.
      if number % 3 == 2 { try expectAnswer(from: &server.connection, to: head, number) }
    case .event(.connectionClosed):
      try expectCloses(server.connection)
      return server
    case .event: break
    case .needMoreInput: server.endInput()
    case .failed(let error):
      try expectRefusal(from: &server.connection, to: request, error)
      return server
    case .paused:
      if server.connection.ourState == .sendResponse, let head = request {
        try expectAnswer(from: &server.connection, to: head, number)
      }
      if server.connection.ourState == .done, server.connection.peerState == .done {
        try expectNoError("an exchange that is done leads to the next") {
          () throws(ProtocolError) in
          try server.connection.startNextExchange()
        }
        request = nil
        number += 1
      } else if server.inputEnded || server.connection.peerState == .switched {
        try expectCloses(server.connection)
        return server
      } else {
        server.endInput()
      }
    }
  }
}

/// After an error a server can still say so, unless it is answering already.
private func expectRefusal(
  from server: inout Connection, to request: RequestHead?, _ error: ProtocolError
) throws(Finding) {
  guard server.ourState == .idle || server.ourState == .sendResponse else { return }
  let status = error.statusHint
  try expectRead(from: &server, request) { () throws(ProtocolError) in
    [.response(try ResponseHead(status: status)), .content([1])]
  }
  try expect(server.ourState == .mustClose, "the answer to an error is the last")
  try expectCloses(server)
}

/// The server answers; a client that sent the same request understands the answer.
private func expectAnswer(
  from server: inout Connection, to request: RequestHead, _ number: Int
) throws(Finding) {
  let isConnect = request.hasMethod("CONNECT")
  let isOld = request.version < .http11
  let switches = server.peerState == .mightSwitch
  let ok = isConnect ? 403 : 200
  try expectRead(from: &server, request) { () throws(ProtocolError) in
    switch (number + request.fields.count) & 7 {
    case 0: [.response(try ResponseHead(status: ok, fields: [("Content-Length", "0")]))]
    case 1:
      [
        .response(try ResponseHead(status: ok, reason: "OK", fields: [("Content-Length", "5")])),
        .content(Array("hello".utf8)),
      ]
    case 2, 3: [.response(try ResponseHead(status: ok)), .content([1]), .content([2, 3])]
    case 4: [.response(try ResponseHead(status: isConnect ? 304 : 204))]
    case 5 where !isOld:
      [
        .interimResponse(try ResponseHead(status: 103, fields: [("Link", "a")])),
        .response(try ResponseHead(status: 304, fields: [("Content-Length", "9")])),
      ]
    case 6 where switches && isConnect: [.response(try ResponseHead(status: 200))]
    case 6 where switches:
      [.interimResponse(try ResponseHead(status: 101, fields: [("Upgrade", "x")]))]
    default: [.response(try ResponseHead(status: ok, fields: [("Connection", "a, close")]))]
    }
  }
}

/// Sends events and their end, and has a client read them.
private func expectRead(
  from server: inout Connection, _ request: RequestHead?,
  _ makeEvents: () throws(ProtocolError) -> [OutgoingEvent]
) throws(Finding) {
  // A request that is refused may have been HEAD, and its client knows.
  let isHead = server.isAnsweringHead
  try expect(isHead || !(request?.hasMethod("HEAD") ?? false), "HEAD is answered as such")
  let events = try expectNoError("valid events can be made", makeEvents)
  var wire: [UInt8] = []
  var sent: [Item] = []
  for event in events {
    try expectNoError("a valid answer can be sent") { () throws(ProtocolError) in
      try server.send(event, into: &wire)
    }
    switch event {
    case .response(let head): sent.append(.event(.response(head)))
    case .interimResponse(let head): sent.append(.event(.interimResponse(head)))
    case .content(let bytes) where !isHead: sent.note(content: bytes)
    default: break
    }
  }
  if server.ourState == .sendBody {
    try expectNoError("a valid answer can be ended") { () throws(ProtocolError) in
      try server.send(.endOfMessage(), into: &wire)
    }
    sent.append(.event(.endOfMessage(trailers: Fields())))
  }
  try expectLegalStates(of: server)

  var client = WatchedEnd(Connection(role: .client))
  try expectNoError("the same request can be sent") { () throws(ProtocolError) in
    var fields = request?.fields ?? Fields()
    if !fields.contains("Host") { try fields.append("Host", "a") }
    let head = try RequestHead(
      method: request?.method ?? (isHead ? "HEAD" : "GET"), target: request?.target ?? "/",
      fields: fields)
    var sink: [UInt8] = []
    try client.connection.send(.request(head), into: &sink)
  }
  client.receive(wire)
  try client.readAll()
  if server.ourState == .mustClose {
    client.endInput()
    try client.readAll()
    if client.items.last == .event(.connectionClosed) { sent.append(.event(.connectionClosed)) }
  }
  try expect(client.error == nil, "an answer can be read, but: \(client.error?.description ?? "")")
  try expect(
    client.items.areFirst(of: sent) { $0.isReceived(of: $1) } && client.items.count == sent.count,
    "an answer is read as it was sent")
  if server.ourState == .switched { return }
  try expect(
    client.connection.isPersistent == server.isPersistent, "both ends know whether this is the last"
  )
}
