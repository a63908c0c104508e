// How a line of the access log looks, whatever its client sent.

import HTTPCore
import HTTPTypes
import Threads
import Transport

/// Makes lines about exchanges.
///
/// What it needs of an exchange it takes from where that is: to copy one counts four references up and down again.
enum AccessLine {
  /// A line for people.
  static func text(of exchange: Exchange) -> [UInt8] {
    line(exchange, atMost: room(for: exchange)) { $0.appendText(of: $1) }
  }

  /// A line for programs.
  static func json(of exchange: Exchange) -> [UInt8] {
    line(exchange, atMost: room(for: exchange)) { $0.appendJSON(of: $1) }
  }

  // Generic, as a value of a type that is not known is captured where it is, and not copied.
  private static func line<Subject>(
    _ subject: Subject, atMost room: Int, _ append: (inout OutputSpan<UInt8>, Subject) -> Void
  ) -> [UInt8] {
    var line: [UInt8] = []
    line.append(addingCapacity: room) { append(&$0, subject) }
    return line
  }

  /// How much of a client's words stands in a line. In bytes.
  fileprivate enum Limit {
    static var method: Int { 32 }
    static var target: Int { 1_024 }
    static var field: Int { 256 }
  }

  /// How long a line may be: what is ours in it has less than 512 bytes, and what is the client's was part of a head.
  private static func room(for exchange: Exchange) -> Int {
    let limit = Limit.method + Limit.target + 2 * Limit.field
    return 512 + OutputSpan<UInt8>.escapedSize * min(exchange.request?.head.length ?? 0, limit)
  }
}

private typealias Limit = AccessLine.Limit

// MARK: Text

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func appendText(of exchange: Exchange) {
    appendTime(exchange.end)
    append(literal: " ")
    appendClient(of: exchange)
    append(literal: " \"")
    appendRequestLine(exchange.request?.head)
    append(literal: "\" ")
    if let status = exchange.status {
      append(status.code)
    } else {
      append(literal: "-")
    }
    append(literal: " ")
    append(exchange.bodySize)
    append(literal: " ")
    appendMilliseconds(exchange.duration)
    append(literal: "ms \"")
    appendField("Referer", of: exchange)
    append(literal: "\" \"")
    appendField("User-Agent", of: exchange)
    append(literal: "\" ")
    append(id: exchange.request?.identity)
    append(literal: exchange.isComplete ? "\n" : " cut\n")
  }

  private mutating func appendRequestLine(_ head: RequestHead?) {
    guard let head else { return append(literal: "-") }
    head.withMethod { append(escaping: $0, for: .text, atMost: Limit.method) }
    append(literal: " ")
    head.withTarget { append(escaping: $0, for: .text, atMost: Limit.target) }
    append(literal: " HTTP/1.")
    append(digit: head.version.minor)
  }

  private mutating func appendField(_ name: String, of exchange: Exchange) {
    let isThere = exchange.request?.fields.withValue(of: name) { value in
      append(escaping: value, for: .text, atMost: Limit.field)
      return true
    }
    if isThere == nil { append(literal: "-") }
  }
}

// MARK: JSON

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func appendJSON(of exchange: Exchange) {
    append(literal: "{\"time\":\"")
    appendTime(exchange.end)
    append(literal: "\",\"client\":\"")
    appendClient(of: exchange)
    append(literal: "\"")
    if let head = exchange.request?.head {
      head.withMethod { appendMember("method", $0, atMost: Limit.method) }
      head.withTarget { appendMember("target", $0, atMost: Limit.target) }
      append(literal: ",\"version\":\"HTTP/1.")
      append(digit: head.version.minor)
      append(literal: "\"")
    }
    if let status = exchange.status {
      append(literal: ",\"status\":")
      append(status.code)
    }
    append(literal: ",\"bytes\":")
    append(exchange.bodySize)
    append(literal: ",\"milliseconds\":")
    appendMilliseconds(exchange.duration)
    if let fields = exchange.request?.fields {
      fields.withValue(of: "Referer") { appendMember("referer", $0, atMost: Limit.field) }
      fields.withValue(of: "User-Agent") { appendMember("agent", $0, atMost: Limit.field) }
      append(literal: ",\"request\":\"")
      append(id: exchange.request?.identity)
      append(literal: "\"")
    }
    append(literal: exchange.isComplete ? "}\n" : ",\"cut\":true}\n")
  }

  private mutating func appendMember(
    _ name: StaticString, _ value: Span<UInt8>, atMost limit: Int
  ) {
    append(literal: ",\"")
    append(literal: name)
    append(literal: "\":\"")
    append(escaping: value, for: .json, atMost: limit)
    append(literal: "\"")
  }
}

// MARK: What both have

extension OutputSpan where Element == UInt8 {
  private mutating func appendTime(_ time: LogTime) {
    append(copying: time.dateAndTime.span)
    append(literal: ".")
    append(time.milliseconds, digits: 3)
    append(literal: "Z")
  }

  /// What another end of a Unix domain socket calls itself is not worth a word.
  private mutating func appendClient(of exchange: Exchange) {
    let host = exchange.request != nil ? exchange.request?.clientHost : exchange.peer.host
    append(copying: (host ?? "unix:").utf8.span)
  }

  private mutating func appendMilliseconds(_ duration: Duration) {
    let microseconds = Int(max(0, duration.inNanoseconds / 1_000))
    append(microseconds / 1_000)
    append(literal: ".")
    append(microseconds % 1_000, digits: 3)
  }

  private mutating func append(id: Request.Identity?) {
    switch id {
    case .given(let id): append(copying: id.utf8.span)
    case .counted(let connection, let number):
      append(copying: connection.utf8.span)
      append(literal: "-")
      append(number)
    case nil: append(literal: "-")
    }
  }
}
