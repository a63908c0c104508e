// The parts of a form with files (multipart/form-data, RFC 7578), read one after the other.

import HTTPTypes
import Transport

extension Request {
  /// Calls `use` with each part of the form in the body, for forms that have files: in the memory of one piece, however
  /// large they are.
  ///
  /// ```swift
  /// routes.on(.post, "/photos", limits: RouteLimits(maximumBodySize: 1 << 30)) { request, _, body in
  ///   var (title, photo) = ("", SavedFile?.none)
  ///   try request.forEachPart(in: &body) { part in
  ///     switch part.name {
  ///     case "title": title = try part.text()
  ///     case "photo": photo = try part.save(to: "photos")
  ///     default: break  // what nobody reads is passed over
  ///     }
  ///   }
  ///   …
  /// }
  /// ```
  ///
  /// If it throws, whatever that is, the files that were saved are deleted: so there are those of whole forms only.
  ///
  /// - Parameters:
  ///   - body: The body, of which nothing has been read.
  ///   - maximumCount: How many parts the form may have.
  ///   - maximumHeadSize: How large what is said about a part may be. In bytes.
  ///   - use: Reads a part, as far as it wants.
  /// - Throws: ``HTTPError``: 400 if the form is malformed or ends too early, 413 if it has too many parts, 415 if the
  ///   body is no such form; ``StreamError``; and what `use` throws.
  public func forEachPart(
    in body: inout RequestBody, maximumCount: Int = 100, maximumHeadSize: Int = 8_192,
    _ use: (inout FormPart) throws -> Void
  ) throws {
    let scanner = MultipartScanner(boundary: try boundary(), maximumHeadSize: maximumHeadSize)
    var part = FormPart(of: body, scanner, maximumCount: maximumCount)
    do {
      while try part.goOn() { try use(&part) }
      part.keepFiles()
    } catch {
      body = part.body
      throw error
    }
    body = part.body
  }

  /// `boundary = 0*69<bchars> bcharsnospace` (RFC 2046 section 5.1.1).
  private func boundary() throws(HTTPError) -> String {
    let boundary = try contentType("multipart/form-data")["boundary"] ?? ""
    let isValid = boundary.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "'")...UInt8(ascii: ")"),
        UInt8(ascii: "+")...UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "="),
        UInt8(ascii: "?"), UInt8(ascii: "_"), UInt8(ascii: " "):
        true
      default: false
      }
    }
    guard isValid, 1...70 ~= boundary.utf8.count, !boundary.hasSuffix(" ") else {
      throw HTTPError(.badRequest, "The form has no valid boundary")
    }
    return boundary
  }
}

/// A part of a form with files: what the client says about it, and its content, which comes as it is read.
public struct FormPart: ~Copyable {
  /// The name of the form's field. Of several files for one field each is a part.
  public private(set) var name = ""
  /// What the client says that the file is called; `nil` if it is no file, or if none was chosen.
  ///
  /// Any text, so also `../../etc/passwd`: never make a path of it. It is for showing to people.
  public private(set) var fileName: String?
  /// What the client says that the content is, such as `image/png`; `text/plain` if it says nothing.
  ///
  /// Nobody has looked whether it is. Serve what strangers send as an attachment, or not at all.
  public private(set) var contentType = ""

  fileprivate var body: RequestBody
  private var scanner: MultipartScanner
  private let maximumCount: Int
  private var count = 0
  /// Whether all of the content has been read; also before the first part.
  private var isAtEnd = true
  /// How many bytes the handler was given of all parts that were read whole.
  private var held = 0
  private var files: [NewFile] = []

  fileprivate init(
    of body: consuming RequestBody, _ scanner: MultipartScanner, maximumCount: Int
  ) {
    self.body = body
    self.scanner = scanner
    self.maximumCount = maximumCount
  }

  /// The next bytes of the content: as many as are there, or come next.
  ///
  /// - Returns: At least one byte; `nil` at the end.
  /// - Throws: ``HTTPError``, 400, if the form is malformed or ends too early; ``StreamError``.
  public mutating func read() throws -> [UInt8]? {
    guard !isAtEnd else { return nil }
    guard case .content(let range) = try step() else {
      isAtEnd = true
      return nil
    }
    return Array(scanner.input[range])
  }

  /// The whole content, or what is left of it.
  ///
  /// It counts towards ``ServerConfiguration/maximumBufferedBytes`` until the response has been sent.
  ///
  /// - Parameter limit: How long it may be. In bytes.
  /// - Throws: As ``read()`` does; ``HTTPError``, 413, if it is longer.
  public mutating func readAll(limit: Int = 65_536) throws -> [UInt8] {
    var all: [UInt8] = []
    while let piece = try read() {
      try check(all.count + piece.count, limit)
      held += piece.count
      try body.hold(held)
      all += piece
    }
    return all
  }

  /// The content as text, as ``readAll(limit:)`` reads it.
  ///
  /// - Parameter limit: How long it may be. In bytes.
  /// - Throws: As ``readAll(limit:)`` does; ``HTTPError``, 400, if it is not UTF-8, or has more than 30 combining marks in a
  ///   row.
  public mutating func text(limit: Int = 65_536) throws -> String {
    guard let text = String(validating: try readAll(limit: limit), as: UTF8.self) else {
      throw HTTPError(field: name, "is not UTF-8")
    }
    guard text.isStreamSafe else {
      throw HTTPError(field: name, "has too many combining marks in a row")
    }
    return text
  }

  /// Writes the content into a new file, which nobody but the program's user may read.
  ///
  /// It stays if the whole form is read and nothing is thrown until then. Rename it afterwards to where it belongs, or
  /// delete it: nobody else does.
  ///
  /// - Parameters:
  ///   - directory: Where the file is made. Its name is made up here: 128 random bits.
  ///   - limit: How long it may be, beside what ``RequestBody/limit`` allows. In bytes.
  /// - Throws: As ``read()`` does; ``HTTPError``, 413, if it is longer; `FileError`.
  public mutating func save(to directory: String, limit: Int = .max) throws -> SavedFile {
    let file = try NewFile(in: directory)
    while let piece = try read() {
      try check(file.size + piece.count, limit)
      try file.write(piece.span)
    }
    try file.close()
    files.append(file)
    return SavedFile(path: file.path, size: file.size)
  }

  private func check(_ size: Int, _ limit: Int) throws(HTTPError) {
    guard size <= limit else {
      throw HTTPError(
        .contentTooLarge, "“\(name)” has more than \(limit) bytes", field: name)
    }
  }
}

/// A file that a part of a form was written into.
public struct SavedFile: Equatable, Sendable {
  /// Where it is: in the directory that was given.
  public let path: String
  /// In bytes.
  public let size: Int
}

extension FormPart {
  /// Goes on to the next part, past what was not read of the last.
  ///
  /// - Returns: Whether there is one.
  fileprivate mutating func goOn() throws -> Bool {
    while try read() != nil {}
    guard case .head(let range) = try step() else { return false }
    count += 1
    guard count <= maximumCount else {
      throw HTTPError(.contentTooLarge, "The form has more than \(maximumCount) parts")
    }
    let head = try PartHead(scanner.input[range])
    (name, fileName, contentType) = (head.name, head.fileName, head.contentType)
    isAtEnd = false
    return true
  }

  /// Lets the files stay.
  fileprivate func keepFiles() {
    for file in files { file.keep() }
  }

  private mutating func step() throws -> MultipartScanner.Step {
    while true {
      let step = try scanner.step()
      guard step == .needMoreInput else { return step }
      guard let piece = try body.read() else {
        throw HTTPError(.badRequest, "The form ends before its last boundary")
      }
      scanner.add(piece)
    }
  }
}
