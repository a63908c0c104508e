// What a handler is given.

public import HTTPCore
public import HTTPTypes
public import Transport

/// A request, complete with its body.
///
/// Text is made from the bytes of the head when it is asked for; keep what you use more than once.
public struct Request: Sendable {
  /// The head as it came, for what the properties here do not show.
  public var head: RequestHead
  /// The body's bytes; empty if there is none. Chunked bodies are joined.
  public var body: [UInt8]
  /// Whether the server is ready (``Server/isReady``): `false` once it is asked to stop, for pages that load balancers
  /// look at.
  public var isServerReady: Bool

  private let origin: RequestOrigin
  /// How many requests came before it on its connection.
  private let number: Int

  /// How the client spoke to the first server that it reached.
  public enum Scheme: String, Hashable, Sendable {
    /// Readable by everyone on the way.
    case http
    /// Over TLS.
    case https
  }

  /// Makes a request, for tests of handlers. The client is the peer unless it is given.
  public init(
    head: RequestHead, body: [UInt8] = [], peer: Address, peerCredentials: PeerCredentials? = nil,
    client: Address? = nil, scheme: Scheme = .http
  ) {
    let origin = RequestOrigin(
      peer: peer, peerCredentials: peerCredentials, client: client ?? peer, scheme: scheme,
      connection: UInt64.random(in: 0...UInt64.max))
    self.init(head: head, body: body, isServerReady: true, origin: origin, number: 0)
  }

  init(
    head: RequestHead, body: [UInt8], isServerReady: Bool, origin: RequestOrigin, number: Int
  ) {
    self.number = number
    self.head = head
    self.body = body
    self.isServerReady = isServerReady
    self.origin = origin
  }

  /// Letters, digits and a dash that no other request has, on this server or after a restart: for lines of a log that
  /// belong together. If a trusted proxy has given the request an id, it is that one (``Proxies/requestIDField``).
  public var id: String {
    switch identity {
    case .given(let id): id
    case .counted(let connection, let number): "\(String(connection, radix: 36))-\(number)"
    }
  }

  /// What ``id`` is made of.
  enum Identity {
    /// A trusted proxy has given it.
    case given(String)
    case counted(connection: UInt64, number: Int)
  }

  /// What ``id`` ends with; `nil` if a proxy has given it.
  var numberInID: Int? { origin.requestID == nil ? number : nil }

  var identity: Identity {
    origin.requestID.map { .given($0) } ?? .counted(connection: origin.connection, number: number)
  }

  /// The other end of the connection: the client, or the proxy before the server.
  public var peer: Address { origin.peer }

  /// The process at the other end of a Unix domain socket, and for which user it runs; `nil` for TCP.
  public var peerCredentials: PeerCredentials? { origin.peerCredentials }

  /// The client, as far as its address is known: ``peer``, unless a proxy that is trusted speaks for another.
  ///
  /// ``ServerConfiguration/proxies`` says who is trusted. The port is 0 where a proxy does not tell it.
  public var client: Address { origin.client }

  /// The scheme that the client used: `http`, unless a proxy that is trusted says otherwise.
  public var scheme: Scheme { origin.scheme }

  /// The method. A HEAD request reaches handlers as it is; its response is sent without the body.
  public var method: HTTPRequest.Method {
    // Most are one of these, which need no string.
    if head.hasMethod("GET") { return .get }
    if head.hasMethod("POST") { return .post }
    // The head's method is a token, and every token is a method here.
    return HTTPRequest.Method(rawValue: head.method)!
  }

  /// The version of HTTP that the client speaks.
  public var version: Version { head.version }

  /// The fields, in order, names compared without regard to case.
  public var fields: Fields { head.fields }

  /// The target as it came: nearly always a path with a query.
  public var target: String { head.target }

  /// The path as it came, without the query and with its percent escapes; see ``decodedPath``.
  ///
  /// `/` if the target is a whole URI without a path, as RFC 9110 section 4.2.3 says.
  public var path: String {
    head.withTarget { target in
      let parts = TargetParts(target)
      return parts.path.isEmpty ? "/" : String(copying: target, parts.path)
    }
  }

  /// The host, and port if there is one, that the client means: those of a target that is a whole URI, and of the
  /// `Host` field otherwise (RFC 9112 section 3.2.2).
  public var host: String? {
    head.withTarget { target in
      TargetParts(target).authority.map { String(copying: target, $0) }
    } ?? fields["Host"]
  }

  /// The path with its percent escapes decoded; `nil` if an escape is broken or the result is not UTF-8.
  ///
  /// A decoded `/` or `..` cannot be told from one that was sent plainly: compare and split ``path`` first.
  public var decodedPath: String? {
    head.withTarget { target in
      let path = TargetParts(target).path
      return path.isEmpty
        ? "/" : PercentEncoding.decode(target.extracting(path), plusIsSpace: false)
    }
  }

  /// The query as it came, without the question mark; `nil` if there is none.
  public var query: String? {
    head.withTarget { target in
      TargetParts(target).query.map { String(copying: target, $0) }
    }
  }

  /// The names and values in the query, decoded as forms are (`+` is a space), in order.
  ///
  /// `nil` if an escape is broken, or a name or value is not UTF-8 or has more than 30 combining marks in a row; empty
  /// without a query.
  public var queryItems: [(name: String, value: String)]? { try? decodedQuery() }

  /// The same, and why if there is none.
  func decodedQuery() throws(HTTPError) -> [(name: String, value: String)] {
    try head.withTarget { (target) throws(HTTPError) in
      guard let query = TargetParts(target).query else { return [] }
      return try PercentEncoding.decodeForm(target.extracting(query))
    }
  }

  /// The body as text; `nil` if it is not UTF-8.
  public var text: String? { String(validating: body, as: UTF8.self) }
}

extension Fields {
  /// The values of all fields of this name, joined by `, `; `nil` if there is none.
  public subscript(name: HTTPField.Name) -> String? { self[name.rawName] }
}

/// Where its parts stand in a target (RFC 9112 section 3.2).
struct TargetParts {
  /// Empty if the target is a whole URI without one.
  let path: Range<Int>
  let query: Range<Int>?
  /// The host and port of a target that is a whole URI.
  let authority: Range<Int>?

  init(_ target: Span<UInt8>) {
    let end = target.count
    let questionMark = target.indices.first { target[$0] == UInt8(ascii: "?") } ?? end
    query = questionMark < end ? (questionMark + 1)..<end : nil
    authority = Self.authority(target, before: questionMark)
    path = (authority?.upperBound ?? 0)..<questionMark
  }

  /// What stands between the `//` of a whole URI and its path.
  private static func authority(_ target: Span<UInt8>, before end: Int) -> Range<Int>? {
    func slash(from start: Int) -> Int? { (start..<end).first { target[$0] == UInt8(ascii: "/") } }
    guard let first = slash(from: 0), first > 0 else { return nil }
    let start = first + 2
    return start..<(slash(from: start) ?? end)
  }
}

extension String {
  init(copying bytes: Span<UInt8>, _ range: Range<Int>) {
    let part = bytes.extracting(range)
    do {
      self = String(copying: try UTF8Span(validating: part))
    } catch {
      // Never with a target, which is ASCII.
      self = String(decoding: [UInt8](copying: part), as: UTF8.self)
    }
  }
}
