// Every way in which a message can break the rules, who broke them, and which status says so.

/// A message broke the rules of HTTP/1.1, or would have if it had been sent.
public struct ProtocolError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Who broke the rule.
  public enum Party: Equatable, Sendable {
    /// The caller of this library asked for something that must not be sent or done now.
    case us
    /// The other end sent something that must not be accepted.
    case peer
  }

  /// Which rule was broken.
  public let reason: Reason
  /// Who broke it.
  public let party: Party

  /// Makes an error; users need this only in tests of their own error handling.
  public init(_ reason: Reason, by party: Party) {
    self.reason = reason
    self.party = party
  }

  /// The status a server should answer with when the peer is to blame (RFC 9110 section 15).
  public var statusHint: Int { reason.statusHint }

  /// A sentence that says what was wrong and what would have been right.
  public var description: String { reason.description }

  /// The rules that can be broken, in the order in which a message meets them.
  public enum Reason: Equatable, Sendable, CustomStringConvertible {
    // The start line.
    case startLineTooLong(limit: Int)
    case malformedRequestLine
    case malformedStatusLine
    case invalidMethod
    case invalidTarget
    case targetDoesNotFitMethod
    case malformedVersion
    case unsupportedVersion
    case invalidStatus
    case invalidReason

    // Field lines, in heads and trailers.
    case headTooLarge(limit: Int)
    case tooManyFields(limit: Int)
    case bareLineFeed
    case bareCarriageReturn
    case lineFolding
    case missingColon
    case spaceAroundFieldName
    case invalidFieldName
    case invalidFieldValue

    // What the fields say together.
    case missingHost
    case repeatedHost
    case invalidHost
    case invalidContentLength
    case repeatedContentLength
    case bothLengthAndTransferEncoding
    case transferEncodingBeforeHTTP11
    case unsupportedTransferCoding
    case contentNotAllowed

    // Bodies.
    case chunkLineTooLong(limit: Int)
    case malformedChunk
    case trailersTooLarge(limit: Int)
    case forbiddenTrailer
    case trailersNeedChunkedFraming
    case contentExceedsLength
    case contentShorterThanLength(missing: UInt64)
    case closedInsideMessage

    // The order of events.
    case eventNotAllowedNow(EventKind, state: PeerState)
    case wrongRole(EventKind)
    case responseWithoutRequest
    case switchWithoutProposal
    case missingUpgrade
    case interimBeforeHTTP11
    case exchangeNotFinished
    case sendingFailed
  }
}

extension ProtocolError.Reason {
  /// The status a server should answer with when its peer broke this rule.
  public var statusHint: Int {
    switch self {
    case .startLineTooLong: 414
    case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
    case .unsupportedTransferCoding: 501
    case .unsupportedVersion: 505
    default: 400
    }
  }

  /// A sentence that says what was wrong and what would have been right.
  public var description: String {
    switch self {
    case .startLineTooLong(let limit):
      "the start line is longer than \(limit) bytes"
    case .malformedRequestLine:
      "a request line is a method, a target and a version with one space between them"
    case .malformedStatusLine:
      "a status line is a version, three digits and a reason with one space between them"
    case .invalidMethod:
      "a method is one or more letters, digits or the marks that RFC 9110 section 5.6.2 allows"
    case .invalidTarget:
      "a target has no spaces, control bytes, bytes above 126, user names or fragments"
    case .targetDoesNotFitMethod:
      "the target begins with /, or is a whole URI, or is host:port for CONNECT or * for OPTIONS"
    case .malformedVersion:
      "a version is HTTP/ and two digits with a point between them"
    case .unsupportedVersion:
      "only versions 1.0 and 1.1 of HTTP are spoken here"
    case .invalidStatus:
      "a status is three digits, from 100 to 599 when sent"
    case .invalidReason:
      "a reason phrase has no control bytes"
    case .headTooLarge(let limit):
      "the head is larger than \(limit) bytes"
    case .tooManyFields(let limit):
      "there are more than \(limit) fields"
    case .bareLineFeed:
      "a line ends with CR LF, not with LF alone"
    case .bareCarriageReturn:
      "a CR stands only before LF"
    case .lineFolding:
      "a field is on one line; folding onto the next is obsolete"
    case .missingColon:
      "a field line is a name, a colon and a value"
    case .spaceAroundFieldName:
      "there is no space before or inside a field's name, nor between it and the colon"
    case .invalidFieldName:
      "a field's name is one or more letters, digits or the marks of RFC 9110 section 5.6.2"
    case .invalidFieldValue:
      "a field's value has no control bytes, and no space at either end"
    case .missingHost:
      "a request of HTTP/1.1 has a Host field"
    case .repeatedHost:
      "a request has one Host field only"
    case .invalidHost:
      "Host is a host name or address with an optional port"
    case .invalidContentLength:
      "Content-Length is one decimal number"
    case .repeatedContentLength:
      "Content-Length stands once only"
    case .bothLengthAndTransferEncoding:
      "a message has Content-Length or Transfer-Encoding, never both"
    case .transferEncodingBeforeHTTP11:
      "Transfer-Encoding came with HTTP/1.1; an older version does not know it"
    case .unsupportedTransferCoding:
      "the only transfer coding spoken here is chunked, alone"
    case .contentNotAllowed:
      "this message cannot have content: send none, and leave out Transfer-Encoding and Content-Length"
    case .chunkLineTooLong(let limit):
      "the line before a chunk is longer than \(limit) bytes"
    case .malformedChunk:
      "a chunk is a size in hexadecimal digits, CR LF, that many bytes, CR LF"
    case .trailersTooLarge(let limit):
      "the trailers are larger than \(limit) bytes"
    case .forbiddenTrailer:
      "a trailer does not frame, route, authenticate or qualify the message, nor describe its content"
    case .trailersNeedChunkedFraming:
      "trailers can follow chunked content only"
    case .contentExceedsLength:
      "there is more content than Content-Length declared"
    case .contentShorterThanLength(let missing):
      "the content ended \(missing) bytes before the Content-Length declared"
    case .closedInsideMessage:
      "the connection closed in the middle of a message"
    case .eventNotAllowedNow(let event, let state):
      "\(event.words) is not allowed in the state \(state.words)"
    case .wrongRole(let event):
      "\(event.words) is sent by the other role"
    case .responseWithoutRequest:
      "a response came although no request was sent"
    case .switchWithoutProposal:
      "a protocol switch is accepted only after the client proposed it"
    case .missingUpgrade:
      "a 101 names the protocol that it switches to in an Upgrade field"
    case .interimBeforeHTTP11:
      "interim responses came with HTTP/1.1; an older client takes them for the final one"
    case .exchangeNotFinished:
      "the next exchange starts when both halves are done and the connection persists"
    case .sendingFailed:
      "sending has failed before, so nothing more can be sent"
    }
  }
}
