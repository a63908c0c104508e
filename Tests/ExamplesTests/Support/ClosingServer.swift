// A server that does once what no server can rule out: it closes a kept connection just when the next request comes.

import Threads
import Transport

/// On its first connection it answers one request, and ends the connection at the second one; from then on it answers all.
final class ClosingServer: Sendable {
  private let listener: Listener
  private let seen = Monitor<[String]>([])

  init(at path: String) throws {
    listener = try Listener(.unix(path: path))
    try Thread.startDetached(name: "closing server") { [self] in
      var isFirst = true
      while let socket = try? listener.accept() {
        serve(socket, atMost: isFirst ? 1 : .max)
        isFirst = false
      }
    }
  }

  /// The request lines that came, without the version.
  var requests: [String] { seen.withLock { $0 } }

  func stop() { listener.close() }

  private func serve(_ socket: borrowing Socket, atMost limit: Int) {
    var input = ReceiveBuffer()
    var answered = 0
    while true {
      let text = String(lines: input.withUnread { unread in unread.indices.map { unread[$0] } })
      guard let head = text.firstMatch(of: /(.*) HTTP\/1\.1\n(?:.+\n)*\n/) else {
        guard let count = try? input.receive(from: socket), count > 0 else { return }
        continue
      }
      seen.withLock { $0.append(String(head.1)) }
      guard answered < limit else { return }
      answered += 1
      input.consume(input.count)
      let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
      guard (try? socket.send(Array(answer.utf8).span)) != nil else { return }
    }
  }
}
