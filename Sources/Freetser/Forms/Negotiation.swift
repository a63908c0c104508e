// What of several representations a client likes best (RFC 9110 section 12.5).

import HTTPCore
import HTTPTypes

extension Request {
  /// The media type that the client likes best of those that there are, by its `Accept`.
  ///
  /// - Parameter offered: Types without parameters, such as `text/html`, the best first: it is taken where the client
  ///   likes several equally, or has not said.
  /// - Returns: `nil` if it accepts none of them.
  public func preferredType(of offered: [String]) -> String? {
    preferred(of: offered, by: .accept) { type, range in
      // One with parameters is about some of these only, and counts where nothing is said of the others.
      if type == range.name { return range.hasParameters ? 2 : 3 }
      if range.name == "*/*" { return 0 }
      return range.name.hasSuffix("/*") && type.hasPrefix(range.name.dropLast()) ? 1 : nil
    }
  }

  /// The language that the client likes best of those that there are, by its `Accept-Language`: `de` is taken for `de-CH`
  /// too (RFC 4647 section 3.4).
  ///
  /// - Parameter offered: Tags, such as `en` or `pt-BR`, the best first.
  /// - Returns: `nil` if it accepts none of them.
  public func preferredLanguage(of offered: [String]) -> String? {
    preferred(of: offered, by: .acceptLanguage) { tag, range in
      if tag == range.name { return .max }
      if range.name == "*" { return 0 }
      // What is the more alike is the better. Who does not want `de-CH` may want `de`.
      return range.name.hasPrefix(tag + "-") && range.weight > 0
        || tag.hasPrefix(range.name + "-") ? min(tag.count, range.name.count) : nil
    }
  }

  /// Whether the client takes a body in a content coding, such as `gzip`, by its `Accept-Encoding`. One that has not said
  /// is not given any.
  public func acceptsEncoding(_ coding: String) -> Bool {
    !preferredEncodings(of: [coding], over: []).isEmpty
  }

  /// The content codings that the client likes better than none, the best first; of those that it likes equally, the first
  /// of those that there are.
  func preferredEncodings(
    of offered: [String], over others: [String] = ["identity"]
  ) -> [String] {
    if Preference.list(fields[.acceptEncoding] ?? "").isEmpty { return [] }
    var left = offered + others
    var wanted: [String] = []
    while let best = preferredEncoding(of: left), !others.contains(best) {
      wanted.append(best)
      left.removeAll { $0 == best }
    }
    return wanted
  }

  private func preferredEncoding(of offered: [String]) -> String? {
    preferred(of: offered, by: .acceptEncoding) { coding, range in
      coding == range.name ? 1 : range.name == "*" ? 0 : nil
    }
  }

  /// - Parameter match: How precisely a member of the field names what is offered, which is given in lower case; `nil` if
  ///   it does not.
  private func preferred(
    of offered: [String], by field: HTTPField.Name, _ match: (String, Preference) -> Int?
  ) -> String? {
    let ranges = Preference.list(fields[field] ?? "")
    if ranges.isEmpty { return offered.first }
    var best: (offer: String, weight: Int)?
    for offer in offered {
      let name = offer.lowercased()
      let matches = ranges.compactMap { range in
        match(name, range).map { (precision: $0, weight: range.weight) }
      }
      // The most precise counts, and the best of those.
      guard let weight = matches.max(by: <)?.weight, weight > 0 else { continue }
      if weight > best?.weight ?? 0 { best = (offer, weight) }
    }
    return best?.offer
  }
}

/// A member of `Accept` and its like: `text/html;level=1;q=0.5`.
struct Preference: Equatable {
  /// In lower case, without parameters.
  var name: String
  /// From 0, which is not wanted, to 1000.
  var weight = 1000
  /// Whether it had others than its weight.
  var hasParameters = false

  /// The members of a list; those that make no sense are left out.
  static func list(_ text: String) -> [Preference] {
    // By bytes: a client can write characters that take long to compare (``CombiningMarks``).
    text.utf8.split(separator: UInt8(ascii: ",")).compactMap { member in
      guard member.allSatisfy({ $0 < 0x80 }) else { return nil }
      let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        .map { String(Substring(trimmed($0))).lowercased() }
      guard let name = parts.first, !name.isEmpty else { return nil }
      let parameters = parts.dropFirst().filter { !$0.isEmpty }
      guard let quality = parameters.firstIndex(where: { $0.hasPrefix("q=") }) else {
        return Preference(name: name, hasParameters: !parameters.isEmpty)
      }
      // Those behind the weight say nothing about the type (RFC 9110 section 12.5.1).
      return weight(parameters[quality].dropFirst(2)).map {
        Preference(name: name, weight: $0, hasParameters: quality > parameters.startIndex)
      }
    }
  }

  /// `( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`, in thousandths.
  private static func weight(_ text: Substring) -> Int? {
    let digits = text.utf8
    guard let first = digits.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1")
    else { return nil }
    let whole = first == UInt8(ascii: "1") ? 1000 : 0
    guard digits.count > 1 else { return whole }
    let fraction = digits.dropFirst(2)
    guard digits.dropFirst().first == UInt8(ascii: "."), fraction.count <= 3,
      fraction.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
    else { return nil }
    let padded = String(Substring(fraction)) + String(repeating: "0", count: 3 - fraction.count)
    let thousandths = whole + (Int(padded) ?? 0)
    return thousandths <= 1000 ? thousandths : nil
  }
}
