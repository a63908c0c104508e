// Which handler answers which requests.

public import HTTPTypes

/// Handlers for methods and paths.
///
/// ```swift
/// var routes = Routes()
/// routes.get("/notes/:id") { request, path in … }
/// routes.post("/notes") { request, path in … }
/// let server = Server(.tcp(port: 8000), routes: routes)
/// ```
///
/// A path is literal but for `:name`, which is one segment, and `*name` at its end, which is all that is left. Where
/// several patterns are for a path, the first segment in which they differ decides: a literal one is before a parameter,
/// and a parameter before a tail. Two routes for the same requests end the program when they are made.
///
/// What no route is for is answered with 404, and with 405 and `Allow` if another method would have one. HEAD is
/// answered by the handler for GET unless it has its own, OPTIONS with 204 and `Allow`.
public struct Routes: Sendable {
  struct Route: Sendable {
    var method: HTTPRequest.Method
    var pattern: PathPattern
    var handler: Handler
  }

  private struct Key: Hashable {
    var method: HTTPRequest.Method
    var shape: String
  }

  private(set) var all: [Route] = []
  private(set) var around: [Middleware] = []
  private var keys: Set<Key> = []

  /// No routes yet.
  public init() {}

  /// Adds a route.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - path: The paths.
  ///   - limits: What its requests are allowed other than the server allows.
  ///   - handler: Answers.
  public mutating func on(
    _ method: HTTPRequest.Method, _ path: String, limits: RouteLimits? = nil, handler: Handler
  ) {
    add(
      Route(
        method: method, pattern: PathPattern(path),
        handler: limits.map { handler.limited(by: $0) } ?? handler))
  }

  /// Adds a route whose handler reads the body itself, in pieces.
  public mutating func on(
    _ method: HTTPRequest.Method, _ path: String, limits: RouteLimits? = nil,
    streaming handler:
      @escaping @Sendable (Request, PathParameters, inout RequestBody) throws -> Response
  ) {
    on(method, path, limits: limits, handler: Handler(streaming: handler))
  }

  /// Adds the routes that `build` makes, below a path and behind functions of their own.
  ///
  /// ```swift
  /// routes.group("/admin", through: [requireLogin]) {
  ///   $0.get("/status") { request, _ in … }  // GET /admin/status
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - path: What stands before their paths. It may have parameters.
  ///   - middleware: Functions around their handlers, the first of them outermost. What no route is for, they do not see.
  ///   - build: Adds the routes.
  public mutating func group(
    _ path: String = "/", through middleware: [Middleware] = [],
    _ build: (inout Routes) throws -> Void
  ) rethrows {
    var inner = Routes()
    try build(&inner)
    let prefix = PathPattern(path)
    for route in inner.all {
      add(
        Route(
          method: route.method, pattern: route.pattern.below(prefix),
          handler: route.handler.through(middleware + inner.around)))
    }
  }

  /// The same routes behind functions that see all requests, also those that no route is for; the first of them outermost.
  ///
  /// They see paths as they came: `/%61dmin` is for the routes of `/admin` too. So let nobody in by what a path begins
  /// with: what guards some routes belongs to a ``group(_:through:_:)`` of them.
  public func through(_ middleware: Middleware...) -> Routes {
    var routes = self
    routes.around = middleware + around
    return routes
  }

  private mutating func add(_ route: Route) {
    let isNew = keys.insert(Key(method: route.method, shape: "\(route.pattern.shape)")).inserted
    require(isNew, "there is one route for \(route.method) \(route.pattern.text)")
    all.append(route)
  }
}

extension Routes {
  /// Adds a route for GET, and for HEAD unless that has its own.
  public mutating func get(
    _ path: String, limits: RouteLimits? = nil,
    _ handler: @escaping @Sendable (Request, PathParameters) throws -> Response
  ) {
    on(.get, path, limits: limits, handler: Handler(handler))
  }

  /// Adds a route for GET, and for HEAD unless that has its own.
  public mutating func get(_ path: String, limits: RouteLimits? = nil, handler: Handler) {
    on(.get, path, limits: limits, handler: handler)
  }

  /// Adds a route for POST.
  public mutating func post(
    _ path: String, limits: RouteLimits? = nil,
    _ handler: @escaping @Sendable (Request, PathParameters) throws -> Response
  ) {
    on(.post, path, limits: limits, handler: Handler(handler))
  }

  /// Adds a route for PUT.
  public mutating func put(
    _ path: String, limits: RouteLimits? = nil,
    _ handler: @escaping @Sendable (Request, PathParameters) throws -> Response
  ) {
    on(.put, path, limits: limits, handler: Handler(handler))
  }

  /// Adds a route for PATCH.
  public mutating func patch(
    _ path: String, limits: RouteLimits? = nil,
    _ handler: @escaping @Sendable (Request, PathParameters) throws -> Response
  ) {
    on(.patch, path, limits: limits, handler: Handler(handler))
  }

  /// Adds a route for DELETE.
  public mutating func delete(
    _ path: String, limits: RouteLimits? = nil,
    _ handler: @escaping @Sendable (Request, PathParameters) throws -> Response
  ) {
    on(.delete, path, limits: limits, handler: Handler(handler))
  }
}

extension Routes {
  /// All of it as a handler of a server.
  var handler: @Sendable (Request, inout RequestBody) throws -> Response {
    let table = RouteTable(self)
    if around.isEmpty { return { request, body in try table.respond(to: request, &body) } }
    let whole = Handler(streaming: { request, _, body in try table.respond(to: request, &body) })
      .through(around)
    let nowhere = PathParameters()
    return { request, body in try whole.respond(request, nowhere, &body) }
  }
}
