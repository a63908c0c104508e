// One element of Forwarded (RFC 7239 section 4) and of X-Forwarded-For.

import Transport

extension ForwardingHop {
  /// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`, with no space between.
  ///
  /// No parameter may occur twice (RFC 7239 section 4). Those that say nothing of the client must be well-formed and
  /// are passed over.
  init(forwarded element: Span<UInt8>) throws(MalformedForwarding) {
    var names: [[UInt8]] = []
    var index = 0
    while true {
      if index < element.count, element[index] != UInt8(ascii: ";") {
        let name = try token(element, from: &index).map(lowercased)
        guard !names.contains(name) else { throw MalformedForwarding() }
        names.append(name)
        try skip(UInt8(ascii: "="), in: element, at: &index)
        let value = try parameterValue(element, from: &index)
        try set(name, to: value.span)
      }
      guard index < element.count else { return }
      try skip(UInt8(ascii: ";"), in: element, at: &index)
    }
  }

  private mutating func set(
    _ name: [UInt8], to value: Span<UInt8>
  ) throws(MalformedForwarding) {
    if name == Array("for".utf8) {
      address = try node(value)
    } else if name == Array("proto".utf8) {
      scheme = Request.Scheme(copying: value)
    }
  }

  /// One element of `X-Forwarded-For`, which no standard defines: an address, or a node as RFC 7239 writes it, as some
  /// proxies add the port.
  init(forwardedFor element: Span<UInt8>) throws(MalformedForwarding) {
    address = Address(numeric: element)
    if address == nil { address = try node(element) }
  }
}

extension Request.Scheme {
  /// `nil` if it is another one.
  init?(copying text: Span<UInt8>) {
    // Longer than any of ours; schemes are compared without regard to case (RFC 3986 section 3.1).
    guard text.count <= 5 else { return nil }
    let letters = [UInt8](copying: text).map(lowercased)
    self.init(rawValue: String(decoding: letters, as: UTF8.self))
  }
}

/// `node = nodename [ ":" node-port ]` (RFC 7239 section 6).
///
/// - Returns: `nil` for `unknown` and for obfuscated names, which are no addresses (sections 6.2 and 6.3). The port is 0
///   if there is none, or an obfuscated one.
private func node(_ text: Span<UInt8>) throws(MalformedForwarding) -> Address? {
  let isBracketed = text.count > 0 && text[0] == UInt8(ascii: "[")
  let end = text.indices.first { text[$0] == UInt8(ascii: isBracketed ? "]" : ":") } ?? text.count
  if isBracketed {
    // `"[" IPv6address "]"`: every IPv6 address has a colon.
    guard end < text.count, (1..<end).contains(where: { text[$0] == UInt8(ascii: ":") }) else {
      throw MalformedForwarding()
    }
  }
  let port = try nodePort(text.extracting((isBracketed ? end + 1 : end)...))
  let name = text.extracting((isBracketed ? 1 : 0)..<end)
  if let address = Address(numeric: name, port: port) { return address }
  guard !isBracketed, isObfuscated(name) || isUnknown(name) else { throw MalformedForwarding() }
  return nil
}

/// `[ ":" ( 1*5DIGIT / obfport ) ]`.
private func nodePort(_ text: Span<UInt8>) throws(MalformedForwarding) -> UInt16 {
  if text.isEmpty { return 0 }
  let digits = text.extracting(1...)
  guard text[0] == UInt8(ascii: ":"), !digits.isEmpty else { throw MalformedForwarding() }
  if isObfuscated(digits) { return 0 }
  guard digits.count <= 5 else { throw MalformedForwarding() }
  var port = 0
  for index in digits.indices {
    let digit = digits[index] &- UInt8(ascii: "0")
    guard digit < 10 else { throw MalformedForwarding() }
    port = port * 10 + Int(digit)
  }
  guard let port = UInt16(exactly: port) else { throw MalformedForwarding() }
  return port
}

/// `"_" 1*( ALPHA / DIGIT / "." / "_" / "-" )`.
private func isObfuscated(_ text: Span<UInt8>) -> Bool {
  guard text.count > 1, text[0] == UInt8(ascii: "_") else { return false }
  return text.indices.allSatisfy { index in
    switch text[index] {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

private func isUnknown(_ text: Span<UInt8>) -> Bool {
  text.count == 7 && [UInt8](copying: text).map(lowercased) == Array("unknown".utf8)
}

/// `value = token / quoted-string` (RFC 7239 section 4), without the quotes and backslashes.
private func parameterValue(
  _ text: Span<UInt8>, from index: inout Int
) throws(MalformedForwarding) -> [UInt8] {
  guard index < text.count, text[index] == UInt8(ascii: "\"") else {
    return try token(text, from: &index)
  }
  var value: [UInt8] = []
  index += 1
  while index < text.count {
    var byte = text[index]
    index += 1
    if byte == UInt8(ascii: "\"") { return value }
    if byte == UInt8(ascii: "\\") {
      guard index < text.count else { break }
      byte = text[index]
      index += 1
    }
    // `HTAB / SP / VCHAR / obs-text` (RFC 9110 section 5.6.4).
    guard byte == 0x09 || byte >= 0x20 && byte != 0x7F else { break }
    value.append(byte)
  }
  throw MalformedForwarding()
}

/// `token = 1*tchar` (RFC 9110 section 5.6.2).
private func token(
  _ text: Span<UInt8>, from index: inout Int
) throws(MalformedForwarding) -> [UInt8] {
  let start = index
  while index < text.count, isTokenByte(text[index]) { index += 1 }
  guard index > start else { throw MalformedForwarding() }
  return [UInt8](copying: text.extracting(start..<index))
}

private func skip(
  _ byte: UInt8, in text: Span<UInt8>, at index: inout Int
) throws(MalformedForwarding) {
  guard index < text.count, text[index] == byte else { throw MalformedForwarding() }
  index += 1
}

private func lowercased(_ byte: UInt8) -> UInt8 {
  UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
}
