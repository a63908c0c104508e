// For how long a response may be kept (RFC 9111).

/// What `Cache-Control` says: how long clients, and caches on the way, may show a response without asking again.
public struct CachePolicy: Hashable, Sendable {
  /// The value of the field.
  public var text: String

  /// A policy in the words of RFC 9111 section 5.2.2.
  public init(_ text: String) { self.text = text }

  /// Kept, and shown only after asking each time whether it is still so, which 304 answers.
  public static let noCache = CachePolicy("no-cache")
  /// Not kept at all.
  public static let noStore = CachePolicy("no-store")
  /// Kept for a year by all, and never asked for again: for what gets another name when it changes.
  public static let immutable = CachePolicy("public, max-age=31536000, immutable")

  /// Kept by all, and not asked for again for so long, in whole seconds.
  public static func maxAge(_ time: Duration) -> CachePolicy {
    require(time >= .zero, "nothing is kept for less than no time")
    return CachePolicy("public, max-age=\(time.components.seconds)")
  }
}
