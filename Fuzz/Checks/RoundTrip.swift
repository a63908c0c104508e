// What has been read can be sent, and is then read as the same.

import HTTPCore

/// A client sends `head`; a server reads it as the same.
func expectRoundTrip(_ head: RequestHead) throws(Finding) {
  var client = Connection(role: .client)
  var wire: [UInt8] = []
  do throws(ProtocolError) {
    try client.send(.request(head), into: &wire)
  } catch {
    // Requests are sent as HTTP/1.1, which asks for more than HTTP/1.0 does.
    let lacksHost = head.version < .http11 && !head.fields.contains("Host")
    try expect(lacksHost && error.reason == .missingHost, "a request that was read can be sent")
    return
  }
  var server = WatchedEnd(Connection(role: .server))
  server.receive(wire)
  guard case .event(.request(let again)) = try server.next() else {
    return try expect(false, "a request that was sent can be read")
  }
  try expect(server.input.isEmpty, "a head that was sent is read to its end")
  try expect(
    again.method == head.method && again.target == head.target && again.fields == head.fields,
    "a request is read as it was sent")
  try expect(head.version != .http11 || again == head, "a request is read as it was sent")

  // Text is compared above, and bytes here: not all bytes are text.
  var second: [UInt8] = []
  var other = Connection(role: .client)
  try expectNoError("a request that was sent can be sent again") { () throws(ProtocolError) in
    try other.send(.request(again), into: &second)
  }
  try expect(second == wire, "a request is written the same each time")
}

/// A server sends `head` in answer to `request`; a client reads it as the same, but for what the server decides.
func expectRoundTrip(_ head: ResponseHead, request: ClientRequest) throws(Finding) {
  guard let first = try resend(head, request) else { return }
  guard let second = try resend(first.head, request) else {
    return try expect(false, "a response that was sent can be sent again")
  }
  try expect(head.isSame(as: first.head), "a response is read as it was sent")
  try expect(second.wire == first.wire, "a response is written the same each time")
}

private func resend(
  _ head: ResponseHead, _ request: ClientRequest
) throws(Finding) -> (wire: [UInt8], head: ResponseHead)? {
  // Sending may add fields, and limits are each end's own.
  var limits = Limits()
  limits.fieldCount *= 2
  limits.head *= 2
  var client = WatchedEnd(Connection(role: .client, limits: limits))
  var wire: [UInt8] = []
  try request.send(from: &client.connection, into: &wire)
  var server = WatchedEnd(Connection(role: .server))
  server.receive(wire)
  try server.readAll()

  wire = []
  do throws(ProtocolError) {
    let event = head.isInterim ? OutgoingEvent.interimResponse(head) : .response(head)
    try server.connection.send(event, into: &wire)
  } catch {
    if head.status > 599 {
      try expect(error.reason == .invalidStatus, "a status above 599 is not sent on")
      return nil
    }
    if head.status == 101, error.reason == .missingUpgrade { return nil }
    // A reader passes over framing where there can be no content, and a sender leaves it out.
    let framed = head.fields.contains("Content-Length") || head.fields.contains("Transfer-Encoding")
    let switches = request.method == "CONNECT" && 200...299 ~= head.status
    let isBare = head.isInterim || [204, 205].contains(head.status) || switches
    try expect(
      framed && isBare && error.reason == .contentNotAllowed, "a response that was read can be sent"
    )
    return nil
  }
  try expect(head.status <= 599, "a status above 599 is not sent on")
  client.receive(wire)
  switch try client.next() {
  case .event(.response(let again)), .event(.interimResponse(let again)):
    try expect(client.input.isEmpty, "a head that was sent is read to its end")
    return (wire, again)
  default:
    try expect(false, "a response that was sent can be read")
    return nil
  }
}

extension ResponseHead {
  /// Whether the heads are equal but for the fields about framing and persistence, which the sender decides.
  func isSame(as other: ResponseHead) -> Bool {
    status == other.status && reason == other.reason
      && ownFields.elementsEqual(other.ownFields)
  }

  private var ownFields: [Field] {
    // A 205 is given a length where it has none.
    let names = ["connection", "transfer-encoding"] + (status == 205 ? ["content-length"] : [])
    return fields.filter { !names.contains($0.name.lowercased()) }
  }
}

extension Event {
  /// Whether this is what a peer may make of `sent`.
  func isReceived(of sent: Event) -> Bool {
    switch (self, sent) {
    case (.response(let head), .response(let other)),
      (.interimResponse(let head), .interimResponse(let other)):
      other.isSame(as: head)
    default: self == sent
    }
  }
}
