// The few fields that HTTP/1.1 itself acts upon, read once when a head is complete.
//
// Both directions go through here: what we would refuse to receive we refuse to send.

/// What the fields of one head say about framing, persistence and switching.
struct ProtocolFields: Equatable, Sendable {
  /// Kept as bits of one word: as separate values they cost more to hand on than to find.
  private var facts = Facts()
  /// What `Content-Length` says, if it was found.
  private var length: UInt64 = 0

  private struct Facts: OptionSet {
    let rawValue: UInt16

    static var host: Facts { Facts(rawValue: 1 << 0) }
    static var anotherHost: Facts { Facts(rawValue: 1 << 1) }
    static var length: Facts { Facts(rawValue: 1 << 2) }
    static var invalidLength: Facts { Facts(rawValue: 1 << 3) }
    static var repeatedLength: Facts { Facts(rawValue: 1 << 4) }
    static var chunked: Facts { Facts(rawValue: 1 << 5) }
    static var otherCoding: Facts { Facts(rawValue: 1 << 6) }
    static var connection: Facts { Facts(rawValue: 1 << 7) }
    static var close: Facts { Facts(rawValue: 1 << 8) }
    static var keepAlive: Facts { Facts(rawValue: 1 << 9) }
    static var upgradeOption: Facts { Facts(rawValue: 1 << 10) }
    static var upgrade: Facts { Facts(rawValue: 1 << 11) }
    static var expectContinue: Facts { Facts(rawValue: 1 << 12) }
    static var expectOther: Facts { Facts(rawValue: 1 << 13) }
    static var invalidHost: Facts { Facts(rawValue: 1 << 14) }
  }

  enum TransferEncoding: Equatable, Sendable {
    case absent
    case chunked
    /// Another coding, several codings, or several fields: none of which we speak.
    case other
  }

  var hasHost: Bool { facts.contains(.host) }
  var repeatsHost: Bool { facts.contains(.anotherHost) }
  /// Whether a `Host` field is neither valid nor empty, which matters in requests only.
  var hasInvalidHost: Bool { facts.contains(.invalidHost) }

  var contentLength: UInt64? { facts.contains(.length) ? length : nil }
  /// What is wrong with `Content-Length`, for whoever does not ignore it.
  var contentLengthFlaw: ProtocolError.Reason? {
    if facts.contains(.invalidLength) { return .invalidContentLength }
    return facts.contains(.repeatedLength) ? .repeatedContentLength : nil
  }
  var transferEncoding: TransferEncoding {
    if facts.contains(.otherCoding) { return .other }
    return facts.contains(.chunked) ? .chunked : .absent
  }

  /// Whether there is a `Connection` field, and options of it (RFC 9110 section 7.6.1).
  var hasConnection: Bool { facts.contains(.connection) }
  var close: Bool { facts.contains(.close) }
  var keepAlive: Bool { facts.contains(.keepAlive) }
  /// Whether there is an `Upgrade` field that names a protocol.
  var hasUpgrade: Bool { facts.contains(.upgrade) }
  /// Whether there is an `Upgrade` field and `Connection` names it (RFC 9110 section 7.8).
  var proposesUpgrade: Bool { facts.contains([.upgrade, .upgradeOption]) }

  var expectsContinue: Bool { facts.contains(.expectContinue) }
  /// Whether `Expect` asks for anything but `100-continue`, the only expectation there is (RFC 9110 section 10.1.1).
  var expectsOther: Bool { facts.contains(.expectOther) }

  init(_ fields: Fields) {
    self.init(fields.storage.span, fields.lines)
  }

  /// - Parameters:
  ///   - bytes: What the lines refer to.
  ///   - lines: Taken apart and checked already.
  init(_ bytes: Span<UInt8>, _ lines: [FieldLine]) {
    for line in lines {
      // The length of a name rules out nearly every field that is not ours.
      switch line.name.count {
      case 4 where bytes.matches(line.name, lowercased: "host"):
        facts.insert(hasHost ? .anotherHost : .host)
        if !Target.isHost(bytes, line.value) { facts.insert(.invalidHost) }
      case 6 where bytes.matches(line.name, lowercased: "expect"):
        Grammar.forEachListElement(bytes, line.value) {
          let isContinue = bytes.matches($0, lowercased: "100-continue")
          facts.insert(isContinue ? .expectContinue : .expectOther)
        }
      case 7 where bytes.matches(line.name, lowercased: "upgrade"):
        Grammar.forEachListElement(bytes, line.value) { _ in facts.insert(.upgrade) }
      case 10 where bytes.matches(line.name, lowercased: "connection"):
        facts.insert(.connection)
        Grammar.forEachListElement(bytes, line.value) { noteConnectionOption(bytes, $0) }
      case 14 where bytes.matches(line.name, lowercased: "content-length"):
        noteContentLength(Self.parseContentLength(bytes, line.value))
      case 17 where bytes.matches(line.name, lowercased: "transfer-encoding"):
        let isFirst = transferEncoding == .absent
        let isChunked = bytes.matches(line.value, lowercased: "chunked")
        facts.insert(isFirst && isChunked ? .chunked : .otherCoding)
      default: break
      }
    }
  }

  private mutating func noteConnectionOption(_ bytes: Span<UInt8>, _ option: Range<Int>) {
    if bytes.matches(option, lowercased: "close") { facts.insert(.close) }
    if bytes.matches(option, lowercased: "keep-alive") { facts.insert(.keepAlive) }
    if bytes.matches(option, lowercased: "upgrade") { facts.insert(.upgradeOption) }
  }

  private mutating func noteContentLength(_ length: UInt64?) {
    if facts.contains(.length) {
      facts.insert(.repeatedLength)
    } else if let length {
      facts.insert(.length)
      self.length = length
    } else {
      facts.insert(.invalidLength)
    }
  }

  /// `Content-Length = 1*DIGIT` (RFC 9110 section 8.6), up to what a file can hold: 2⁶³ - 1.
  private static func parseContentLength(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    guard !range.isEmpty else { return nil }
    var length: Int64 = 0
    for index in range {
      guard Grammar.isDigit(bytes[index]) else { return nil }
      let digit = Int64(bytes[index] - UInt8(ascii: "0"))
      let (tens, overflow) = length.multipliedReportingOverflow(by: 10)
      let (sum, carried) = tens.addingReportingOverflow(digit)
      if overflow || carried { return nil }
      length = sum
    }
    return UInt64(length)
  }
}
