// What the head of a part says (RFC 7578 section 4).

import HTTPCore
import HTTPTypes

/// The name of a part and, if it is a file, what the client says about that.
struct PartHead: Equatable {
  var name: String
  var fileName: String?
  var contentType: String

  /// Reads a head.
  ///
  /// - Throws: ``HTTPError``, 400, if it is malformed, has no name or too many combining marks in a row
  ///   (``CombiningMarks``), or has a content that would have to be decoded.
  init(_ bytes: ArraySlice<UInt8>) throws(HTTPError) {
    let fields = try Self.fields(bytes)
    let dispositions = fields.values(of: "Content-Disposition")
    guard dispositions.count == 1,
      let disposition = ParameterizedValue(dispositions[0], escaping: .percent),
      disposition.value == "form-data", let name = disposition["name"]
    else { throw HTTPError(.badRequest, "A part of the form has no name") }
    self.name = name
    // A browser sends an empty one, and no content, if nobody chose a file.
    fileName = disposition["filename"].flatMap { $0.isEmpty ? nil : $0 }
    contentType = fields[.contentType] ?? "text/plain"
    // Clients should not send it (section 4.7).
    let encoding = fields["Content-Transfer-Encoding"]?.lowercased() ?? "binary"
    guard ["7bit", "8bit", "binary"].contains(encoding) else {
      throw HTTPError(field: name, "is encoded, which is not understood")
    }
  }

  private static func fields(_ bytes: ArraySlice<UInt8>) throws(HTTPError) -> Fields {
    let malformed = HTTPError(.badRequest, "The head of a part is malformed")
    guard let text = String(validating: bytes, as: UTF8.self), text.isStreamSafe else {
      throw malformed
    }
    var fields = Fields()
    for line in text.split(separator: "\r\n" as Character, omittingEmptySubsequences: true) {
      guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw malformed }
      let value = Array(line[line.utf8.index(after: colon)...].utf8)
      let range = trimmed(value.span, 0..<value.count)
      do throws(ProtocolError) {
        try fields.append(String(line[..<colon]), String(copying: value.span, range))
      } catch {
        throw malformed
      }
    }
    return fields
  }
}
