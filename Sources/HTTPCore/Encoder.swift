// Heads to bytes. What is written here was checked before: see Connection+Send.swift.

enum Encoder {
  /// What a head says about the connection's future besides its own fields.
  enum PersistenceOption: Equatable, Sendable {
    case unsaid
    case close
    case keepAlive
  }

  /// Writes a request's head; always as HTTP/1.1 (RFC 9112 section 3).
  static func write(_ head: RequestHead, into output: inout [UInt8]) {
    let bytes = head.fields.storage.span
    output.append(copying: bytes.extracting(head.methodRange))
    output.append(literal: " ")
    output.append(copying: bytes.extracting(head.targetRange))
    output.append(literal: " HTTP/1.1\r\n")
    write(head.fields, into: &output)
    output.append(literal: "\r\n")
  }

  /// Writes a response's head; always as HTTP/1.1 (RFC 9112 section 4).
  ///
  /// - Parameters:
  ///   - framing: What to add a field for: chunks, or a length of zero.
  ///   - persistence: Takes the place of `close` and `keep-alive` in the head's own `Connection` fields.
  static func write(
    _ head: ResponseHead, adding framing: BodyFraming, persistence: PersistenceOption,
    into output: inout [UInt8]
  ) {
    writeOwnLines(head, into: &output)
    switch framing {
    case .chunked: output.append(literal: "Transfer-Encoding: chunked\r\n")
    case .sized(0): output.append(literal: "Content-Length: 0\r\n")
    case .none, .sized, .untilClose: break
    }
    output.append(addingCapacity: endSize) { writeEnd(nil, persistence, into: &$0) }
  }

  /// Writes a response's head and content, in one piece: one for each part costs half as much again.
  static func write(
    whole head: ResponseHead, addingLength length: Int?, persistence: PersistenceOption,
    content: Span<UInt8>, into output: inout [UInt8]
  ) {
    guard let wire = head.fields.wire, !head.facts.hasConnection else {
      writeOwnLines(head, into: &output)
      output.append(addingCapacity: endSize) { writeEnd(length, persistence, into: &$0) }
      output.append(copying: content)
      return
    }
    let status = head.status
    let reason = head.fields.storage.span.extracting(head.reasonRange)
    let fields = head.fields.storage.span.extracting(wire)
    let size = statusLineSize + reason.count + fields.count + endSize + content.count
    output.append(addingCapacity: size) { output in
      writeStatusLine(status, reason, into: &output)
      output.append(copying: fields)
      writeEnd(length, persistence, into: &output)
      output.append(copying: content)
    }
  }

  /// Writes what a head has itself.
  private static func writeOwnLines(_ head: ResponseHead, into output: inout [UInt8]) {
    let status = head.status
    let reason = head.fields.storage.span.extracting(head.reasonRange)
    output.append(addingCapacity: statusLineSize + reason.count) {
      writeStatusLine(status, reason, into: &$0)
    }
    if head.facts.hasConnection {
      writeWithoutPersistence(head.fields, into: &output)
    } else {
      write(head.fields, into: &output)
    }
  }

  /// How long a status line is, without its reason.
  private static var statusLineSize: Int { "HTTP/1.1 000 \r\n".utf8.count }

  @inline(__always)
  private static func writeStatusLine(
    _ status: Int, _ reason: Span<UInt8>, into output: inout OutputSpan<UInt8>
  ) {
    output.append(literal: "HTTP/1.1 ")
    output.append(digit(status / 100))
    output.append(digit(status / 10))
    output.append(digit(status))
    output.append(literal: " ")
    output.append(copying: reason)
    output.append(literal: "\r\n")
  }

  /// How long the end of a head may be.
  private static var endSize: Int {
    "Content-Length: 9223372036854775807\r\nConnection: keep-alive\r\n\r\n".utf8.count
  }

  /// Writes what is added to a head's own fields, and the empty line.
  @inline(__always)
  private static func writeEnd(
    _ length: Int?, _ persistence: PersistenceOption, into output: inout OutputSpan<UInt8>
  ) {
    if let length {
      output.append(literal: "Content-Length: ")
      writeDecimal(length, into: &output)
      output.append(literal: "\r\n")
    }
    switch persistence {
    case .unsaid: output.append(literal: "\r\n")
    case .close: output.append(literal: "Connection: close\r\n\r\n")
    case .keepAlive: output.append(literal: "Connection: keep-alive\r\n\r\n")
    }
  }

  private static func writeDecimal(_ number: Int, into output: inout OutputSpan<UInt8>) {
    if number >= 10 { writeDecimal(number / 10, into: &output) }
    output.append(digit(number))
  }

  /// The last decimal digit of a number.
  private static func digit(_ number: Int) -> UInt8 {
    UInt8(ascii: "0") + UInt8(number % 10)
  }

  /// Writes the end of chunked content (RFC 9112 section 7.1).
  static func writeLastChunk(trailers: Fields, into output: inout [UInt8]) {
    output.append(literal: "0\r\n")
    write(trailers, into: &output)
    output.append(literal: "\r\n")
  }

  /// Writes the line before a chunk of `size` bytes.
  static func writeChunkLine(size: Int, into output: inout [UInt8]) {
    var shift = (Int.bitWidth - 1 - size.leadingZeroBitCount) / 4 * 4
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: size >> shift) & 15
      output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      shift -= 4
    }
    output.append(literal: "\r\n")
  }

  private static func write(_ fields: Fields, into output: inout [UInt8]) {
    let bytes = fields.storage.span
    if let wire = fields.wire {
      output.append(copying: bytes.extracting(wire))
    } else {
      for line in fields.lines { write(bytes, line, into: &output) }
    }
  }

  private static func write(
    _ bytes: Span<UInt8>, _ line: FieldLine, into output: inout [UInt8]
  ) {
    output.append(copying: bytes.extracting(line.name))
    output.append(literal: ": ")
    output.append(copying: bytes.extracting(line.value))
    output.append(literal: "\r\n")
  }

  /// Writes fields without the options of `Connection` that are about persistence, which is ours to decide.
  private static func writeWithoutPersistence(_ fields: Fields, into output: inout [UInt8]) {
    let bytes = fields.storage.span
    for line in fields.lines {
      guard bytes.matches(line.name, lowercased: "connection") else {
        write(bytes, line, into: &output)
        continue
      }
      var isFirst = true
      Grammar.forEachListElement(bytes, line.value) { option in
        if bytes.matches(option, lowercased: "close") { return }
        if bytes.matches(option, lowercased: "keep-alive") { return }
        output.append(literal: isFirst ? "Connection: " : ", ")
        output.append(copying: bytes.extracting(option))
        isFirst = false
      }
      if !isFirst { output.append(literal: "\r\n") }
    }
  }
}
