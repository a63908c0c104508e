// What may be chosen about a directory that is served.

/// How the files of a directory are served (``Routes/files(_:from:options:)``).
public struct FileOptions: Sendable {
  /// The file that stands for the directory it is in; `nil` for none, so that directories are 404.
  public var index: String?

  /// For how long a file may be kept, by its path below the directory, as in `icons/home.svg`.
  ///
  /// ```swift
  /// options.caching = { $0.hasPrefix("bundle/") ? .immutable : .noCache }
  /// ```
  public var caching: @Sendable (_ path: String) -> CachePolicy

  /// Whether what has a name that begins with a dot is served: files, and all that is in such a directory.
  public var servesHidden: Bool

  /// Whether `app.js.br` or `app.js.gz` is sent in the place of the `app.js` beside it, to clients that take Brotli or gzip.
  ///
  /// See to it that they are made anew with every change: they are sent however old they are.
  public var servesCompressed: Bool

  /// Media types by the ends of names, in lower case and without the dot, beside the common ones or in their place.
  ///
  /// What is not known is `application/octet-stream`, which browsers save.
  public var mediaTypes: [String: String]

  /// Further fields of all answers but 404, such as `Content-Security-Policy`. `X-Content-Type-Options: nosniff` is added
  /// unless they have another.
  public var fields: ResponseFields

  /// Options: those that are not given are the safe ones.
  ///
  /// - Parameters:
  ///   - index: The file that stands for the directory it is in.
  ///   - caching: For how long files may be kept, one as the other.
  ///   - servesHidden: Whether what has a name that begins with a dot is served.
  ///   - servesCompressed: Whether compressed files are sent in the place of those beside them.
  ///   - mediaTypes: Media types by the ends of names.
  ///   - fields: Further fields.
  public init(
    index: String? = "index.html", caching: CachePolicy = .noCache, servesHidden: Bool = false,
    servesCompressed: Bool = false, mediaTypes: [String: String] = [:],
    fields: ResponseFields = [:]
  ) {
    self.index = index
    self.caching = { _ in caching }
    self.servesHidden = servesHidden
    self.servesCompressed = servesCompressed
    self.mediaTypes = mediaTypes
    self.fields = fields
  }
}
