// Files as responses, and by what their states are told apart.

public import HTTPTypes
public import Transport

extension Response {
  /// A file, or the part of it that the client asks for.
  ///
  /// ```swift
  /// return try .file(at: "Public/manual.pdf", for: request, contentType: "application/pdf")
  /// ```
  ///
  /// The system sends it by itself: it takes no memory, however large it is. With `ETag` and `Last-Modified` a client that
  /// has it already is answered with 304, and one that makes conditions with 412 if they do not hold. A `Range` of bytes
  /// is answered with 206 and the part, or up to 16 parts, and with 416 if there are no such bytes.
  ///
  /// All of that is for GET and HEAD, and for status 200; with others the client gets the whole file. A file that was
  /// changed within the last second or two is always sent, without `ETag` and with a `Last-Modified` of a second before:
  /// it may change again unnoticed.
  ///
  /// Replace files that are served by moving others into their place. One that is changed where it is reaches those who
  /// are just getting it half old and half new; if it becomes shorter, their connection is cut.
  ///
  /// - Parameters:
  ///   - path: Where the file is, from the working directory if it does not begin with `/`. Symbolic links are followed.
  ///     Never take it from a request unchecked: `..` leads out of every directory. A `Directory` opens only what is below it.
  ///   - request: The request that is answered.
  ///   - contentType: The media type.
  ///   - status: The status of an answer with the whole file.
  ///   - fields: Further fields. `ETag`, `Last-Modified`, `Accept-Ranges` and `Content-Range` are set here.
  /// - Throws: `FileError`. A handler need not catch it: if there is no file, the server answers with 404, and otherwise
  ///   with 500, and the log has the path and the reason.
  public static func file(
    at path: String, for request: Request, contentType: String = "application/octet-stream",
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) throws(FileError) -> Response {
    file(
      try File(path), for: request, contentType: contentType, status: status, fields: fields)
  }

  /// A file that is open already, or the part of it that the client asks for, as
  /// ``file(at:for:contentType:status:fields:)`` has it.
  ///
  /// - Parameters:
  ///   - file: The file, as it is now.
  ///   - request: The request that is answered.
  ///   - contentType: The media type.
  ///   - status: The status of an answer with the whole file.
  ///   - fields: Further fields. `ETag`, `Last-Modified`, `Accept-Ranges` and `Content-Range` are set here.
  public static func file(
    _ file: File, for request: Request, contentType: String = "application/octet-stream",
    status: HTTPResponse.Status = .ok, fields: ResponseFields = [:]
  ) -> Response {
    self.file(
      file, for: request, contentType: contentType, status: status, fields: fields,
      now: CivilTime.nowInSeconds())
  }

  /// The same at a moment that is given in seconds since 1970.
  static func file(
    _ file: File, for request: Request, contentType: String, status: HTTPResponse.Status,
    fields: ResponseFields, now: Int
  ) -> Response {
    let whole = stream(contentType, length: file.size, status: status, fields: fields) {
      try $0.write(file)
    }
    guard status == .ok, [.get, .head].contains(request.method) else { return whole }
    let tag = EntityTag(of: file, now: now)
    return whole.answering(
      request, tag: tag, modified: file.modified.seconds, isSettled: tag != nil, now: now
    ).part(for: request, of: file.size) { try $0.write(file, bytes: $1) }
  }
}

extension EntityTag {
  /// The tag of a file: another file, and the same one with other bytes, has another.
  ///
  /// The time of modification alone would not do: programs that copy files keep that of the original, and builds and
  /// images give the same to all. The time of change is the system's own and moves with every write. But two writes
  /// within one tick of its clock, at most 10 ms, can leave it the same, and what a client is told it may keep for ever:
  /// so a file has no tag, and no date of its own either, for the first second or two after a change.
  ///
  /// - Parameter now: Seconds since 1970.
  init?(of file: File, now: Int) {
    let changed = file.changed
    guard changed.seconds < now - 1 else { return nil }
    func hex(_ number: some BinaryInteger) -> String { String(number, radix: 16) }
    let time = "\(hex(changed.seconds)).\(hex(changed.nanoseconds))"
    self.init(opaque: "\"\(hex(file.inode))-\(hex(file.size))-\(time)\"")
  }
}
