// The tests' own client, for what no other does: it sends what it is told, and no more.

import Threads
import Transport

/// A response as it came.
struct WireResponse {
  /// Status line and fields, each ending with a line feed.
  var head: String
  var body: [UInt8]

  var status: Int { head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// One connection to a server.
struct WireClient: ~Copyable {
  /// The server closed where a response was to come.
  struct Closed: Error {}

  private let socket: Socket
  private var input = ReceiveBuffer(limitInBytes: 1 << 20)

  init(to endpoint: Endpoint) throws {
    let socket = try Socket.connect(to: endpoint)
    try socket.setReceiveTimeout(ChildProcess.timeLimit)
    self.socket = socket
  }

  /// Sends a request and reads its response.
  mutating func request(
    _ method: String, _ target: String, body: String = ""
  ) throws -> WireResponse {
    try send(
      "\(method) \(target) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n"
        + "\r\n\(body)")
    return try receiveResponse()
  }

  /// Sends text.
  func send(_ text: String) throws {
    try send(Array(text.utf8))
  }

  /// Sends bytes.
  func send(_ bytes: [UInt8]) throws {
    try socket.send(bytes.span)
  }

  /// Reads a response that is as long as its `Content-Length` says; without one it has no body.
  mutating func receiveResponse() throws -> WireResponse {
    while true {
      if let response = takeResponse() { return response }
      if try input.receive(from: socket) == 0 { throw Closed() }
    }
  }

  /// What comes, to the end of the first `end` in it; each CR LF is one line feed in both.
  mutating func receive(through end: String) throws -> String {
    let end = Array(end.replacing("\n", with: "\r\n").utf8)
    while true {
      let unread = input.withUnread { unread in unread.indices.map { unread[$0] } }
      if let found = unread.firstRange(of: end) {
        input.consume(found.upperBound)
        return String(lines: unread[..<found.upperBound])
      }
      if try input.receive(from: socket) == 0 { throw Closed() }
    }
  }

  /// Everything until the server closes, or resets the connection.
  mutating func receiveToEnd() throws -> String {
    while try receiveMore() {}
    return String(lines: input.withUnread { unread in unread.indices.map { unread[$0] } })
  }

  /// Whether there was more, and not the end or a reset.
  private mutating func receiveMore() throws -> Bool {
    do {
      return try input.receive(from: socket) > 0
    } catch TransportError.peerGone {
      return false
    }
  }

  /// Whether part of a response has come.
  var hasUnread: Bool { !input.isEmpty }

  /// Waits until the server closes, as it is to do without sending anything more.
  mutating func hasEnded() throws -> Bool {
    try input.isEmpty && input.receive(from: socket) == 0
  }

  private mutating func takeResponse() -> WireResponse? {
    let unread = input.withUnread { unread in unread.indices.map { unread[$0] } }
    guard let head = unread.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let text = String(lines: unread[..<(head.lowerBound + 2)])
    let length = text.firstMatch(of: /(?i)\nContent-Length: (\d+)/).flatMap { Int($0.1) } ?? 0
    guard unread.count >= head.upperBound + length else { return nil }
    input.consume(head.upperBound + length)
    return WireResponse(head: text, body: Array(unread[head.upperBound...].prefix(length)))
  }
}
