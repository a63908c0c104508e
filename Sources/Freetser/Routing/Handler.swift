// What answers the requests of a route.

/// A handler of a route, with what it wants of the request's body.
///
/// Mostly it is written as a closure behind a path: `routes.get("/notes/:id") { request, path in … }`. A value of this
/// type is for handlers that are made somewhere else.
public struct Handler: Sendable {
  let respond: @Sendable (Request, PathParameters, inout RequestBody) throws -> Response

  /// A handler that gets the whole body, in the request, which is read before it is called.
  public init(_ respond: @escaping @Sendable (Request, PathParameters) throws -> Response) {
    self.respond = { request, path, body in
      // Most requests have none, and need not be copied to be given one.
      if body.isAtEnd { return try respond(request, path) }
      var request = request
      request.body = try body.readAll()
      return try respond(request, path)
    }
  }

  /// A handler that reads the body itself, or leaves it unread.
  public init(
    streaming respond:
      @escaping @Sendable (Request, PathParameters, inout RequestBody) throws -> Response
  ) {
    self.respond = respond
  }

  /// The same handler behind functions that each see a request before it and its response after it, the first of them
  /// outermost.
  public func through(_ middleware: [Middleware]) -> Handler {
    middleware.reversed().reduce(self) { inner, function in
      Handler(streaming: { request, path, body in
        try function(request) { try inner.respond($0, path, &body) }
      })
    }
  }

  /// The same handler with limits of its own.
  func limited(by limits: RouteLimits) -> Handler {
    Handler(streaming: { request, path, body in
      limits.apply(to: &body)
      return try respond(request, path, &body)
    })
  }
}

/// A function around handlers: it answers itself, or calls what it is given and may change the request before and the
/// response after.
///
/// ```swift
/// let requireLogin: Middleware = { request, next in
///   guard isLoggedIn(request) else { return .redirect(to: "/login") }
///   return try next(request)
/// }
/// ```
///
/// The request's body is not read yet; handlers that want it whole get it whatever is done here. It comes once: a function
/// that calls `next` again gives it an empty one.
public typealias Middleware =
  @Sendable (_ request: Request, _ next: (Request) throws -> Response) throws -> Response

/// What a route allows its requests other than the server does; `nil` is as the server has it.
public struct RouteLimits: Sendable {
  /// The largest body, in bytes (``ServerConfiguration/maximumBodySize``).
  public var maximumBodySize: Int?
  /// From one piece of the body to the next (``ServerConfiguration/Timeouts/bodyIdle``).
  public var bodyIdle: Duration?
  /// For the whole body, before the time that it earns (``ServerConfiguration/Timeouts/body``).
  public var bodyTime: Duration?
  /// For the client to take some of the response (``ServerConfiguration/Timeouts/send``).
  public var sendTime: Duration?
  /// For the handler to answer (``ServerConfiguration/Timeouts/handler``).
  public var handlerTime: Duration?

  /// Limits of a route.
  public init(
    maximumBodySize: Int? = nil, bodyIdle: Duration? = nil, bodyTime: Duration? = nil,
    sendTime: Duration? = nil, handlerTime: Duration? = nil
  ) {
    require(maximumBodySize ?? 0 >= 0, "maximumBodySize is not negative")
    for time in [bodyIdle, bodyTime, sendTime, handlerTime] {
      require(time ?? .seconds(1) > .zero, "times are more than nothing")
    }
    self.maximumBodySize = maximumBodySize
    self.bodyIdle = bodyIdle
    self.bodyTime = bodyTime
    self.sendTime = sendTime
    self.handlerTime = handlerTime
  }

  func apply(to body: inout RequestBody) {
    if let maximumBodySize { body.limit = maximumBodySize }
    guard bodyIdle != nil || bodyTime != nil || sendTime != nil || handlerTime != nil else {
      return
    }
    var timeouts = body.timeouts
    timeouts.bodyIdle = bodyIdle ?? timeouts.bodyIdle
    timeouts.body = bodyTime ?? timeouts.body
    timeouts.send = sendTime ?? timeouts.send
    timeouts.handler = handlerTime ?? timeouts.handler
    body.timeouts = timeouts
  }
}
