// The head of a response: status, reason, version and fields.

/// The head of a response, interim or final, parsed or about to be sent (RFC 9112 section 4).
public struct ResponseHead: Equatable, Sendable {
  /// Three digits; from 100 to 599 when sent (RFC 9110 section 15). A response that was read with 600 to 999 is not
  /// sent on.
  public let status: Int
  /// The version in the status line; responses are always sent as HTTP/1.1.
  public let version: Version
  /// The fields, in order.
  public let fields: Fields
  private let reasonPlace: ByteRange
  /// What the fields say to HTTP/1.1 itself, found once however often the head is sent.
  let facts: ProtocolFields

  /// Makes the head of a response to be sent.
  ///
  /// - Parameters:
  ///   - status: From 100 to 599.
  ///   - reason: The phrase after the status, for people to read; may be empty.
  ///   - fields: Names and values. Framing may be left to ``Connection/send(_:into:)``.
  /// - Throws: ``ProtocolError`` with `party == .us` if a part is not valid.
  public init(
    status: Int, reason: String = "", fields: [(String, String)] = []
  ) throws(ProtocolError) {
    try self.init(status: status, reason: reason, fields: Fields(fields))
  }

  /// Makes the head of a response to be sent, with fields that exist already.
  ///
  /// - Throws: ``ProtocolError`` with `party == .us` if the status or the reason is not valid.
  public init(status: Int, reason: String = "", fields: Fields) throws(ProtocolError) {
    guard 100...599 ~= status else { throw ProtocolError(.invalidStatus, by: .us) }
    for byte in reason.utf8 where !Grammar.isFieldContent(byte) {
      throw ProtocolError(.invalidReason, by: .us)
    }
    let facts = ProtocolFields(fields)
    var fields = fields
    let reasonRange = try fields.store(reason)
    self.init(
      status: status, reason: ByteRange(reasonRange), version: .http11, fields: fields, facts: facts
    )
  }

  /// For the parser, which has checked every part.
  init(
    status: Int, reason: ByteRange, version: Version, fields: consuming Fields,
    facts: ProtocolFields
  ) {
    self.status = status
    reasonPlace = reason
    self.version = version
    self.fields = fields
    self.facts = facts
  }

  /// How much memory its parts take. In bytes.
  package var length: Int { fields.storage.count }

  var reasonRange: Range<Int> { reasonPlace.range }

  /// The phrase after the status; often empty.
  public var reason: String { fields.text(reasonRange) }

  /// Lends the reason's bytes to `body`, as they came: not all of them need be text.
  public func withReason<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(fields.storage.span.extracting(reasonRange))
  }

  /// Whether this is an interim response, after which the final one still comes (RFC 9110 section 15.2).
  public var isInterim: Bool { status < 200 }

  private var reasonBytes: ArraySlice<UInt8> { fields.storage[reasonRange] }

  /// Equal when status, reason, version and fields are; where they are stored makes no difference.
  public static func == (left: ResponseHead, right: ResponseHead) -> Bool {
    left.status == right.status && left.version == right.version
      && left.reasonBytes.elementsEqual(right.reasonBytes) && left.fields == right.fields
  }
}
