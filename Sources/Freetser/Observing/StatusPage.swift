// The status page: who gets it as a page, and who gets its news.

import HTTPTypes
public import KVStore

extension Handler {
  /// A page that shows at a glance what the server does: connections, requests, how they were answered and how quickly,
  /// and what the store does.
  ///
  /// ```swift
  /// let activity = ServerActivity()
  /// configuration.observers.append(activity)
  /// routes.group("/admin", through: [requireLogin]) {
  ///   $0.get("/status", handler: .statusPage(activity, store: store))
  /// }
  /// ```
  ///
  /// It has nothing about single requests or clients, but it tells strangers more than they should know: have it behind a
  /// login.
  ///
  /// The page loads nothing from elsewhere. While it is seen it follows the server by server-sent events, which the same
  /// handler sends, and which take a connection; without scripts it loads itself again every five seconds.
  ///
  /// - Parameters:
  ///   - activity: What is shown; one of the server's observers.
  ///   - store: A store that is shown too.
  ///   - title: What is written above, such as the program's name and version.
  public static func statusPage(
    _ activity: ServerActivity, store: Store? = nil, title: String = "Status"
  ) -> Handler {
    Handler { request, _ in
      let types = ["text/html", "text/event-stream"]
      if request.preferredType(of: types) == "text/event-stream" {
        return statusEvents { StatusContent(activity.counts, store).html }
      }
      // As long as CSP level 3 asks, in section 7.1.
      let nonce = String(UInt128.random(in: 0...(.max)), radix: 36)
      let content = StatusContent(activity.counts, store).html
      let page = StatusStyle.page(title: title, nonce: nonce, content)
      return .html(
        page,
        fields: [
          .cacheControl: "no-store", .vary: "Accept", .xContentTypeOptions: "nosniff",
          .referrerPolicy: "no-referrer",
          .contentSecurityPolicy: """
          default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; \
          connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
          """,
        ])
    }
  }
}

/// How many seconds events are sent. A browser asks again then, and may be asked who it is.
private let eventSeconds = 600

/// What is on the page, each second.
private func statusEvents(_ makeHTML: @escaping @Sendable () -> String) -> Response {
  .events(fields: [.vary: "Accept"]) { body in
    for _ in 0..<eventSeconds {
      try body.send(ServerSentEvent(data: makeHTML(), retry: .seconds(2)))
      guard try body.wait(for: .seconds(1)) == .timeOver else { return }
    }
  }
}

extension HTTPField.Name {
  fileprivate static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
}
