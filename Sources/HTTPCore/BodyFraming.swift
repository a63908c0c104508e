// How long a body is: RFC 9112 section 6.3, decided once, from the head.

/// How the end of a message's content is found.
enum BodyFraming: Equatable, Sendable {
  /// There is no content.
  case none
  /// So many bytes, as Content-Length says.
  case sized(UInt64)
  /// Chunks, the last of which is empty.
  case chunked
  /// Everything until the connection closes.
  case untilClose

  /// The number of bytes, if it is known.
  var length: UInt64? { if case .sized(let length) = self { length } else { nil } }

  /// The framing of a request.
  ///
  /// - Parameter blame: Who made the head: the peer when receiving, us when sending.
  static func ofRequest(
    _ fields: ProtocolFields, version: Version, blame: ProtocolError.Party
  ) throws(ProtocolError) -> BodyFraming {
    try check(fields, version: version, blame: blame)
    // Rule 4: chunked, and nothing else.
    if fields.transferEncoding == .chunked { return .chunked }
    // Rule 6: a length. Rule 7: without one a request has no content.
    return if let length = fields.contentLength { .sized(length) } else { .none }
  }

  /// The framing of a final response.
  static func ofResponse(
    _ fields: ProtocolFields, status: Int, version: Version, request: RequestKind,
    blame: ProtocolError.Party
  ) throws(ProtocolError) -> BodyFraming {
    // Rule 1: never content after HEAD, nor with 204 and 304, whatever the fields say.
    // Rule 2: after a 2xx to CONNECT the bytes are not HTTP any more; fields are ignored (RFC 9110 9.3.6).
    if request == .connect, 200...299 ~= status { return .none }
    try check(fields, version: version, blame: blame)
    if request == .head || status == 204 || status == 304 { return .none }
    // Rule 4.
    if fields.transferEncoding == .chunked { return .chunked }
    // Rule 6, rule 8: a response without a length goes on until the connection closes.
    return if let length = fields.contentLength { .sized(length) } else { .untilClose }
  }

  /// Rules 3, 4 and 5: what makes a length doubtful is refused, for both ends must agree where a message ends.
  private static func check(
    _ fields: ProtocolFields, version: Version, blame: ProtocolError.Party
  ) throws(ProtocolError) {
    if let flaw = fields.contentLengthFlaw { throw ProtocolError(flaw, by: blame) }
    guard fields.transferEncoding != .absent else { return }
    // RFC 9112 section 6.1: HTTP/1.0 did not know the field, so a chunked message there is faulty.
    if version < .http11 { throw ProtocolError(.transferEncodingBeforeHTTP11, by: blame) }
    // Rule 3 lets a server read the chunks and drop the length; that is how requests are smuggled.
    if fields.contentLength != nil {
      throw ProtocolError(.bothLengthAndTransferEncoding, by: blame)
    }
    if fields.transferEncoding == .other {
      throw ProtocolError(.unsupportedTransferCoding, by: blame)
    }
  }
}

/// What matters of a request's method when its response is framed.
@usableFromInline enum RequestKind: Equatable, Sendable {
  case ordinary
  case head
  case connect

  /// The kind of the request whose method stands there.
  init(_ bytes: Span<UInt8>, method: Range<Int>) {
    self =
      bytes.spells(method, "HEAD")
      ? .head : bytes.spells(method, "CONNECT") ? .connect : .ordinary
  }
}
