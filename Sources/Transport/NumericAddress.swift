// Numeric addresses as RFC 3986 section 3.2.2 writes them, read from bytes that anybody may have sent.
//
// inet_pton(3) would want a copy with a zero at its end. What is read here is at most as long as an
// address can be, so no limit is needed.

extension Address {
  /// The address of this text without a port, as in `192.0.2.1` and `2001:db8::1`; `nil` if it is
  /// neither.
  ///
  /// `::ffff:192.0.2.1` is the IPv4 address, as it is for a peer (RFC 4291 section 2.5.5.2). Zones
  /// (`%eth0`) mean something on one machine only and are refused.
  package init?(numeric text: Span<UInt8>, port: UInt16 = 0) {
    if let octets = ipv4Octets(text, 0..<text.count) {
      self = .ipv4(octets: octets, port: port)
    } else if let octets = ipv6Octets(text) {
      self = Address(ipv6: octets, port: port)
    } else {
      return nil
    }
  }

  /// An IPv6 address, or the IPv4 address that it stands for (RFC 4291 section 2.5.5.2).
  package init(ipv6 octets: SIMD16<UInt8>, port: UInt16, scope: UInt32 = 0) {
    let mapped = SIMD16<UInt8>(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0)
    if octets.lowHalf == mapped.lowHalf, octets.highHalf.lowHalf == mapped.highHalf.lowHalf {
      self = .ipv4(octets: octets.highHalf.highHalf, port: port)
    } else {
      self = .ipv6(octets: octets, port: port, scope: scope)
    }
  }
}

/// `port = *DIGIT` of RFC 3986, but with one digit at least, no zero before others, and at most
/// 65,535; `nil` if it is not.
package func portNumber(_ text: Span<UInt8>) -> UInt16? {
  decimal(text, 0..<text.count, atMost: 65_535).map { UInt16($0) }
}

/// A number without signs and without zeros before it: some take those for octal.
func decimal(_ text: Span<UInt8>, _ range: Range<Int>, atMost limit: Int) -> Int? {
  guard !range.isEmpty, range.count == 1 || text[range.lowerBound] != UInt8(ascii: "0") else {
    return nil
  }
  var number = 0
  for index in range {
    let digit = text[index] &- UInt8(ascii: "0")
    guard digit < 10 else { return nil }
    number = number * 10 + Int(digit)
    guard number <= limit else { return nil }
  }
  return number
}

/// `IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet`.
private func ipv4Octets(_ text: Span<UInt8>, _ range: Range<Int>) -> SIMD4<UInt8>? {
  var octets = SIMD4<UInt8>()
  var start = range.lowerBound
  for index in 0..<4 {
    let isLast = index == 3
    guard
      let end = isLast
        ? range.upperBound : text.first(UInt8(ascii: "."), in: start..<range.upperBound),
      let octet = decimal(text, start..<end, atMost: 255)
    else { return nil }
    octets[index] = UInt8(octet)
    start = end + 1
  }
  return octets
}

/// `IPv6address`: eight groups `h16 = 1*4HEXDIG` with colons between, the last two perhaps written as
/// IPv4, and one `::` that stands for one or more groups of zeros.
private func ipv6Octets(_ text: Span<UInt8>) -> SIMD16<UInt8>? {
  let colon = UInt8(ascii: ":")
  var groups = SIMD8<UInt16>()
  var count = 0
  /// How many groups stand before the `::`.
  var gap: Int?
  var start = 0
  if text.count >= 2, text[0] == colon, text[1] == colon {
    gap = 0
    start = 2
  }
  while start < text.count {
    guard count < 8 else { return nil }
    let end = text.first(colon, in: start..<text.count)
    if end == nil, let octets = ipv4Octets(text, start..<text.count) {
      guard count <= 6 else { return nil }
      groups[count] = UInt16(octets[0]) << 8 | UInt16(octets[1])
      groups[count + 1] = UInt16(octets[2]) << 8 | UInt16(octets[3])
      count += 2
      break
    }
    guard let group = hexadecimal(text, start..<(end ?? text.count)) else { return nil }
    groups[count] = group
    count += 1
    guard let end else { break }
    start = end + 1
    if start < text.count, text[start] == colon {
      guard gap == nil else { return nil }
      gap = count
      start += 1
    } else if start == text.count {
      return nil  // a colon with nothing behind it
    }
  }
  guard gap == nil ? count == 8 : count < 8 else { return nil }
  return networkOrder(groups, count: count, gap: gap ?? count)
}

/// The groups in network order, those from `gap` on moved to the end.
private func networkOrder(_ groups: SIMD8<UInt16>, count: Int, gap: Int) -> SIMD16<UInt8> {
  var octets = SIMD16<UInt8>()
  for index in 0..<count {
    let place = index < gap ? index : index + 8 - count
    octets[2 * place] = UInt8(groups[index] >> 8)
    octets[2 * place + 1] = UInt8(truncatingIfNeeded: groups[index])
  }
  return octets
}

/// `h16 = 1*4HEXDIG`.
private func hexadecimal(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt16? {
  guard 1...4 ~= range.count else { return nil }
  var number: UInt16 = 0
  for index in range {
    let byte = text[index]
    let digit: UInt8
    if byte &- UInt8(ascii: "0") < 10 {
      digit = byte &- UInt8(ascii: "0")
    } else {
      let letter = (byte | 0x20) &- UInt8(ascii: "a")
      guard letter < 6 else { return nil }
      digit = letter + 10
    }
    number = number << 4 | UInt16(digit)
  }
  return number
}

extension Span<UInt8> {
  /// Where the byte first stands in the range.
  func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
    for index in range where self[index] == byte { return index }
    return nil
  }
}
