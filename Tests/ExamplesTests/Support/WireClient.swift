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

  /// Sends bytes.
  func send(_ text: String) throws {
    try socket.send(Array(text.utf8).span)
  }

  /// Reads a response that is as long as its `Content-Length` says; without one it has no body.
  mutating func receiveResponse() throws -> WireResponse {
    while true {
      if let response = takeResponse() { return response }
      if try input.receive(from: socket) == 0 { throw Closed() }
    }
  }

  /// Drops what comes, to the end of the first `end` in it.
  mutating func receive(through end: String) throws {
    while true {
      let unread = input.withUnread { unread in unread.indices.map { unread[$0] } }
      if let found = unread.firstRange(of: Array(end.utf8)) {
        return input.consume(found.upperBound)
      }
      if try input.receive(from: socket) == 0 { throw Closed() }
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
    let length = text.firstMatch(of: /\nContent-Length: (\d+)/).flatMap { Int($0.1) } ?? 0
    guard unread.count >= head.upperBound + length else { return nil }
    input.consume(head.upperBound + length)
    return WireResponse(head: text, body: Array(unread[head.upperBound...].prefix(length)))
  }
}
