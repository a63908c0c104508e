// Under which name a client saves what it gets (RFC 6266).

import HTTPTypes
public import Transport

extension Response {
  /// A file, or the part of it that the client asks for, to be saved and not shown.
  ///
  /// ```swift
  /// return try .download(at: "reports/2026.pdf", as: "Report 2026.pdf", for: request)
  /// ```
  ///
  /// - Parameters:
  ///   - path: Where the file is, as ``file(at:for:contentType:status:fields:)`` has it.
  ///   - name: The name to save it under, as ``attachment(_:)`` has it.
  ///   - request: The request that is answered.
  ///   - contentType: The media type; `nil` for that of files whose name ends as `name` does.
  ///   - fields: Further fields.
  /// - Throws: `FileError`, as ``file(at:for:contentType:status:fields:)`` does.
  public static func download(
    at path: String, as name: String, for request: Request, contentType: String? = nil,
    fields: ResponseFields = [:]
  ) throws(FileError) -> Response {
    let contentType = contentType ?? MediaTypes.type(of: name)
    return try file(at: path, for: request, contentType: contentType, fields: fields)
      .attachment(name)
  }

  /// The same response, to be saved under a name and not shown. Errors are shown.
  ///
  /// - Parameter name: Any text, be it a client's. What a name of a file cannot have, such as slashes and line breaks, becomes
  ///   `_`, and so does what turns the direction of writing round, behind which an ending can hide. Of a long name the last
  ///   128 characters are taken.
  public func attachment(_ name: String) -> Response {
    guard status.kind == .successful else { return self }
    var response = self
    response.fields[.contentDisposition] = ContentDisposition.attachment(name)
    return response
  }
}

enum ContentDisposition {
  /// Longer than what people give, and short enough for all file systems.
  private static let maximumLength = 128

  /// The value of `Content-Disposition`.
  ///
  /// A name that is not all plain characters is sent twice: readable for old clients, and whole (RFC 8187) for all others.
  static func attachment(_ name: String) -> String {
    var name = String(
      String.UnicodeScalarView(name.unicodeScalars.suffix(maximumLength).map(cleaned)))
    if ["", ".", ".."].contains(name) { name = "_" }
    let plain = String(String.UnicodeScalarView(name.unicodeScalars.map(plain)))
    let value = "attachment; filename=\"\(plain)\""
    return plain == name ? value : "\(value); filename*=UTF-8''\(escaped(name))"
  }

  private static func cleaned(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let properties = scalar.properties
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: return "_"
    default: return "/\\".unicodeScalars.contains(scalar) || properties.isBidiControl ? "_" : scalar
    }
  }

  /// What every client reads the same way: some take a backslash for itself, and a percent sign for an escape (RFC 6266
  /// appendix D).
  private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    scalar.isASCII && !"\"\\%".unicodeScalars.contains(scalar) ? scalar : "_"
  }

  /// `value-chars` (RFC 8187 section 3.2.1).
  private static func escaped(_ name: String) -> String {
    PercentEncoding.encode(name, allowing: isAttributeCharacter)
  }

  private static func isAttributeCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$&+-.^_`|~".utf8.contains(byte)
    }
  }
}
