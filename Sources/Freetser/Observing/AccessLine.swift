// How a line of the access log looks, whatever its client sent.

import HTTPCore
import HTTPTypes
import Threads
import Transport

/// A line about an exchange.
struct AccessLine {
  private let exchange: Exchange
  private let time: String

  private enum Limit {
    static var method: Int { 32 }
    static var target: Int { 1_024 }
    static var field: Int { 256 }
  }

  /// - Parameter time: When it ended.
  init(_ exchange: Exchange, at time: String) {
    self.exchange = exchange
    self.time = time
  }

  /// What another end of a Unix domain socket calls itself is not worth a word.
  private var client: String { exchange.client.host ?? "unix:" }

  private var milliseconds: String {
    let microseconds = exchange.duration.inNanoseconds / 1_000
    return "\(microseconds / 1_000).\(padded(Int(microseconds % 1_000), to: 3))"
  }

  // MARK: Text

  var text: String {
    var line = EscapedLine()
    line.add(time, " ", client, " \"")
    if let request = exchange.request {
      line.add(escaping: request.head.method.utf8.span, for: .text, atMost: Limit.method)
      line.add(" ")
      request.head.withTarget { line.add(escaping: $0, for: .text, atMost: Limit.target) }
      line.add(" ", request.version.description, "\" ")
    } else {
      line.add("-\" ")
    }
    line.add(exchange.status.map { String($0.code) } ?? "-", " ", String(exchange.bodySize), " ")
    line.add(milliseconds, "ms \"")
    addText(.referer, to: &line)
    line.add("\" \"")
    addText(.userAgent, to: &line)
    line.add("\" ", exchange.request?.id ?? "-", exchange.isComplete ? "\n" : " cut\n")
    return line.string
  }

  private func addText(_ name: HTTPField.Name, to line: inout EscapedLine) {
    let isThere = exchange.request?.fields.withValue(of: name.rawName) { value in
      line.add(escaping: value, for: .text, atMost: Limit.field)
      return true
    }
    if isThere == nil { line.add("-") }
  }

  // MARK: JSON

  var json: String {
    var line = EscapedLine()
    line.add("{\"time\":\"", time, "\",\"client\":\"", client, "\"")
    if let request = exchange.request {
      addJSON("method", request.head.method.utf8.span, atMost: Limit.method, to: &line)
      request.head.withTarget { addJSON("target", $0, atMost: Limit.target, to: &line) }
      line.add(",\"version\":\"", request.version.description, "\"")
    }
    if let status = exchange.status { line.add(",\"status\":", String(status.code)) }
    line.add(",\"bytes\":", String(exchange.bodySize), ",\"milliseconds\":", milliseconds)
    if let request = exchange.request {
      request.fields.withValue(of: "Referer") {
        addJSON("referer", $0, atMost: Limit.field, to: &line)
      }
      request.fields.withValue(of: "User-Agent") {
        addJSON("agent", $0, atMost: Limit.field, to: &line)
      }
      line.add(",\"request\":\"", request.id, "\"")
    }
    line.add(exchange.isComplete ? "}\n" : ",\"cut\":true}\n")
    return line.string
  }

  private func addJSON(
    _ name: String, _ value: Span<UInt8>, atMost limit: Int, to line: inout EscapedLine
  ) {
    line.add(",\"", name, "\":\"")
    line.add(escaping: value, for: .json, atMost: limit)
    line.add("\"")
  }
}

/// A line of printable ASCII, whatever a client has put into it.
struct EscapedLine {
  private var bytes: [UInt8] = []

  init() {
    // Enough for most.
    bytes.reserveCapacity(320)
  }

  var string: String { String(decoding: bytes, as: UTF8.self) }

  /// Adds text of our own.
  mutating func add(_ texts: String...) {
    for text in texts { bytes.append(contentsOf: text.utf8) }
  }

  /// Adds what a client sent, to stand between quotes.
  mutating func add(escaping value: Span<UInt8>, for format: AccessLog.Format, atMost limit: Int) {
    let kept = value.extracting(first: min(value.count, limit))
    let start = bytes.count
    for index in kept.indices {
      guard isPlain(kept[index]) else {
        // Seldom: from its beginning again.
        bytes.removeSubrange(start...)
        addEscaped([UInt8](copying: kept), for: format)
        break
      }
      bytes.append(kept[index])
    }
    if kept.count < value.count { add("...") }
  }

  private mutating func addEscaped(_ value: [UInt8], for format: AccessLog.Format) {
    switch format {
    case .text:
      for byte in value {
        if isPlain(byte) { bytes.append(byte) } else { add("\\x", hex(Int(byte), digits: 2)) }
      }
    case .json:
      // In UTF-16, as JSON's escapes are (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD.
      for unit in String(decoding: value, as: UTF8.self).utf16 {
        if let byte = UInt8(exactly: unit), isPlain(byte) {
          bytes.append(byte)
        } else {
          add("\\u", hex(Int(unit), digits: 4))
        }
      }
    }
  }

  /// Whether a byte is printable ASCII and none that quotes or escapes.
  private func isPlain(_ byte: UInt8) -> Bool {
    0x20..<0x7f ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private func hex(_ number: Int, digits: Int) -> String {
    padded(number, to: digits, radix: 16)
  }
}

/// A number with zeros before it.
func padded(_ number: Int, to width: Int, radix: Int = 10) -> String {
  let digits = String(number, radix: radix)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
