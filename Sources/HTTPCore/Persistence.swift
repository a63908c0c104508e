// Whether the connection outlives this exchange (RFC 9112 section 9.3).

enum Persistence {
  /// Whether the sender of a head is willing to go on after this exchange.
  ///
  /// 1. `Connection: close` says no.
  /// 2. HTTP/1.1 says yes.
  /// 3. HTTP/1.0 says yes with `Connection: keep-alive`, and no otherwise.
  static func isOffered(by fields: ProtocolFields, version: Version) -> Bool {
    if fields.close { return false }
    return version >= .http11 || fields.keepAlive
  }
}
