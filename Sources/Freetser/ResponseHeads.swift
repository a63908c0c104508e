// The heads of responses: a handler's fields, and those that the server adds.

import HTTPCore
import HTTPTypes

/// Makes one head after the other, and gives the last one again to a response like the last.
struct ResponseHeads {
  private var date = HTTPDate()
  /// What the last head was made of, part by part so that comparing copies nothing.
  private var status = HTTPResponse.Status.ok
  private var fields = ResponseFields()
  private var length: Int?
  private var dateSecond = Int.min
  /// The last head; `nil` before the first and after one that could not be made.
  private var head: ResponseHead?

  /// The head of a response.
  ///
  /// - Parameter length: How many bytes its body has; `nil` if that is not known, or there is no body.
  /// - Throws: ``ProtocolError`` if the handler's fields cannot be sent.
  mutating func make(
    of response: Response, length: Int?
  ) throws(ProtocolError) -> ResponseHead {
    date.update()
    let isLikeLast =
      dateSecond == date.second && self.length == length && status == response.status
      && status.reasonPhrase == response.status.reasonPhrase && fields == response.fields
    if isLikeLast, let head { return head }
    // The memory of the last head's fields, which nobody needs any more.
    var wire = head?.fields ?? Fields()
    head = nil
    wire.removeAll(keepingCapacity: true)
    try Self.fill(&wire, for: response, length: length, date: date.text)
    let made = try ResponseHead(
      status: response.status.code, reason: response.status.reasonPhrase, fields: wire)
    (status, fields) = (response.status, response.fields)
    (self.length, dateSecond, head) = (length, date.second, made)
    return made
  }

  private static func fill(
    _ fields: inout Fields, for response: Response, length: Int?, date: String
  ) throws(ProtocolError) {
    // What a handler says about the length of a body that is not sent does not count.
    let isBodiless = response.status == .noContent || response.status == .resetContent
    var length = response.status == .noContent || response.status == .notModified ? nil : length
    var hasDate = false
    for (name, value) in response.fields.lines {
      if name == .contentLength {
        if isBodiless { continue }
        length = nil
      }
      // Framing is ours: there is nothing to choose.
      if name == .transferEncoding { throw ProtocolError(.contentNotAllowed, by: .us) }
      if name == .date { hasDate = true }
      try fields.append(name.rawName, value)
    }
    if !hasDate { try fields.append("Date", date) }
    if let length { try fields.append("Content-Length", String(length)) }
  }
}
