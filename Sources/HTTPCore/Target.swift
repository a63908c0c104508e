// Which requests' targets are valid, and for which method (RFC 9112 section 3.2).

enum Target {
  /// What is wrong with a target, if anything; the method is a token already.
  ///
  /// 1. Visible ASCII only, and no fragment: a client keeps `#…` to itself (RFC 9110 section 4.1).
  /// 2. CONNECT takes the authority form and no other method does (section 3.2.3).
  /// 3. `*` is for OPTIONS (section 3.2.4).
  /// 4. Anything else is the origin form, `/…` (section 3.2.1), or the absolute form, a URI with `//` and
  ///    an authority that has no user name in it (section 3.2.2, RFC 9110 section 4.2.4).
  static func flaw(
    _ bytes: Span<UInt8>, method: Range<Int>, target: Range<Int>
  ) -> ProtocolError.Reason? {
    let end = bytes.endOfTarget(from: target.lowerBound, to: target.upperBound)
    guard !target.isEmpty, end == target.upperBound else { return .invalidTarget }
    return flawInForm(bytes, method: method, target: target)
  }

  /// What is wrong with a target whose bytes are valid: rules 2 to 4.
  static func flawInForm(
    _ bytes: Span<UInt8>, method: Range<Int>, target: Range<Int>
  ) -> ProtocolError.Reason? {
    if bytes.spells(method, "CONNECT") {
      return isAuthorityForm(bytes, target) ? nil : .targetDoesNotFitMethod
    }
    if bytes[target.lowerBound] == UInt8(ascii: "/") { return nil }
    if target.count == 1, bytes[target.lowerBound] == UInt8(ascii: "*") {
      return bytes.spells(method, "OPTIONS") ? nil : .targetDoesNotFitMethod
    }
    return flawInAbsoluteForm(bytes, target)
  }

  /// Whether `Host = uri-host [ ":" port ]`, which may be empty (RFC 9110 section 7.2).
  static func isHost(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    range.isEmpty || isAuthority(bytes, range)
  }

  /// `authority-form = uri-host ":" port`; nothing listens at port 0 (RFC 9110 section 9.3.6).
  private static func isAuthorityForm(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard let host = endOfHost(bytes, range), host < range.upperBound else { return false }
    return port(bytes, host..<range.upperBound) ?? 0 > 0
  }

  /// `absolute-form = scheme ":" "//" authority …` (RFC 3986 section 3.1).
  private static func flawInAbsoluteForm(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) -> ProtocolError.Reason? {
    var index = range.lowerBound
    while index < range.upperBound,
      Grammar.isAlpha(bytes[index]) || Grammar.isDigit(bytes[index])
        || bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-")
        || bytes[index] == UInt8(ascii: ".")
    {
      index += 1
    }
    guard Grammar.isAlpha(bytes[range.lowerBound]), range.upperBound - index > 3,
      bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: "/"),
      bytes[index + 2] == UInt8(ascii: "/")
    else { return .targetDoesNotFitMethod }
    let start = index + 3
    var end = start
    while end < range.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") {
      end += 1
    }
    return isAuthority(bytes, start..<end) ? nil : .invalidTarget
  }

  /// Whether `uri-host [ ":" port ]` with a host that is not empty.
  private static func isAuthority(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard let host = endOfHost(bytes, range) else { return false }
    return host == range.upperBound || port(bytes, host..<range.upperBound) != nil
  }

  /// The number in `":" port`, which is at most 65,535; 0 if the port is empty, `nil` if it is none.
  private static func port(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard bytes[range.lowerBound] == UInt8(ascii: ":"), range.count <= 6 else { return nil }
    var number = 0
    for index in (range.lowerBound + 1)..<range.upperBound {
      guard Grammar.isDigit(bytes[index]) else { return nil }
      number = number &* 10 &+ Int(bytes[index] &- UInt8(ascii: "0"))
    }
    return number <= 65_535 ? number : nil
  }

  /// Where the host ends that `range` begins with: an IP literal in brackets, or a registered name or IPv4 address.
  private static func endOfHost(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard !range.isEmpty else { return nil }
    let start = range.lowerBound
    guard bytes[start] == UInt8(ascii: "[") else {
      let end = bytes.endOfRegName(from: start, to: range.upperBound)
      return end > start ? end : nil
    }
    var index = start + 1
    while index < range.upperBound, isInAddressLiteral(bytes[index]) { index += 1 }
    guard index < range.upperBound, bytes[index] == UInt8(ascii: "]"), index > start + 1 else {
      return nil
    }
    return index + 1
  }

  /// The bytes of `IPv6address / IPvFuture`; whoever connects to it checks the address itself.
  private static func isInAddressLiteral(_ byte: UInt8) -> Bool {
    byte != UInt8(ascii: "%") && (Grammar.regName.contains(byte) || byte == UInt8(ascii: ":"))
  }
}
