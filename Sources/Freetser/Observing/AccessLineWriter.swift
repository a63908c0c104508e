// How a line of the access log looks, whatever its client sent.

import HTTPCore

/// Appends lines to a log's text. What the next line may have in common with the last is kept as text.
struct AccessLineWriter {
  /// When the last line's exchange ended.
  fileprivate var time = LogTime()
  fileprivate var client = ShortText()
  /// What `client` is the text of.
  private var clientOctets: SIMD4<UInt8>?
  fileprivate var connection = ShortText()
  /// What `connection` is the text of.
  private var connectionNumber: UInt64?

  /// Appends the line about an exchange.
  ///
  /// - Parameter texts: What the record's texts are parts of.
  mutating func append(_ record: AccessRecord, _ texts: Span<UInt8>, to log: inout [UInt8]) {
    time.set(record.end)
    if case .ipv4(let octets) = record.client { setClient(octets) }
    if case .counted(let number, _) = record.request?.id { setConnection(number) }
    // What is ours in a line has less than 512 bytes.
    let room = 512 + OutputSpan<UInt8>.escapedSize * texts.count
    log.append(addingCapacity: room) { line in
      switch record.format {
      case .text: line.appendText(of: record, texts, self)
      case .json: line.appendJSON(of: record, texts, self)
      }
    }
  }

  private mutating func setClient(_ new: SIMD4<UInt8>) {
    if new == clientOctets { return }
    clientOctets = new
    client = ShortText()
    for index in new.indices {
      if index > 0 { client.append(UInt8(ascii: ".")) }
      client.append(decimal: new[index])
    }
  }

  private mutating func setConnection(_ new: UInt64) {
    if new == connectionNumber { return }
    connectionNumber = new
    connection = ShortText()
    connection.append(base36: new)
  }
}

// MARK: Text

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func appendText(
    of record: AccessRecord, _ texts: Span<UInt8>, _ kept: borrowing AccessLineWriter
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
      append(threeDigits: status)
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
    of record: AccessRecord, _ texts: Span<UInt8>, _ kept: borrowing AccessLineWriter
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
      append(threeDigits: status)
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
    append(threeDigits: record.microseconds % 1_000)
  }

  private mutating func appendClient(
    _ client: AccessRecord.Client, of texts: Span<UInt8>, _ kept: borrowing AccessLineWriter
  ) {
    switch client {
    case .ipv4: append(kept.client)
    case .other(let text): append(copying: texts.extracting(text.range))
    case .unknown: append(literal: "unix:")
    }
  }

  private mutating func appendID(
    _ id: AccessRecord.ID, of texts: Span<UInt8>, _ kept: borrowing AccessLineWriter
  ) {
    switch id {
    case .given(let text): append(copying: texts.extracting(text.range))
    case .counted(_, let number):
      append(kept.connection)
      append(literal: "-")
      append(number)
    }
  }
}
