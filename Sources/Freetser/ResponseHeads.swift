// The heads of responses: a handler's fields, and those that the server adds.

import HTTPCore
import HTTPTypes

/// Makes one head after the other, in memory that is used again.
struct ResponseHeads {
  private var date = HTTPDate()
  /// The fields of the last head, whose memory the next one's take.
  private var lastFields = Fields()

  /// The head of a response.
  ///
  /// - Parameter length: How many bytes its body has; `nil` if that is not known, or there is no body.
  /// - Throws: ``ProtocolError`` if the handler's fields cannot be sent.
  mutating func make(
    of response: Response, length: Int?
  ) throws(ProtocolError) -> ResponseHead {
    // What a handler says about the length of a body that is not sent does not count.
    let isBodiless = response.status == .noContent || response.status == .resetContent
    var length = response.status == .noContent || response.status == .notModified ? nil : length
    var fields = Fields()
    swap(&fields, &lastFields)
    fields.removeAll(keepingCapacity: true)
    for (name, value) in response.fields.lines {
      if name == .contentLength {
        if isBodiless { continue }
        length = nil
      }
      // Framing is ours: there is nothing to choose.
      if name == .transferEncoding { throw ProtocolError(.contentNotAllowed, by: .us) }
      try fields.append(name.rawName, value)
    }
    if response.fields[.date] == nil { try fields.append("Date", date.now()) }
    if let length { try fields.append("Content-Length", String(length)) }
    return try ResponseHead(
      status: response.status.code, reason: response.status.reasonPhrase, fields: fields)
  }

  /// Takes the memory of a head that has been sent.
  mutating func reuse(_ head: consuming ResponseHead) {
    lastFields = head.fields
  }
}
