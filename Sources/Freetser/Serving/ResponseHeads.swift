// The heads of responses: a handler's fields, and those that the server adds.

import HTTPCore
import HTTPTypes

/// Makes one head after the other, and keeps the last one for a response like the last.
struct ResponseHeads {
  /// The head that was made last.
  private(set) var head = Self.blank
  private let date: HTTPDate
  /// What the last head was made of, part by part so that comparing copies nothing.
  private var status = HTTPResponse.Status.ok
  private var fields = ResponseFields()
  private var length: Int?
  /// The second that its date shows; `Int.min` if there is no such head.
  private var second = Int.min
  /// The date that was made last, and its second.
  private var dated = (second: Int.min, text: "")

  /// How large a head may be whose memory is kept. In bytes.
  private static let keptSize = 4_096

  private static let blank = {
    do throws(ProtocolError) {
      return try ResponseHead(status: 200)
    } catch {
      preconditionFailure("a head may have no fields: \(error)")
    }
  }()

  init(_ date: HTTPDate) {
    self.date = date
  }

  /// Whether another connection, whose responses are mostly alike, is to have them: if they made one, which is not large.
  var areWorthKeeping: Bool { second != .min && head.length <= Self.keptSize }

  /// Makes the head of a response.
  ///
  /// - Parameter length: How many bytes its body has, if the head is to say so; otherwise whoever sends it does.
  /// - Throws: ``ProtocolError`` if the handler's fields cannot be sent.
  mutating func make(of response: Response, length: Int? = nil) throws(ProtocolError) {
    let now = CivilTime.nowInSeconds()
    let isLikeLast =
      second == now && self.length == length && status == response.status
      && status.reasonPhrase.isSpelt(like: response.status.reasonPhrase)
      && fields.isSpelt(like: response.fields)
    if isLikeLast { return }
    second = .min
    if dated.second != now { dated = (now, date.text(for: now)) }
    // In the memory of the last head's fields, which nobody needs any more.
    var wire = head.fields
    let isKept = head.length <= Self.keptSize
    head = Self.blank
    wire.removeAll(keepingCapacity: isKept)
    try Self.fill(&wire, for: response, length: length, date: dated.text)
    head = try ResponseHead(
      status: response.status.code, reason: response.status.reasonPhrase, fields: wire)
    (status, fields) = (response.status, response.fields)
    (self.length, second) = (length, now)
  }

  private static func fill(
    _ fields: inout Fields, for response: Response, length: Int?, date: String
  ) throws(ProtocolError) {
    // What a handler says about the length of a body that is not sent does not count.
    let isBodiless = response.status == .noContent || response.status == .resetContent
    var length = response.status == .noContent || response.status == .notModified ? nil : length
    var hasDate = false
    // Enough for most responses, in one piece.
    fields.reserveCapacity(lines: response.fields.lines.count + 2, bytes: 160)
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
