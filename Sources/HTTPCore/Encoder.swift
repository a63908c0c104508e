// Heads to bytes. What is written here was checked before: see Connection+Send.swift.

enum Encoder {
  /// What a head says about the connection's future besides its own fields.
  enum Persistence: Equatable, Sendable {
    case unsaid
    case close
    case keepAlive
  }

  /// Writes a request's head; always as HTTP/1.1 (RFC 9112 section 3).
  static func write(_ head: RequestHead, into output: inout [UInt8]) {
    output.append(contentsOf: head.methodBytes)
    output.append(UInt8(ascii: " "))
    output.append(contentsOf: head.targetBytes)
    output.append(contentsOf: " HTTP/1.1\r\n".utf8)
    for line in head.fields.lines { write(line, of: head.fields, into: &output) }
    output.append(contentsOf: "\r\n".utf8)
  }

  /// Writes a response's head; always as HTTP/1.1 (RFC 9112 section 4).
  ///
  /// - Parameters:
  ///   - chunked: Whether to add the field that says so.
  ///   - persistence: Takes the place of `close` and `keep-alive` in the head's own `Connection` fields.
  static func write(
    _ head: ResponseHead, addingChunked chunked: Bool, persistence: Persistence,
    into output: inout [UInt8]
  ) {
    output.append(contentsOf: "HTTP/1.1 ".utf8)
    writeDecimal(UInt64(head.status), into: &output)
    output.append(UInt8(ascii: " "))
    output.append(contentsOf: head.reasonBytes)
    output.append(contentsOf: "\r\n".utf8)
    for line in head.fields.lines {
      if isConnection(line, of: head.fields) {
        writeOtherOptions(line, of: head.fields, into: &output)
      } else {
        write(line, of: head.fields, into: &output)
      }
    }
    if chunked { output.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8) }
    switch persistence {
    case .unsaid: break
    case .close: output.append(contentsOf: "Connection: close\r\n".utf8)
    case .keepAlive: output.append(contentsOf: "Connection: keep-alive\r\n".utf8)
    }
    output.append(contentsOf: "\r\n".utf8)
  }

  /// Writes the end of chunked content (RFC 9112 section 7.1).
  static func writeLastChunk(trailers: Fields, into output: inout [UInt8]) {
    output.append(contentsOf: "0\r\n".utf8)
    for line in trailers.lines { write(line, of: trailers, into: &output) }
    output.append(contentsOf: "\r\n".utf8)
  }

  /// Writes the line before a chunk of `size` bytes.
  static func writeChunkLine(size: Int, into output: inout [UInt8]) {
    var shift = (Int.bitWidth - 1 - size.leadingZeroBitCount) / 4 * 4
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: size >> shift) & 15
      output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      shift -= 4
    }
    output.append(contentsOf: "\r\n".utf8)
  }

  private static func write(
    _ line: FieldLine, of fields: Fields, into output: inout [UInt8]
  ) {
    output.append(contentsOf: fields.storage[line.name])
    output.append(contentsOf: ": ".utf8)
    output.append(contentsOf: fields.storage[line.value])
    output.append(contentsOf: "\r\n".utf8)
  }

  private static func isConnection(_ line: FieldLine, of fields: Fields) -> Bool {
    fields.storage.span.matches(line.name, lowercased: "connection")
  }

  /// Writes a `Connection` line's options other than those about persistence, which are ours to decide.
  private static func writeOtherOptions(
    _ line: FieldLine, of fields: Fields, into output: inout [UInt8]
  ) {
    let bytes = fields.storage.span
    Grammar.forEachListElement(bytes, line.value) { option in
      if bytes.matches(option, lowercased: "close") { return }
      if bytes.matches(option, lowercased: "keep-alive") { return }
      output.append(contentsOf: "Connection: ".utf8)
      output.append(copying: bytes.extracting(option))
      output.append(contentsOf: "\r\n".utf8)
    }
  }

  private static func writeDecimal(_ number: UInt64, into output: inout [UInt8]) {
    if number >= 10 { writeDecimal(number / 10, into: &output) }
    output.append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}
