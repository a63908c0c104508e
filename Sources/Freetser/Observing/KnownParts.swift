// The parts of a line of the access log that are the same for many requests.

import HTTPCore
import Transport

/// When the last exchange of a connection ended, and the parts of a line that depend on nothing but the connection and the
/// request's fields.
struct KnownParts {
  /// How often a request of the connection had other fields than the one before it.
  var fieldChanges = 0
  /// What the parts were made of.
  private var made: (fieldChanges: Int, format: AccessLog.Format)?
  /// As text, when the exchange ended.
  private(set) var time = LogTime()
  /// Both parts, one behind the other.
  private var bytes: [UInt8] = []
  private var clientEnd = 0

  /// How long they are together, with the time. In bytes.
  var size: Int { bytes.count + LogTime.length }

  /// Makes them those of a request, unless they are.
  mutating func set(
    _ request: borrowing Request, at end: CivilTime.Moment, as format: AccessLog.Format
  ) {
    time.set(end)
    if let made, made == (fieldChanges, format) { return }
    make(request, as: format)
    made = (fieldChanges, format)
  }

  // Not inlined, as most requests need no stack for it.
  @inline(never)
  private mutating func make(_ request: borrowing Request, as format: AccessLog.Format) {
    setClient(request.client, as: format)
    let fields = request.head.fields
    let head = fields.storage.span
    let referer = fields.firstValue(lowercased: "referer").map {
      AccessText(head, $0, atMost: 256)
    }
    let agent = fields.firstValue(lowercased: "user-agent").map {
      AccessText(head, $0, atMost: 256)
    }
    // What is ours has fewer bytes than 256, with the longest id.
    let room = 256 + (referer?.room ?? 0) + (agent?.room ?? 0)
    let identity = request.identity
    bytes.append(addingCapacity: room) { part in
      switch format {
      case .text:
        part.append(literal: "ms \"")
        part.append(orDash: referer, of: head)
        part.append(literal: "\" \"")
        part.append(orDash: agent, of: head)
        part.append(literal: "\" ")
      case .json:
        if let referer { part.append(member: "referer", referer, of: head) }
        if let agent { part.append(member: "agent", agent, of: head) }
        part.append(literal: ",\"request\":\"")
      }
      switch identity {
      case .given(let id): part.append(copying: id.utf8.span)
      case .counted(let connection, _):
        part.append(base36: connection)
        part.append(literal: "-")
      }
    }
  }

  /// Makes them those of a request that could not be read.
  mutating func set(
    from peer: Address, at end: CivilTime.Moment, as format: AccessLog.Format
  ) {
    time.set(end)
    made = nil
    setClient(peer, as: format)
    if format == .text { bytes.append(copying: "ms \"-\" \"-\" -".utf8.span) }
  }

  private mutating func setClient(_ client: Address, as format: AccessLog.Format) {
    bytes.removeAll(keepingCapacity: true)
    // An IPv6 address with the name of an interface has less.
    bytes.append(addingCapacity: 128) { part in
      part.append(literal: format == .text ? " " : "\",\"client\":\"")
      switch client {
      case .ipv4, .ipv6: part.append(copying: (client.host ?? "").utf8.span)
      // What another end of a Unix domain socket calls itself is not worth a word.
      case .unix: part.append(literal: "unix:")
      }
      part.append(literal: format == .text ? " \"" : "\"")
    }
    clientEnd = bytes.count
  }

  /// Appends who asked.
  func appendClient(to line: inout OutputSpan<UInt8>) {
    line.append(copying: bytes.span.extracting(first: clientEnd))
  }

  /// Appends what else is known of the client, and what its request's number completes to an id.
  func appendFields(to line: inout OutputSpan<UInt8>) {
    line.append(copying: bytes.span.extracting(droppingFirst: clientEnd))
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
