// Which bodies are read: those whose media type is the one that is wanted.

import HTTPTypes

extension Request {
  /// The value of `Content-Type`, which must be the type that is wanted.
  ///
  /// - Parameters:
  ///   - wanted: A media type in lower case.
  ///   - suffix: What types may end in instead, such as `+json` (RFC 6839).
  /// - Throws: ``HTTPError``, 415; also if the body is compressed.
  func contentType(
    _ wanted: String, orEndingIn suffix: String? = nil
  ) throws(HTTPError) -> ParameterizedValue {
    if let coding = fields[.contentEncoding], coding.lowercased() != "identity" {
      throw HTTPError(
        .unsupportedMediaType, "The body must not be compressed",
        fields: [.acceptEncoding: "identity"])
    }
    guard let type = fields[.contentType].flatMap({ ParameterizedValue($0) }),
      type.value == wanted || suffix.map(type.value.hasSuffix) == true
    else {
      throw HTTPError(
        .unsupportedMediaType, "The body must be of type \(wanted)", fields: [.accept: wanted])
    }
    return type
  }
}
