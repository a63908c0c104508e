// How a line of the access log looks, whatever its client sent.

import HTTPCore

/// Appends lines to a log's text. What the next line may have in common with the last is kept as text.
struct AccessLineWriter {
  /// When the last line's exchange ended.
  fileprivate var time = LogTime()
  fileprivate var client = KeptText(of: SIMD4<UInt8>(0, 0, 0, 0)) { line, octets in
    for index in octets.indices {
      if index > 0 { line.append(literal: ".") }
      line.append(Int(octets[index]))
    }
  }
  fileprivate var connection = KeptText(of: UInt64(0)) { $0.append(inBase36: $1) }

  /// Appends the line about an exchange.
  ///
  /// - Parameter texts: What the record's texts are parts of.
  mutating func append(_ record: AccessRecord, _ texts: Span<UInt8>, to log: inout [UInt8]) {
    time.set(record.end)
    if case .ipv4(let octets) = record.client { client.set(octets) }
    if case .counted(let number, _) = record.request?.id { connection.set(number) }
    // What is ours in a line has less than 512 bytes.
    let room = 512 + OutputSpan<UInt8>.escapedSize * texts.count
    log.append(addingCapacity: room) { line in
      switch record.format {
      case .text: line.appendText(of: record, texts, self)
      case .json: line.appendJSON(of: record, texts, self)
      }
    }
  }
}

/// A value and its text, which is short.
private struct KeptText<Value: Equatable> {
  private var value: Value
  private(set) var text: [UInt8] = []
  private let write: (inout OutputSpan<UInt8>, Value) -> Void

  init(of value: Value, by write: @escaping (inout OutputSpan<UInt8>, Value) -> Void) {
    self.value = value
    self.write = write
    make()
  }

  mutating func set(_ new: Value) {
    if new == value { return }
    value = new
    make()
  }

  private mutating func make() {
    text.removeAll(keepingCapacity: true)
    text.append(addingCapacity: 15) { [value, write] in write(&$0, value) }
  }
}

// MARK: Text

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func appendText(
    of record: AccessRecord, _ texts: Span<UInt8>, _ kept: AccessLineWriter
  ) {
    append(copying: kept.time.text.span)
    append(literal: " ")
    appendClient(record.client, of: texts, kept)
    append(literal: " \"")
    if let request = record.request {
      // A token, in which nothing is to be escaped.
      append(copying: texts.extracting(request.method.range))
      if request.method.isCut { append(literal: "...") }
      append(literal: " ")
      append(request.target, of: texts, for: .text)
      append(literal: " HTTP/1.")
      append(digit: request.version.minor)
    } else {
      append(literal: "-")
    }
    append(literal: "\" ")
    if let status = record.status {
      append(status)
    } else {
      append(literal: "-")
    }
    append(literal: " ")
    append(record.bodySize)
    append(literal: " ")
    appendMilliseconds(record)
    append(literal: "ms \"")
    appendField(record.request?.referer, of: texts)
    append(literal: "\" \"")
    appendField(record.request?.agent, of: texts)
    append(literal: "\" ")
    if let request = record.request {
      appendID(request.id, of: texts, kept)
    } else {
      append(literal: "-")
    }
    append(literal: record.isComplete ? "\n" : " cut\n")
  }

  private mutating func appendField(_ text: AccessRecord.Text?, of texts: Span<UInt8>) {
    if let text {
      append(text, of: texts, for: .text)
    } else {
      append(literal: "-")
    }
  }
}

// MARK: JSON

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func appendJSON(
    of record: AccessRecord, _ texts: Span<UInt8>, _ kept: AccessLineWriter
  ) {
    append(literal: "{\"time\":\"")
    append(copying: kept.time.text.span)
    append(literal: "\",\"client\":\"")
    appendClient(record.client, of: texts, kept)
    append(literal: "\"")
    if let request = record.request {
      appendMember("method", request.method, of: texts)
      appendMember("target", request.target, of: texts)
      append(literal: ",\"version\":\"HTTP/1.")
      append(digit: request.version.minor)
      append(literal: "\"")
    }
    if let status = record.status {
      append(literal: ",\"status\":")
      append(status)
    }
    append(literal: ",\"bytes\":")
    append(record.bodySize)
    append(literal: ",\"milliseconds\":")
    appendMilliseconds(record)
    if let request = record.request {
      if let referer = request.referer { appendMember("referer", referer, of: texts) }
      if let agent = request.agent { appendMember("agent", agent, of: texts) }
      append(literal: ",\"request\":\"")
      appendID(request.id, of: texts, kept)
      append(literal: "\"")
    }
    append(literal: record.isComplete ? "}\n" : ",\"cut\":true}\n")
  }

  private mutating func appendMember(
    _ name: StaticString, _ text: AccessRecord.Text, of texts: Span<UInt8>
  ) {
    append(literal: ",\"")
    append(literal: name)
    append(literal: "\":\"")
    append(text, of: texts, for: .json)
    append(literal: "\"")
  }
}

// MARK: What both have

extension OutputSpan where Element == UInt8 {
  private mutating func append(
    _ text: AccessRecord.Text, of texts: Span<UInt8>, for format: AccessLog.Format
  ) {
    append(escaping: texts, text.range, for: format)
    if text.isCut { append(literal: "...") }
  }

  private mutating func appendMilliseconds(_ record: AccessRecord) {
    append(record.microseconds / 1_000)
    append(literal: ".")
    append(record.microseconds % 1_000, digits: 3)
  }

  private mutating func appendClient(
    _ client: AccessRecord.Client, of texts: Span<UInt8>, _ kept: AccessLineWriter
  ) {
    switch client {
    case .ipv4: append(copying: kept.client.text.span)
    case .other(let text): append(copying: texts.extracting(text.range))
    case .unknown: append(literal: "unix:")
    }
  }

  private mutating func appendID(
    _ id: AccessRecord.ID, of texts: Span<UInt8>, _ kept: AccessLineWriter
  ) {
    switch id {
    case .given(let text): append(copying: texts.extracting(text.range))
    case .counted(_, let number):
      append(copying: kept.connection.text.span)
      append(literal: "-")
      append(number)
    }
  }
}
