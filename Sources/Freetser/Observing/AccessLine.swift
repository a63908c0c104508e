// How a line of the access log looks, whatever its client sent.

import HTTPCore
import HTTPTypes
import Threads
import Transport

/// A line about an exchange.
struct AccessLine {
  private let exchange: Exchange
  private let second: String
  private let milliseconds: Int

  private enum Limit {
    static var method: Int { 32 }
    static var target: Int { 1_024 }
    static var field: Int { 256 }
  }

  /// - Parameters:
  ///   - second: When it ended: a date and a time of day, with a `Z` at the end, before which the milliseconds are put.
  ///   - milliseconds: From 0 to 999.
  init(_ exchange: Exchange, at second: String, _ milliseconds: Int) {
    self.exchange = exchange
    self.second = second
    self.milliseconds = milliseconds
  }

  /// How long a line may be: what is ours in it has less than 512 bytes, and what is the client's was part of a head.
  private var room: Int {
    let limit = Limit.method + Limit.target + 2 * Limit.field
    return 512 + OutputSpan<UInt8>.escapedSize * min(exchange.request?.head.length ?? 0, limit)
  }

  private func addTime(to line: inout OutputSpan<UInt8>) {
    let second = second.utf8.span
    line.append(copying: second.extracting(first: second.count - 1))
    line.append(literal: ".")
    line.append(UInt64(milliseconds), digits: 3)
    line.append(literal: "Z")
  }

  /// What another end of a Unix domain socket calls itself is not worth a word.
  private func addClient(to line: inout OutputSpan<UInt8>) {
    line.append(copying: (exchange.client.host ?? "unix:").utf8.span)
  }

  private func addDuration(to line: inout OutputSpan<UInt8>) {
    let microseconds = UInt64(max(0, exchange.duration.inNanoseconds / 1_000))
    line.append(microseconds / 1_000)
    line.append(literal: ".")
    line.append(microseconds % 1_000, digits: 3)
  }

  private func addID(of request: Request, to line: inout OutputSpan<UInt8>) {
    switch request.identity {
    case .given(let id): line.append(copying: id.utf8.span)
    case .counted(let connection, let number):
      line.append(connection, radix: 36)
      line.append(literal: "-")
      line.append(UInt64(number))
    }
  }

  // MARK: Text

  var text: [UInt8] {
    var line: [UInt8] = []
    line.append(addingCapacity: room) { addText(to: &$0) }
    return line
  }

  private func addText(to line: inout OutputSpan<UInt8>) {
    addTime(to: &line)
    line.append(literal: " ")
    addClient(to: &line)
    if let request = exchange.request {
      line.append(literal: " \"")
      request.head.withMethod { line.append(escaping: $0, for: .text, atMost: Limit.method) }
      line.append(literal: " ")
      request.head.withTarget { line.append(escaping: $0, for: .text, atMost: Limit.target) }
      line.append(literal: " HTTP/1.")
      line.append(UInt64(request.version.minor))
      line.append(literal: "\" ")
    } else {
      line.append(literal: " \"-\" ")
    }
    if let status = exchange.status {
      line.append(UInt64(status.code))
    } else {
      line.append(literal: "-")
    }
    line.append(literal: " ")
    line.append(UInt64(exchange.bodySize))
    line.append(literal: " ")
    addDuration(to: &line)
    line.append(literal: "ms \"")
    addField("Referer", to: &line)
    line.append(literal: "\" \"")
    addField("User-Agent", to: &line)
    line.append(literal: "\" ")
    if let request = exchange.request {
      addID(of: request, to: &line)
    } else {
      line.append(literal: "-")
    }
    line.append(literal: exchange.isComplete ? "\n" : " cut\n")
  }

  private func addField(_ name: String, to line: inout OutputSpan<UInt8>) {
    let isThere = exchange.request?.fields.withValue(of: name) { value in
      line.append(escaping: value, for: .text, atMost: Limit.field)
      return true
    }
    if isThere == nil { line.append(literal: "-") }
  }

  // MARK: JSON

  var json: [UInt8] {
    var line: [UInt8] = []
    line.append(addingCapacity: room) { addJSON(to: &$0) }
    return line
  }

  private func addJSON(to line: inout OutputSpan<UInt8>) {
    line.append(literal: "{\"time\":\"")
    addTime(to: &line)
    line.append(literal: "\",\"client\":\"")
    addClient(to: &line)
    line.append(literal: "\"")
    if let request = exchange.request {
      request.head.withMethod { addMember("method", $0, atMost: Limit.method, to: &line) }
      request.head.withTarget { addMember("target", $0, atMost: Limit.target, to: &line) }
      line.append(literal: ",\"version\":\"HTTP/1.")
      line.append(UInt64(request.version.minor))
      line.append(literal: "\"")
    }
    if let status = exchange.status {
      line.append(literal: ",\"status\":")
      line.append(UInt64(status.code))
    }
    line.append(literal: ",\"bytes\":")
    line.append(UInt64(exchange.bodySize))
    line.append(literal: ",\"milliseconds\":")
    addDuration(to: &line)
    if let request = exchange.request {
      request.fields.withValue(of: "Referer") {
        addMember("referer", $0, atMost: Limit.field, to: &line)
      }
      request.fields.withValue(of: "User-Agent") {
        addMember("agent", $0, atMost: Limit.field, to: &line)
      }
      line.append(literal: ",\"request\":\"")
      addID(of: request, to: &line)
      line.append(literal: "\"")
    }
    line.append(literal: exchange.isComplete ? "}\n" : ",\"cut\":true}\n")
  }

  private func addMember(
    _ name: StaticString, _ value: Span<UInt8>, atMost limit: Int, to line: inout OutputSpan<UInt8>
  ) {
    line.append(literal: ",\"")
    line.append(literal: name)
    line.append(literal: "\":\"")
    line.append(escaping: value, for: .json, atMost: limit)
    line.append(literal: "\"")
  }
}
