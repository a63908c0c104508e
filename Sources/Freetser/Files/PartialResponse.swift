// Which part of a body a client gets, if it asks for one (RFC 9110 section 14).

import HTTPTypes

extension Response {
  /// The same response, or the part of its bytes that the client asks for.
  ///
  /// ```swift
  /// return .bytes(film, contentType: "video/mp4").tagged(digest, for: request).part(for: request)
  /// ```
  ///
  /// For GET and HEAD, status 200 and a body of bytes: `Accept-Ranges` says that there are parts. A `Range` of bytes is
  /// answered with 206 and the part, or up to 16 parts, and with 416 if there are no such bytes. Whoever has a part
  /// already says by `If-Range` of what state, and gets the whole of another. So name the state before, and only if its
  /// bytes are always the same: those of JSON are not, as its members come in any order.
  ///
  /// - Parameter request: The request that is answered.
  public func part(for request: Request) -> Response {
    guard let bytes else { return self }
    return part(for: request, of: bytes.count) { try $0.write(bytes.span.extracting($1)) }
  }

  /// The same response, or the part of its body that the client asks for.
  ///
  /// - Parameters:
  ///   - request: The request that is answered.
  ///   - size: How many bytes the body has.
  ///   - write: Writes some of them.
  func part(
    for request: Request, of size: Int,
    _ write: @escaping @Sendable (inout ResponseBody, Range<Int>) throws -> Void
  ) -> Response {
    guard status == .ok, [.get, .head].contains(request.method) else { return self }
    var response = self
    response.fields[.acceptRanges] = "bytes"
    guard request.method == .get, request.allowsPart(of: self) else { return response }
    switch RequestedBytes(request.fields[.range], of: size) {
    case .all: return response
    case .parts(let parts): return response.sending(parts, of: size, write)
    case .none:
      var refusal = Refusal(status: .rangeNotSatisfiable).response
      refusal.fields[.contentRange] = "bytes */\(size)"
      return refusal
    }
  }

  /// 206 with one part as it is, or with several as RFC 9110 section 14.6 has them.
  private func sending(
    _ parts: [Range<Int>], of size: Int,
    _ write: @escaping @Sendable (inout ResponseBody, Range<Int>) throws -> Void
  ) -> Response {
    var response = self
    response.status = .partialContent
    if parts.count == 1 {
      response.fields[.contentRange] = parts[0].contentRange(of: size)
      response.body = .stream(length: parts[0].count) { try write(&$0, parts[0]) }
      return response
    }
    // Nobody can have put it into the body: it is made now, of 128 random bits.
    let boundary = String(UInt128.random(in: 0...UInt128.max), radix: 36)
    let contentType = fields[.contentType].map { "Content-Type: \($0)\r\n" } ?? ""
    let heads = parts.map { part in
      "\r\n--\(boundary)\r\n\(contentType)Content-Range: \(part.contentRange(of: size))\r\n\r\n"
    }
    let end = "\r\n--\(boundary)--\r\n"
    let length =
      parts.reduce(0) { $0 + $1.count } + heads.reduce(0) { $0 + $1.utf8.count } + end.utf8.count
    response.fields[.contentType] = "multipart/byteranges; boundary=\(boundary)"
    response.body = .stream(length: length) { body in
      for (head, part) in zip(heads, parts) {
        try body.write(head)
        try write(&body, part)
      }
      try body.write(end)
    }
    return response
  }
}

extension Request {
  /// Whether a part may be sent: not if `If-Range` names another state, of which the client has the rest (section 13.1.5).
  ///
  /// A date names a state if it is the very same. It must not be sent by a client that has a tag; nor may a date that was
  /// fresh when it was received, after which the state could change again in the same second. So it is not taken for a
  /// response that has no tag: that of a file is still fresh.
  func allowsPart(of response: Response) -> Bool {
    guard let wanted = fields[.ifRange] else { return true }
    guard let tag = response.fields[.eTag].flatMap(EntityTag.list)?.first else { return false }
    if let tags = EntityTag.list(wanted) { return tags.count == 1 && tag.matchesStrongly(tags[0]) }
    let thisYear = CivilTime(secondsSince1970: CivilTime.nowInSeconds()).year
    func seconds(_ date: String?) -> Int? {
      date.flatMap { CivilTime(httpDate: $0, thisYear: thisYear)?.secondsSince1970 }
    }
    guard let date = seconds(wanted) else { return false }
    return date == seconds(response.fields[.lastModified])
  }
}

extension Range<Int> {
  /// `bytes 0-99/200` (RFC 9110 section 14.4).
  fileprivate func contentRange(of size: Int) -> String {
    "bytes \(lowerBound)-\(upperBound - 1)/\(size)"
  }
}
