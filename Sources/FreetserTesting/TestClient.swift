// A client for tests of handlers, without a network.

public import Freetser
import Threads

/// A client of a server that need not be started: both are in this process, and nothing is opened.
///
/// ```swift
/// let app = try TestClient(server)
/// #expect(try app.get("/user").text == "Created: my_user_email\n")
/// ```
///
/// Requests go through all of the server but its sockets, on a connection that is kept for the next, as a browser keeps
/// it. Handlers run on a thread of their own, with the stack that the server's configuration says. Nothing is remembered
/// from a response, neither cookies nor redirections.
///
/// One thread uses a client at a time; a server may have any number of clients.
public final class TestClient {
  private let server: Server
  private let peer: Address
  private let limits: TestLimits
  private(set) var connection: TestConnection

  /// Connects to a server.
  ///
  /// - Parameters:
  ///   - server: The server. Whether it runs makes no difference.
  ///   - peer: Who the client is for the server, in `Request.peer`.
  ///   - limit: How long to wait for a response, the whole of it; for ever is no good for a test.
  ///   - maximumBodySize: The largest body of a response. In bytes.
  /// - Throws: ``TestClientError/cannotStartThread(code:)``.
  public init(
    _ server: Server, peer: Address = .ipv4(octets: [127, 0, 0, 1], port: 0),
    within limit: Duration = .seconds(60), maximumBodySize: Int = 1 << 26
  ) throws(TestClientError) {
    self.server = server
    self.peer = peer
    limits = TestLimits(time: limit, bodySize: maximumBodySize)
    connection = try TestConnection(to: server, from: peer, limits)
  }

  /// Closes the connection, and waits until no handler works for it.
  deinit {
    if connection.isOpen { connection.close() }
  }

  /// Sends a request and waits for its response.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - target: The path, with a query if there is one, as in `/notes?page=2`; escaped.
  ///   - fields: Further fields. `Host` is `localhost` unless it is among them, and the framing is added.
  ///   - content: The body.
  /// - Throws: ``TestClientError``.
  public func send(
    _ method: HTTPRequest.Method, _ target: String, fields: HTTPFields = [:],
    _ content: RequestContent? = nil
  ) throws(TestClientError) -> ReceivedResponse {
    let head: RequestHead
    do throws(ProtocolError) {
      var all = Fields()
      for field in fields { try all.append(field.name.rawName, field.value) }
      if let content, !all.contains("Content-Type") {
        try all.append("Content-Type", content.contentType)
      }
      head = try RequestHead(method: method.rawValue, target: target, fields: all)
    } catch {
      throw .unsendable(error)
    }
    return try send(head, content?.bytes ?? [])
  }

  /// Sends a request with all its parts; `Host` and the framing are added if they are missing.
  func send(_ head: RequestHead, _ body: [UInt8]) throws(TestClientError) -> ReceivedResponse {
    if !connection.isOpen { connection = try TestConnection(to: server, from: peer, limits) }
    return try connection.exchange(try head.completed(forBodyOf: body.count), body)
  }
}

extension TestClient {
  /// Sends GET and waits for the response.
  ///
  /// - Parameters:
  ///   - target: The path, with a query if there is one.
  ///   - fields: Further fields.
  /// - Throws: ``TestClientError``.
  public func get(
    _ target: String, fields: HTTPFields = [:]
  ) throws(TestClientError) -> ReceivedResponse {
    try send(.get, target, fields: fields)
  }

  /// Sends POST and waits for the response.
  ///
  /// - Parameters:
  ///   - target: The path, with a query if there is one.
  ///   - fields: Further fields.
  ///   - content: The body.
  /// - Throws: ``TestClientError``.
  public func post(
    _ target: String, fields: HTTPFields = [:], _ content: RequestContent
  ) throws(TestClientError) -> ReceivedResponse {
    try send(.post, target, fields: fields, content)
  }

  /// Sends PUT and waits for the response.
  ///
  /// - Parameters:
  ///   - target: The path, with a query if there is one.
  ///   - fields: Further fields.
  ///   - content: The body.
  /// - Throws: ``TestClientError``.
  public func put(
    _ target: String, fields: HTTPFields = [:], _ content: RequestContent
  ) throws(TestClientError) -> ReceivedResponse {
    try send(.put, target, fields: fields, content)
  }

  /// Sends DELETE and waits for the response.
  ///
  /// - Parameters:
  ///   - target: The path, with a query if there is one.
  ///   - fields: Further fields.
  /// - Throws: ``TestClientError``.
  public func delete(
    _ target: String, fields: HTTPFields = [:]
  ) throws(TestClientError) -> ReceivedResponse {
    try send(.delete, target, fields: fields)
  }
}

extension Server {
  /// The response to one request, as a client would get it: for tests.
  ///
  /// The request goes through all of the server but its sockets, on a connection of its own that nobody has to open. Its
  /// body is sent, its head too, with `Host: localhost` and the framing if they are missing, and its peer is the client's.
  /// Who the client is and which scheme it used is found out anew, as `ServerConfiguration.proxies` says.
  ///
  /// - Parameters:
  ///   - request: The request.
  ///   - limit: How long to wait for the response.
  /// - Returns: The response with all its bytes, also where the handler writes it while it is sent.
  /// - Throws: ``TestClientError``.
  public func respond(
    to request: Request, within limit: Duration = .seconds(60)
  ) throws(TestClientError) -> Response {
    let client = try TestClient(self, peer: request.peer, within: limit)
    let received = try client.send(request.head, request.body)
    let fields = received.fields.map { field in
      // What was received is a token, and every token is a name.
      (name: HTTPField.Name(field.name)!, value: field.value)
    }
    return Response(status: received.status, fields: ResponseFields(fields), body: received.body)
  }
}

/// What a client waits for and holds.
struct TestLimits {
  let time: Duration
  let bodySize: Int
}

extension RequestHead {
  /// The same head with what it cannot be sent without.
  fileprivate func completed(forBodyOf count: Int) throws(TestClientError) -> RequestHead {
    let hasFraming = fields.contains("Content-Length") || fields.contains("Transfer-Encoding")
    if fields.contains("Host"), hasFraming || count == 0 { return self }
    do throws(ProtocolError) {
      var all = Fields()
      if !fields.contains("Host") { try all.append("Host", "localhost") }
      for field in fields { try all.append(field.name, field.value) }
      if !hasFraming, count > 0 { try all.append("Content-Length", String(count)) }
      return try RequestHead(method: method, target: target, fields: all)
    } catch {
      throw .unsendable(error)
    }
  }
}
