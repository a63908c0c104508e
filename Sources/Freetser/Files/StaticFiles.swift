// Directories whose files are answers: which file a path means, and what is never one.

import HTTPTypes
public import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Routes {
  /// Serves the files of a directory, below a path.
  ///
  /// ```swift
  /// try routes.files("/assets", from: "Public")  // GET /assets/app.js is Public/app.js
  /// ```
  ///
  /// Each is answered as ``Response/file(at:for:contentType:status:fields:)`` does, with the media type of its ending. A
  /// path that ends with a slash is the index of that directory; one of a directory without its slash is redirected. All
  /// else is 404: what is not there, what has a hidden name, is no file, may not be read, or is behind a symbolic link.
  /// There are no lists of what is in a directory.
  ///
  /// The directory is opened now, and is the same for as long as there is the server: one that is put in its place by a
  /// deployment needs a new start.
  ///
  /// - Parameters:
  ///   - path: What stands before the paths of files. `/` leaves room for routes of your own, which come first.
  ///   - directory: Where they are, from the working directory if it does not begin with `/`. It may be a symbolic link.
  ///   - options: What may be chosen.
  /// - Throws: `FileError` if there is no such directory.
  public mutating func files(
    _ path: String, from directory: String, options: FileOptions = FileOptions()
  ) throws(FileError) {
    try files(path, from: directory, options: options, clock: CivilTime.nowInSeconds)
  }

  /// The same by a clock that tells seconds since 1970.
  mutating func files(
    _ path: String, from directory: String, options: FileOptions,
    clock: @escaping @Sendable () -> Int
  ) throws(FileError) {
    require(path == "/" || !path.hasSuffix("/"), "a directory's path has no slash at its end")
    let files = StaticFiles(
      directory: try Directory(directory), options: options, clock: clock)
    if path != "/" { get(path) { request, _ in try files.respond(to: request) } }
    get(path == "/" ? "/*path" : "\(path)/*path") { request, parameters in
      try files.respond(to: request, parameters["path"])
    }
  }
}

/// A directory, and how it is served.
struct StaticFiles: Sendable {
  let directory: Directory
  let options: FileOptions
  let clock: @Sendable () -> Int

  /// Answers for a path below the directory, decoded; `nil` if it is the directory's own, without a slash.
  func respond(to request: Request, _ path: String? = nil) throws -> Response {
    var names = path.map(Self.names) ?? []
    let wantsIndex = names.last == ""
    if wantsIndex { names.removeLast() }
    guard options.servesHidden || !names.contains(where: Self.isHidden) else {
      throw HTTPError.notFound
    }
    do {
      switch try directory.open(names) {
      case .file(let file) where !wantsIndex: return answer(request, file, at: names)
      case .directory:
        guard let index = options.index else { throw HTTPError.notFound }
        let file = try directory.file(names + [index])
        return wantsIndex
          ? answer(request, file, at: names + [index]) : complete(Self.redirectToSlash(request))
      default: throw HTTPError.notFound
      }
    } catch let error as FileError where error.reason == .cannotOpen(code: EACCES) {
      throw HTTPError.notFound  // that there is something is nobody's business
    }
  }

  /// By bytes: in characters a slash may hide behind an accent.
  private static func names(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
  }

  private static func isHidden(_ name: String) -> Bool { name.utf8.first == UInt8(ascii: ".") }

  /// Relative to what the client asked for, whatever stands before it behind a proxy; with `./` at its beginning it can
  /// be no other host's.
  private static func redirectToSlash(_ request: Request) -> Response {
    let last = request.path.split(separator: "/").last ?? ""
    let query = request.query.map { "?\($0)" } ?? ""
    return .empty(
      status: .movedPermanently,
      fields: [.location: "./\(last)/\(query)", .cacheControl: CachePolicy.noCache.text])
  }

  private func answer(_ request: Request, _ file: File, at names: [String]) -> Response {
    let caching = options.caching(names.joined(separator: "/"))
    var fields: ResponseFields = [.cacheControl: caching.text]
    var file = file
    if let (coding, compressed) = compressed(request, at: names) {
      file = compressed
      fields.append(.contentEncoding, coding)
    }
    let type = MediaTypes.type(of: names.last ?? "", or: options.mediaTypes)
    return complete(
      .file(
        file, for: request, contentType: type, status: .ok, fields: fields, now: clock()))
  }

  /// The file that has the same content in the coding that the client likes best.
  private func compressed(_ request: Request, at names: [String]) -> (String, File)? {
    guard options.servesCompressed else { return nil }
    for coding in request.preferredEncodings(of: ["br", "gzip"]) {
      var names = names
      names[names.count - 1] += coding == "gzip" ? ".gz" : ".br"
      if let file = try? directory.file(names) { return (coding, file) }
    }
    return nil
  }

  /// With what is said of all answers.
  private func complete(_ response: Response) -> Response {
    var response = response
    if options.servesCompressed { response.fields.append(.vary, "Accept-Encoding") }
    for (name, value) in options.fields.lines { response.fields.append(name, value) }
    if response.fields[.xContentTypeOptions] == nil {
      response.fields.append(.xContentTypeOptions, "nosniff")
    }
    return response
  }
}
