// A response to bytes: the fields the server adds, and one send for head and body.

import HTTPCore
import HTTPTypes
import Transport

/// Makes the bytes of one response after the other, in memory that is used again.
struct ResponseWriter {
  /// The head, and a body small enough to be copied behind it.
  private var output: [UInt8] = []
  /// A body that is sent from where it is.
  private var separateBody: [UInt8] = []
  private var date = HTTPDate()
  /// The fields of the last response, whose memory the next one's take.
  private var lastFields = Fields()

  /// Copying up to this much is cheaper than a second piece of memory in the system call. In bytes.
  private static let copyLimit = 16_384

  /// Makes a response ready to be sent and moves the machine past it.
  ///
  /// - Throws: ``ProtocolError`` if the response cannot be sent as it is; the machine is left as it was.
  mutating func prepare(
    _ response: Response, through machine: inout Connection
  ) throws(ProtocolError) {
    // 204 and 304 have no body (RFC 9110 section 15); neither has 205, which must say so (section 15.3.6).
    let body = [204, 205, 304].contains(response.status.code) ? [] : response.body
    let head = try ResponseHead(
      status: response.status.code, reason: response.status.reasonPhrase,
      fields: fields(of: response, length: body.count))

    // The machine is a value: what goes wrong, goes wrong in the copy.
    var next = machine
    output.removeAll(keepingCapacity: true)
    separateBody = []
    try next.send(.response(head), into: &output)
    if machine.isAnsweringHead || body.count <= Self.copyLimit {
      try next.send(.content(body), into: &output)
    } else {
      try next.send(.contentFollows(count: body.count), into: &output)
      separateBody = body
    }
    try next.send(.endOfMessage(), into: &output)
    machine = next
    lastFields = head.fields
  }

  /// Makes one of our own responses ready, which is valid whatever the machine's state.
  mutating func prepareOwn(_ response: Response, through machine: inout Connection) {
    do throws(ProtocolError) {
      try prepare(response, through: &machine)
    } catch {
      preconditionFailure("our own response is valid: \(error)")
    }
  }

  private mutating func fields(
    of response: Response, length: Int
  ) throws(ProtocolError) -> Fields {
    // What a handler says about the length of a body that is not sent does not count.
    let isBodiless = response.status == .noContent || response.status == .resetContent
    var needsLength = response.status != .noContent && response.status != .notModified
    var fields = Fields()
    swap(&fields, &lastFields)
    fields.removeAll(keepingCapacity: true)
    for (name, value) in response.fields.lines {
      if name == .contentLength {
        if isBodiless { continue }
        needsLength = false
      }
      // Framing is ours: with a body of known length there is nothing to choose.
      if name == .transferEncoding { throw ProtocolError(.contentNotAllowed, by: .us) }
      try fields.append(name.rawName, value)
    }
    if response.fields[.date] == nil { try fields.append("Date", date.now()) }
    if needsLength { try fields.append("Content-Length", String(length)) }
    return fields
  }

  /// Sends what was prepared, and gives back its memory if it is much.
  mutating func send(
    to socket: borrowing Socket, within limit: Duration
  ) throws(TransportError) {
    defer {
      separateBody = []
      if output.capacity > 4 * Self.copyLimit { output = [] }
    }
    try socket.send(output.span, separateBody.span, within: limit)
  }

  /// Sends `100 Continue`.
  mutating func sendContinue(
    through machine: inout Connection, to socket: borrowing Socket, within limit: Duration
  ) throws(TransportError) {
    output.removeAll(keepingCapacity: true)
    do throws(ProtocolError) {
      let head = try ResponseHead(status: 100, reason: "Continue")
      try machine.send(.interimResponse(head), into: &output)
    } catch {
      preconditionFailure("a client that awaits 100 may get it: \(error)")
    }
    try socket.send(output.span, within: limit)
  }
}
