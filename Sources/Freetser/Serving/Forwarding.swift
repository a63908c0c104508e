// Who the client is, by the fields that proxies add: from the nearest proxy back to the last that is trusted.
//
// Each proxy appends an element that says who spoke to it. An element is believed if it was written by somebody who is
// trusted, and whoever it names wrote the one before. So a list is read from its end, and never further than to the first
// address that is not trusted: nothing a client sends can make what proxies appended malformed, or hide it in quotes.

import HTTPCore
import Transport

/// What is known of a request's origin.
struct Forwarding: Equatable {
  var client: Address
  var scheme: Request.Scheme?

  /// More proxies than these are no chain but a mistake or an attack: the field is then ignored.
  static let hopLimit = 32

  /// Reads a list of elements from its end.
  ///
  /// - Parameters:
  ///   - list: The field's values, joined by commas (RFC 9110 section 5.3).
  ///   - nearest: Whoever sent the request; trusted.
  ///   - trusted: Whose elements are believed.
  ///   - parse: Reads one element.
  /// - Throws: ``MalformedForwarding`` if one of the elements that are looked at is not valid.
  init(
    _ list: Span<UInt8>, from nearest: Address, trusted: TrustedPeers,
    parse: (Span<UInt8>) throws(MalformedForwarding) -> ForwardingHop
  ) throws(MalformedForwarding) {
    client = nearest
    var end: Int? = list.count
    for _ in 0..<Forwarding.hopLimit {
      guard let element = try lastElement(of: list, before: &end) else { return }
      let hop = try parse(list.extracting(element))
      scheme = hop.scheme
      guard let address = hop.address else { return }
      client = address
      if !trusted.contains(address) { return }
    }
    if try lastElement(of: list, before: &end) != nil { throw MalformedForwarding() }
  }

  init(client: Address, scheme: Request.Scheme? = nil) {
    self.client = client
    self.scheme = scheme
  }
}

/// A field is not as it must be, and is ignored.
struct MalformedForwarding: Error, Equatable {}

/// What one proxy says of whoever spoke to it.
struct ForwardingHop: Equatable {
  /// `nil` if it does not know or does not tell.
  var address: Address?
  var scheme: Request.Scheme?
}

extension Proxies {
  /// Who sent a request, as far as those who are trusted tell.
  ///
  /// - Parameter nearest: The peer, or whom it speaks for.
  /// - Throws: ``MalformedForwarding`` if the field is to be ignored.
  func forwarding(
    of fields: Fields, from nearest: Address
  ) throws(MalformedForwarding) -> Forwarding {
    guard let field, trusted.contains(nearest) else { return Forwarding(client: nearest) }
    switch field {
    case .forwarded:
      let list = joined(fields, "Forwarded")
      return try Forwarding(list.span, from: nearest, trusted: trusted) {
        (element) throws(MalformedForwarding) in try ForwardingHop(forwarded: element)
      }
    case .xForwardedFor:
      let list = joined(fields, "X-Forwarded-For")
      var forwarding = try Forwarding(list.span, from: nearest, trusted: trusted) {
        (element) throws(MalformedForwarding) in try ForwardingHop(forwardedFor: element)
      }
      forwarding.scheme = forwardedScheme(fields)
      return forwarding
    }
  }

  /// The scheme that the nearest proxy was spoken to with; `nil` unless there is exactly one.
  ///
  /// A list would not say which of its elements belongs to which of the other list. A proxy that adds
  /// to what a client sent must not hide the client, so the addresses count all the same.
  private func forwardedScheme(_ fields: Fields) -> Request.Scheme? {
    var values: [Request.Scheme?] = []
    fields.forEachValue(of: "X-Forwarded-Proto") { values.append(Request.Scheme(copying: $0)) }
    return values.count == 1 ? values[0] : nil
  }
}

/// The values of all fields of the name as one list.
private func joined(_ fields: Fields, _ name: String) -> [UInt8] {
  var list: [UInt8] = []
  fields.forEachValue(of: name) { value in
    if !list.isEmpty { list.append(UInt8(ascii: ",")) }
    list.append(copying: value)
  }
  return list
}

/// The last element of a list, without spaces around it, that is not empty (RFC 9110 section 5.6.1.2).
///
/// A comma between quotes is none. Seen from its end a quoted string begins at the first quote that no backslash
/// escapes: one that has an even number of them before it.
///
/// - Parameter end: Where the list ends; becomes where the rest does, `nil` if there is no rest.
/// - Returns: `nil` if there is none.
/// - Throws: ``MalformedForwarding`` if a quoted string has no beginning.
func lastElement(
  of list: Span<UInt8>, before end: inout Int?
) throws(MalformedForwarding) -> Range<Int>? {
  while let upper = end {
    let comma = try lastComma(in: list, before: upper)
    end = comma
    let element = trimmed(list, (comma.map { $0 + 1 } ?? 0)..<upper)
    if !element.isEmpty { return element }
  }
  return nil
}

private func lastComma(
  in list: Span<UInt8>, before end: Int
) throws(MalformedForwarding) -> Int? {
  var isQuoted = false
  var index = end
  while index > 0 {
    index -= 1
    switch list[index] {
    case UInt8(ascii: ",") where !isQuoted:
      return index
    case UInt8(ascii: "\""):
      var escapes = 0
      while isQuoted, escapes < index, list[index - escapes - 1] == UInt8(ascii: "\\") {
        escapes += 1
      }
      if escapes.isMultiple(of: 2) { isQuoted.toggle() }
      index -= escapes
    default: break
    }
  }
  guard !isQuoted else { throw MalformedForwarding() }
  return nil
}
