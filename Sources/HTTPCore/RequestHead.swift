// The head of a request: method, target, version and fields.

/// The head of a request, parsed or about to be sent (RFC 9112 section 3).
public struct RequestHead: Equatable, Sendable {
  /// The version in the request line; requests are always sent as HTTP/1.1.
  public let version: Version
  /// The fields, in order.
  public let fields: Fields
  private let methodPlace: ByteRange
  private let targetPlace: ByteRange

  /// Makes the head of a request to be sent.
  ///
  /// - Parameters:
  ///   - method: A token, such as `GET`; case matters.
  ///   - target: Begins with `/`, or is a whole URI, `host:port` for CONNECT, or `*` for OPTIONS.
  ///   - fields: Names and values; `Host` is needed to send it.
  /// - Throws: ``ProtocolError`` with `party == .us` if a part is not valid.
  public init(
    method: String, target: String, fields: [(String, String)] = []
  ) throws(ProtocolError) {
    try self.init(method: method, target: target, fields: Fields(fields))
  }

  /// Makes the head of a request to be sent, with fields that exist already.
  ///
  /// - Throws: ``ProtocolError`` with `party == .us` if the method or target is not valid.
  public init(method: String, target: String, fields: Fields) throws(ProtocolError) {
    var fields = fields
    let methodRange = try fields.store(method)
    let targetRange = try fields.store(target)
    let bytes = fields.storage.span
    guard Grammar.isToken(bytes, methodRange) else { throw ProtocolError(.invalidMethod, by: .us) }
    if let flaw = Target.flaw(bytes, method: methodRange, target: targetRange) {
      throw ProtocolError(flaw, by: .us)
    }
    self.init(
      method: ByteRange(methodRange), target: ByteRange(targetRange), version: .http11,
      fields: fields)
  }

  /// For the parser, which has checked every part.
  init(method: ByteRange, target: ByteRange, version: Version, fields: consuming Fields) {
    methodPlace = method
    targetPlace = target
    self.version = version
    self.fields = fields
  }

  /// How long a head is that was read. In bytes.
  package var length: Int { fields.storage.count }

  /// Where the method and the target stand in the fields' storage.
  package var methodRange: Range<Int> { methodPlace.range }
  @usableFromInline package var targetRange: Range<Int> { targetPlace.range }

  /// Where the request line stands there, without what ends it; `nil` if the head was not read, and so has none.
  package var lineRange: Range<Int>? {
    // The parser has seen to it that one space stands between method and target, and one before eight bytes of version. In a
    // head that was made the target follows the method at once.
    guard targetRange.lowerBound == methodRange.upperBound + 1 else { return nil }
    return methodRange.lowerBound..<(targetRange.upperBound + " HTTP/1.1".utf8.count)
  }

  /// The method, such as `GET`.
  public var method: String { fields.text(methodRange) }

  /// The target as it came, percent escapes and all.
  public var target: String { fields.text(targetRange) }

  /// Whether the method is exactly `name`, without building a string.
  public func hasMethod(_ name: String) -> Bool { hasMethod(name.utf8.span) }

  // Inlinable, as what `body` returns is otherwise copied by what is found out about its type while the program runs.

  /// Lends the target's bytes to `body`.
  @inlinable public func withTarget<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(fields.storage.span.extracting(targetRange))
  }

  /// Whether the method is these bytes.
  package func hasMethod(_ name: Span<UInt8>) -> Bool {
    let range = methodRange
    guard range.count == name.count else { return false }
    let bytes = fields.storage.span
    for index in name.indices where bytes[range.lowerBound + index] != name[index] { return false }
    return true
  }

  /// What of the method its response depends on.
  var kind: RequestKind { RequestKind(fields.storage.span, method: methodRange) }

  private var methodBytes: ArraySlice<UInt8> { fields.storage[methodRange] }
  private var targetBytes: ArraySlice<UInt8> { fields.storage[targetRange] }

  /// Equal when method, target, version and fields are; where they are stored makes no difference.
  public static func == (left: RequestHead, right: RequestHead) -> Bool {
    left.version == right.version && left.methodBytes.elementsEqual(right.methodBytes)
      && left.targetBytes.elementsEqual(right.targetBytes) && left.fields == right.fields
  }
}
