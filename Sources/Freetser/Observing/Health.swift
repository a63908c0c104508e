// Pages for machines that watch over a server: whether it lives, and whether it is ready.

import HTTPTypes
public import KVStore

extension Handler {
  /// 200 as long as the process answers at all.
  ///
  /// ```swift
  /// routes.get("/healthz", handler: .health)
  /// ```
  ///
  /// For whoever starts the process again when it does not.
  public static let health = Handler { _, _ in
    .text("ok\n", fields: [.cacheControl: "no-store"])
  }

  /// 200 while requests are welcome, and 503 with the reason while they are not.
  ///
  /// ```swift
  /// routes.get("/readyz", handler: .readiness(store: store))
  /// ```
  ///
  /// For load balancers. Requests are not welcome once the server is asked to stop (``Request/isServerReady``,
  /// ``ServerConfiguration/stopDelay``), and while the store cannot be read, or is so busy that a read has not begun
  /// within a second.
  public static func readiness(store: Store? = nil) -> Handler {
    Handler { request, _ in
      let reason: String? =
        if !request.isServerReady {
          "the server is stopping"
        } else if let store, !store.answers {
          "the store does not answer"
        } else {
          nil
        }
      return .text(
        reason.map { "not ready: \($0)\n" } ?? "ready\n",
        status: reason == nil ? .ok : .serviceUnavailable, fields: [.cacheControl: "no-store"])
    }
  }
}

extension Store {
  /// Whether the file can be read, and a read begins within a second.
  fileprivate var answers: Bool {
    let hasRead: Void? = try? read(within: .seconds(1)) { snapshot in
      for table in tables.prefix(1) { _ = try snapshot.get(table, "readiness") }
    }
    return hasRead != nil
  }
}
