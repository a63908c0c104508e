// A case: one line of input, which says what to do with which bytes.
//
//     server decline every 474554…   what a server makes of these bytes
//     client HEAD whole 485454…      what a client makes of them after requests with this method
//     script server 474554… …        see Script.swift of core-cases
//
// Bytes are hexadecimal, so that a case can be kept, sent and typed as text.

/// One line of input, taken apart.
public enum Case: Sendable {
  /// Bytes to read.
  case read(Reading)
  /// Steps to follow, each a word and what belongs to it.
  case script(role: String, steps: [Substring])

  /// Bytes, and how to read them.
  public struct Reading: Sendable {
    /// The end that reads: `server` or `client`.
    public var isServer: Bool
    /// For a server what to do about proposed switches: `decline` or `stop`. For a client the method of its
    /// requests, or `UPGRADE` for a GET that proposes a switch.
    public var mode: String
    /// How the bytes are cut.
    public var cut: Cut
    /// Whether the input ends behind the bytes.
    public var ends: Bool
    /// What is read.
    public var bytes: [UInt8]
  }

  /// How bytes are cut.
  public enum Cut: Sendable {
    /// Not at all.
    case whole
    /// Not at all, then byte by byte.
    case bytes
    /// Not at all, then byte by byte, then in two at every place.
    case every
  }

  /// Reads a line; `nil` if it is none of the above.
  public init?(_ line: String) {
    let words = line.split(separator: " ")
    guard words.count >= 2 else { return nil }
    if words[0] == "script" {
      self = .script(role: String(words[1]), steps: Array(words[2...]))
      return
    }
    guard words.count >= 4, ["server", "client"].contains(words[0]) else { return nil }
    let cut: Cut
    switch words[2] {
    case "whole": cut = .whole
    case "bytes": cut = .bytes
    case "every": cut = .every
    default: return nil
    }
    guard let bytes = [UInt8](hexadecimal: words.count > 4 ? words[4] : "") else { return nil }
    self = .read(
      Reading(
        isServer: words[0] == "server", mode: String(words[1]), cut: cut, ends: words[3] == "ends",
        bytes: bytes))
  }
}

extension Case.Reading {
  /// Each way to cut the bytes, the whole first.
  public var pieces: [[ArraySlice<UInt8>]] {
    var ways = [[bytes[...]]]
    guard cut != .whole else { return ways }
    ways.append(bytes.indices.map { bytes[$0...$0] })
    guard cut != .bytes else { return ways }
    for place in 0...bytes.count { ways.append([bytes[..<place], bytes[place...]]) }
    return ways
  }
}

extension [UInt8] {
  /// The bytes that pairs of hexadecimal digits stand for; `nil` if they are not that.
  public init?(hexadecimal text: Substring) {
    self = []
    reserveCapacity(text.utf8.count / 2)
    var high: UInt8?
    for byte in text.utf8 {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      if let first = high {
        append(first << 4 | UInt8(digit))
        high = nil
      } else {
        high = UInt8(digit)
      }
    }
    if high != nil { return nil }
  }
}
