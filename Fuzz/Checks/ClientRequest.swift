// The requests whose responses clients read in these checks.

import HTTPCore

/// A request, chosen by a number.
struct ClientRequest {
  private(set) var method: String
  private(set) var target: String
  let fields: [(String, String)]
  /// What to send before the response is read; the rest follows after it.
  let content: [UInt8]
  let isFinishedEarly: Bool

  /// - Parameter isToOldServer: Whether the server is known for HTTP/1.0, which has no chunks.
  init(_ choice: Int, isToOldServer: Bool = false) {
    var fields = [("Host", "a")]
    var content: [UInt8] = []
    (method, target) = ("GET", "/")
    switch choice & 7 {
    case 1: method = "HEAD"
    case 2: (method, target) = ("CONNECT", "a:80")
    case 3: fields += [("Connection", "Upgrade"), ("Upgrade", "x")]
    case 4:
      method = "POST"
      fields.append(("Content-Length", "5"))
      content = Array("hello".utf8)
    case 5 where !isToOldServer:
      method = "POST"
      fields += [("Transfer-Encoding", "chunked"), ("Expect", "100-continue")]
    case 6: fields.append(("Connection", "close"))
    case 7: (method, target) = ("OPTIONS", "*")
    default: break
    }
    self.fields = fields
    self.content = content
    isFinishedEarly = choice & 7 != 5 || isToOldServer
  }

  func send(from client: inout Connection, into wire: inout [UInt8]) throws(Finding) {
    try expectNoError("a valid request can be sent") { () throws(ProtocolError) in
      try client.send(
        .request(RequestHead(method: method, target: target, fields: fields)), into: &wire)
      try client.send(.content(content), into: &wire)
      if isFinishedEarly { try client.send(.endOfMessage(), into: &wire) }
    }
  }
}
