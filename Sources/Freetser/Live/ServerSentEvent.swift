// Events that a page follows with `EventSource`: how they look on the wire (WHATWG HTML, section 9.2).

import HTTPCore

/// An event for pages that follow a stream of them.
public struct ServerSentEvent: Equatable, Sendable {
  /// What the client names when it connects again (``Request/lastEventID``). On one line; `nil` leaves the last one's.
  public var id: String?
  /// What the page listens for; `nil` is `message`. On one line.
  public var event: String?
  /// What the page gets. May have several lines.
  public var data: String
  /// How long the client waits before it connects again, from now on; `nil` leaves it at that.
  public var retry: Duration?

  /// An event.
  public init(id: String? = nil, event: String? = nil, data: String, retry: Duration? = nil) {
    self.id = id
    self.event = event
    self.data = data
    self.retry = retry
  }

  /// The lines of the event, and the empty one that ends it; `nil` if its id or name would be others' lines.
  var text: String? {
    for name in [id, event]
    where name?.utf8.contains(where: { [0, 0x0a, 0x0d].contains($0) }) == true {
      return nil
    }
    var text = ""
    if let id { text += "id: \(id)\n" }
    if let event { text += "event: \(event)\n" }
    if let retry {
      let (seconds, attoseconds) = max(.zero, retry).components
      text += "retry: \(seconds * 1000 + attoseconds / 1_000_000_000_000_000)\n"
    }
    for line in Self.lines(of: data) { text += "data: \(line)\n" }
    return text + "\n"
  }

  /// What stands between LF, CR, and CR LF. By bytes: a client may have written characters that take long to compare
  /// (``CombiningMarks``).
  private static func lines(of text: String) -> [Substring] {
    var lines: [Substring] = []
    var rest = text.utf8[...]
    while let end = rest.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) {
      lines.append(Substring(rest[..<end]))
      let isPair = rest[end] == 0x0d && rest[rest.index(after: end)...].first == 0x0a
      rest = rest[end...].dropFirst(isPair ? 2 : 1)
    }
    return lines + [Substring(rest)]
  }
}

extension ResponseBody {
  /// Sends an event at once; for responses that ``Response/events(fields:_:)`` makes.
  ///
  /// - Throws: As ``write(_:)-(Span<UInt8>)`` does; ``StreamError/unsendable(_:)`` if its id or name has a line break or a
  ///   NUL.
  public mutating func send(_ event: ServerSentEvent) throws(StreamError) {
    guard let text = event.text else {
      throw .unsendable(ProtocolError(.invalidFieldValue, by: .us))
    }
    try write(text)
    try flush()
  }

  /// Sends a comment that clients ignore, so that everything between here and the client knows that somebody is there.
  public mutating func sendHeartbeat() throws(StreamError) {
    try write(":\n\n")
    try flush()
  }
}
