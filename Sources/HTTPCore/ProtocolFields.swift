// The few fields that HTTP/1.1 itself acts upon, read once when a head is complete.
//
// Both directions go through here: what we would refuse to receive we refuse to send.

/// What the fields of one head say about framing, persistence and switching.
struct ProtocolFields: Equatable, Sendable {
  private(set) var contentLength: UInt64?
  /// What is wrong with `Content-Length`, for whoever does not ignore it.
  private(set) var contentLengthFlaw: ProtocolError.Reason?
  private(set) var transferEncoding = TransferEncoding.absent
  private(set) var hostCount = 0
  /// Options of `Connection` (RFC 9110 section 7.6.1).
  private(set) var close = false
  private(set) var keepAlive = false
  /// Whether there is an `Upgrade` field and `Connection` names it (RFC 9110 section 7.8).
  var proposesUpgrade: Bool { hasUpgrade && upgradeOption }
  private(set) var expectsContinue = false
  /// Whether `Expect` asks for anything but `100-continue`, the only expectation there is (RFC 9110 section 10.1.1).
  private(set) var expectsOther = false

  private var hasUpgrade = false
  private var upgradeOption = false

  enum TransferEncoding: Equatable, Sendable {
    case absent
    case chunked
    /// Another coding, several codings, or several fields: none of which we speak.
    case other
  }

  init(_ fields: Fields, blame: ProtocolError.Party) throws(ProtocolError) {
    try self.init(fields.storage.span, fields.lines, blame: blame)
  }

  /// - Parameters:
  ///   - bytes: What the lines refer to.
  ///   - lines: Taken apart and checked already.
  ///   - blame: Who made the head: the peer when receiving, us when sending.
  init(
    _ bytes: Span<UInt8>, _ lines: [FieldLine], blame: ProtocolError.Party
  ) throws(ProtocolError) {
    for line in lines {
      // The length of a name rules out nearly every field that is not ours.
      switch line.name.count {
      case 4 where bytes.matches(line.name, lowercased: "host"):
        hostCount += 1
        guard Target.isHost(bytes, line.value) else { throw ProtocolError(.invalidHost, by: blame) }
      case 6 where bytes.matches(line.name, lowercased: "expect"):
        Grammar.forEachListElement(bytes, line.value) {
          if bytes.matches($0, lowercased: "100-continue") {
            expectsContinue = true
          } else {
            expectsOther = true
          }
        }
      case 7 where bytes.matches(line.name, lowercased: "upgrade"):
        Grammar.forEachListElement(bytes, line.value) { _ in hasUpgrade = true }
      case 10 where bytes.matches(line.name, lowercased: "connection"):
        Grammar.forEachListElement(bytes, line.value) { noteConnectionOption(bytes, $0) }
      case 14 where bytes.matches(line.name, lowercased: "content-length"):
        if contentLength != nil {
          contentLengthFlaw = .repeatedContentLength
        } else if let length = Self.parseContentLength(bytes, line.value) {
          contentLength = length
        } else {
          contentLengthFlaw = .invalidContentLength
        }
      case 17 where bytes.matches(line.name, lowercased: "transfer-encoding"):
        let isFirst = transferEncoding == .absent
        let isChunked = bytes.matches(line.value, lowercased: "chunked")
        transferEncoding = isFirst && isChunked ? .chunked : .other
      default: break
      }
    }
  }

  private mutating func noteConnectionOption(_ bytes: Span<UInt8>, _ option: Range<Int>) {
    if bytes.matches(option, lowercased: "close") { close = true }
    if bytes.matches(option, lowercased: "keep-alive") { keepAlive = true }
    if bytes.matches(option, lowercased: "upgrade") { upgradeOption = true }
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
