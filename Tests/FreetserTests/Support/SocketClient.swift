// A client that sends any bytes it is told to and reads responses with our own machine.

import HTTPCore

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

final class SocketClient {
  struct Received: Equatable {
    var status: Int
    var fields: Fields
    var body: [UInt8]
    var trailers = Fields()
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  enum Failure: Error {
    case closedWithoutResponse
  }

  let socket: Socket
  private var input: [UInt8] = []
  private var inputEnded = false

  convenience init(_ address: Address) throws {
    try self.init(Socket.connect(to: address))
  }

  init(_ connected: consuming Socket) throws {
    socket = connected
    // Long enough for the slowest machine; a test that gets here has failed.
    try socket.setReceiveTimeout(.seconds(60))
  }

  /// Sends text in which each line feed stands for CR LF.
  func send(_ text: String) throws {
    try send(bytes: text.utf8.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] })
  }

  func send(bytes: [UInt8]) throws {
    try socket.send(bytes.span, within: .seconds(60))
  }

  /// The next response to a request of this method; interim ones are counted and passed over.
  func receive(to method: String = "GET", interim: Int = 0) throws -> Received {
    var machine = Connection(role: .client)
    var ignored: [UInt8] = []
    let target = method == "CONNECT" ? "a:80" : "/"
    try machine.send(
      .request(RequestHead(method: method, target: target, fields: [("Host", "a")])),
      into: &ignored)
    try machine.send(.endOfMessage(), into: &ignored)
    var received: Received?
    var body: [UInt8] = []
    while true {
      let unread = input
      switch try machine.step(unread.span, inputEnded: inputEnded) {
      case .event(let event, let consumed):
        switch event {
        case .response(let head):
          received = Received(status: head.status, fields: head.fields, body: [])
        case .interimResponse(let head) where interim == head.status:
          input.removeFirst(consumed)
          return Received(status: head.status, fields: head.fields, body: [])
        case .content(let range): body += input[range]
        case .endOfMessage(let trailers):
          input.removeFirst(consumed)
          received?.body = body
          received?.trailers = trailers
          guard let received else { throw Failure.closedWithoutResponse }
          return received
        default: break
        }
        input.removeFirst(consumed)
      case .needMoreInput: try receiveMore()
      case .paused: throw Failure.closedWithoutResponse
      }
    }
  }

  /// Receives so many bytes and forgets them.
  func drop(_ count: Int) throws {
    let received = min(count, input.count)
    input.removeFirst(received)
    var left = count - received
    while left > 0 {
      var received: [UInt8] = []
      try received.append(addingCapacity: min(left, 65_536)) { output in
        _ = try socket.receive(into: &output)
      }
      if received.isEmpty { throw Failure.closedWithoutResponse }
      left -= received.count
    }
  }

  /// What comes, to the end of the first `end` in it, each CR LF as one line feed.
  func receive(through end: String) throws -> String {
    try receive(throughExactly: end.replacing("\n", with: "\r\n")).replacing("\r\n", with: "\n")
  }

  /// What comes, to the end of the first `end` in it.
  func receive(throughExactly end: String) throws -> String {
    while true {
      let text = String(decoding: input, as: UTF8.self)
      if let found = text.firstRange(of: end) {
        let received = text[..<found.upperBound]
        input.removeFirst(received.utf8.count)
        return String(received)
      }
      try receiveMore()
    }
  }

  /// Everything until the server closes.
  func receiveToEnd() throws -> String {
    while !inputEnded { try receiveMore() }
    return String(decoding: input, as: UTF8.self).replacing("\r\n", with: "\n")
  }

  private func receiveMore() throws {
    var received: [UInt8] = []
    try received.append(addingCapacity: 65_536) { output in
      _ = try socket.receive(into: &output)
    }
    inputEnded = received.isEmpty
    input += received
    if inputEnded, input.isEmpty { throw Failure.closedWithoutResponse }
  }

  /// Whether nothing has come that was not looked at.
  var hasNothing: Bool {
    var wanted = pollfd(fd: socket.descriptor.number, events: Int16(POLLIN), revents: 0)
    return unsafe input.isEmpty && poll(&wanted, 1, 0) == 0
  }

  /// Whether the server has closed, and said nothing before.
  func isClosedSilently() throws -> Bool {
    do {
      _ = try receiveToEnd()
      return false
    } catch Failure.closedWithoutResponse {
      return true
    }
  }

  /// Waits, reading nothing, until the server has reset the connection.
  func isReset() -> Bool {
    // A close in order is no event for poll(2) when no events are asked for.
    var wanted = pollfd(fd: socket.descriptor.number, events: 0, revents: 0)
    return unsafe poll(&wanted, 1, 60_000) == 1 && wanted.revents & Int16(POLLERR) != 0
  }

  /// Whether the server has closed or reset, whatever it said before.
  func isGone() -> Bool {
    do {
      while !inputEnded { try receiveMore() }
      return true
    } catch TransportError.peerGone, Failure.closedWithoutResponse {
      return true
    } catch {
      return false
    }
  }
}
