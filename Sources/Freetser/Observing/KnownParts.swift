// The parts of a line of the access log that are the same for many requests.

import HTTPCore
import Transport

/// What a connection's line begins with, the time and who asked, and what of it depends on the request's fields alone.
struct KnownParts {
  /// While it is the same, so are the fields of the connection's requests.
  var fieldChanges = 0
  /// What the parts were made of; `nil` if they are not those of a request.
  private var made: (fieldChanges: Int, format: AccessLog.Format)?
  /// When the exchange ended.
  private var time = LogTime()
  /// What a line begins with, and behind it what the fields say.
  private var bytes: [UInt8] = []
  private var beginningEnd = 0

  /// How long all of them are together. In bytes.
  var size: Int { bytes.count }

  /// Makes them those of a request's line. The fields are looked at if they are not those of the line before.
  mutating func set(
    _ request: borrowing Request, at end: CivilTime.Moment, as format: AccessLog.Format
  ) {
    let isNewTime = time.set(end)
    if let made, made == (fieldChanges, format) {
      if isNewTime { writeTime(as: format) }
    } else {
      make(request, as: format)
      made = (fieldChanges, format)
    }
  }

  /// The same for a request that could not be read.
  mutating func set(
    from peer: Address, at end: CivilTime.Moment, as format: AccessLog.Format
  ) {
    forget()
    time.set(end)
    make(of: peer, as: format, room: 0) { fields in
      if format == .text { fields.append(literal: "ms \"-\" \"-\" -") }
    }
  }

  /// Another connection comes, which gets the memory, and the time, which is mostly that of its first line too.
  mutating func forget() {
    made = nil
  }

  // Not inlined, as most requests need no stack for it.
  @inline(never)
  private mutating func make(_ request: borrowing Request, as format: AccessLog.Format) {
    let head = request.head.fields.storage.span
    func text(of name: StaticString) -> AccessText? {
      guard let place = request.head.fields.firstValue(lowercased: name) else { return nil }
      return AccessText(head, place, atMost: 256)
    }
    let referer = text(of: "referer")
    let agent = text(of: "user-agent")
    let identity = request.identity
    var room = (referer?.room ?? 0) + (agent?.room ?? 0)
    if case .given(let id) = identity { room += id.utf8.count }
    make(of: request.client, as: format, room: room) { fields in
      switch format {
      case .text:
        fields.append(literal: "ms \"")
        fields.append(orDash: referer, of: head)
        fields.append(literal: "\" \"")
        fields.append(orDash: agent, of: head)
        fields.append(literal: "\" ")
      case .json:
        if let referer { fields.append(member: "referer", referer, of: head) }
        if let agent { fields.append(member: "agent", agent, of: head) }
        fields.append(literal: ",\"request\":\"")
      }
      switch identity {
      case .given(let id): fields.append(copying: id.utf8.span)
      case .counted(let connection, _):
        fields.append(base36: connection)
        fields.append(literal: "-")
      }
    }
  }

  /// - Parameters:
  ///   - room: How long the texts among the fields are at most. In bytes.
  ///   - appendFields: Appends what the fields say.
  private mutating func make(
    of client: Address, as format: AccessLog.Format, room: Int,
    _ appendFields: (inout OutputSpan<UInt8>) -> Void
  ) {
    bytes.removeAll(keepingCapacity: true)
    var end = 0
    // The rest has fewer bytes than 192, of which the longest address has 50 and the longest number 13.
    bytes.append(addingCapacity: 192 + room) { parts in
      if format == .json { parts.append(literal: Self.beforeTimeInJSON) }
      parts.append(copying: time.text.span)
      parts.append(literal: format == .text ? " " : "\",\"client\":\"")
      switch client {
      case .ipv4, .ipv6: parts.append(copying: (client.host ?? "").utf8.span)
      // What another end of a Unix domain socket calls itself is not worth a word.
      case .unix: parts.append(literal: "unix:")
      }
      parts.append(literal: format == .text ? " \"" : "\"")
      end = parts.count
      appendFields(&parts)
    }
    beginningEnd = end
  }

  private static let beforeTimeInJSON: StaticString = "{\"time\":\""

  /// Writes the time over that of the line before.
  private mutating func writeTime(as format: AccessLog.Format) {
    let start = format == .text ? 0 : Self.beforeTimeInJSON.utf8CodeUnitCount
    for place in time.text.indices { bytes[start + place] = time.text[place] }
  }

  /// Appends when it was and who asked.
  func appendBeginning(to line: inout OutputSpan<UInt8>) {
    line.append(copying: bytes.span.extracting(first: beginningEnd))
  }

  /// Appends what the fields say, and what the request's number completes to an id.
  func appendFields(to line: inout OutputSpan<UInt8>) {
    line.append(copying: bytes.span.extracting(droppingFirst: beginningEnd))
  }
}

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func append(orDash text: AccessText?, of bytes: Span<UInt8>) {
    if let text {
      append(text, of: bytes, for: .text)
    } else {
      append(literal: "-")
    }
  }
}
