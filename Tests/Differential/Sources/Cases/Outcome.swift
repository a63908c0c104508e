// What came of a case, in a form that is the same for every implementation.

/// What reading led to. Content is joined, so that how it was cut makes no difference.
public struct Outcome: Equatable, Sendable {
  /// Something that was read.
  public enum Item: Equatable, Sendable {
    /// A request's head.
    case request(method: [UInt8], target: [UInt8], version: String, fields: [Field])
    /// A response's head, interim or final.
    case response(status: Int, reason: [UInt8], version: String, fields: [Field])
    /// Content, all up to the next item.
    case content([UInt8])
    /// The end of a message, with its trailers.
    case end([Field])
    /// The end of the input, between messages.
    case closed
  }

  /// A name and a value, as they came.
  public struct Field: Equatable, Sendable {
    var name: [UInt8]
    var value: [UInt8]

    /// Keeps both as they are.
    public init(_ name: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
      self.name = Array(name)
      self.value = Array(value)
    }
  }

  /// What was read, in order.
  public var items: [Item] = []
  /// Why reading stopped, if by an error.
  public var error: String?
  /// The status that the error suggests; 0 if it suggests none.
  public var status = 0
  /// The state of the peer's half at the end.
  public var state = ""
  /// How many bytes nothing took.
  public var left = 0
  /// What was sent meanwhile (by scripts).
  public var wire: [UInt8]?

  /// Nothing yet.
  public init() {}

  /// Adds an item, joining content.
  public mutating func note(_ item: Item) {
    if case .content(let more) = item, case .content(let before)? = items.last {
      items[items.count - 1] = .content(before + more)
    } else {
      items.append(item)
    }
  }

  /// As a line of JSON; bytes are written as the characters of the same numbers.
  ///
  /// - Parameter split: What was different when the bytes were cut, if anything.
  public func json(split: String? = nil) -> String {
    var json = JSON()
    json.raw("{\"items\": [")
    for (index, item) in items.enumerated() {
      if index > 0 { json.raw(", ") }
      json.item(item)
    }
    json.raw("], \"error\": ")
    if let error { json.string(error.utf8) } else { json.raw("null") }
    json.raw(", \"status\": \(status), \"state\": \"\(state)\", \"left\": \(left)")
    if let wire {
      json.raw(", \"wire\": ")
      json.string(wire)
    }
    if let split {
      json.raw(", \"split\": ")
      json.string(split.utf8)
    }
    json.raw("}")
    return String(decoding: json.text, as: UTF8.self)
  }
}

/// Writes JSON in ASCII.
private struct JSON {
  var text: [UInt8] = []

  mutating func raw(_ part: String) { text += part.utf8 }

  mutating func string(_ bytes: some Sequence<UInt8>) {
    text.append(UInt8(ascii: "\""))
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
      case 0x20...0x7e: text.append(byte)
      default:
        let digits = Array("0123456789abcdef".utf8)
        text += "\\u00".utf8
        text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  mutating func item(_ item: Outcome.Item) {
    switch item {
    case .request(let method, let target, let version, let fields):
      raw("[\"request\", ")
      string(method)
      raw(", ")
      string(target)
      raw(", \"\(version)\", ")
      self.fields(fields)
    case .response(let status, let reason, let version, let fields):
      raw("[\"response\", \(status), ")
      string(reason)
      raw(", \"\(version)\", ")
      self.fields(fields)
    case .content(let bytes):
      raw("[\"content\", ")
      string(bytes)
    case .end(let trailers):
      raw("[\"end\", ")
      fields(trailers)
    case .closed: raw("[\"closed\"")
    }
    raw("]")
  }

  mutating func fields(_ fields: [Outcome.Field]) {
    raw("[")
    for (index, field) in fields.enumerated() {
      raw(index > 0 ? ", [" : "[")
      string(field.name)
      raw(", ")
      string(field.value)
      raw("]")
    }
    raw("]")
  }
}
