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
  /// The other end of the connection: the client, or the proxy before it.
  public var peer: Address

  /// Makes a request, for tests of handlers.
  public init(head: RequestHead, body: [UInt8] = [], peer: Address) {
    self.head = head
    self.body = body
    self.peer = peer
  }

  /// The method. A HEAD request reaches handlers as it is; its response is sent without the body.
  public var method: HTTPRequest.Method {
    // The head's method is a token, and every token is a method here.
    HTTPRequest.Method(rawValue: head.method)!
  }

  /// The version of HTTP that the client speaks.
  public var version: Version { head.version }

  /// The fields, in order, names compared without regard to case.
  public var fields: Fields { head.fields }

  /// The target as it came: nearly always a path with a query.
  public var target: String { head.target }

  /// The path as it came, without the query and with its percent escapes; see ``decodedPath``.
  public var path: String {
    head.withTarget { target in String(copying: target, TargetParts(target).path) }
  }

  /// The path with its percent escapes decoded; `nil` if an escape is broken or the result is not UTF-8.
  ///
  /// A decoded `/` or `..` cannot be told from one that was sent plainly: compare and split ``path`` first.
  public var decodedPath: String? {
    head.withTarget { target in
      PercentEncoding.decode(target.extracting(TargetParts(target).path), plusIsSpace: false)
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
  /// `nil` if an escape is broken or a name or value is not UTF-8; empty without a query.
  public var queryItems: [(name: String, value: String)]? {
    head.withTarget { target in
      guard let query = TargetParts(target).query else { return [] }
      return PercentEncoding.decodeForm(target.extracting(query))
    }
  }

  /// The body as text; `nil` if it is not UTF-8.
  public var text: String? { String(validating: body, as: UTF8.self) }
}

extension Fields {
  /// The values of all fields of this name, joined by `, `; `nil` if there is none.
  public subscript(name: HTTPField.Name) -> String? { self[name.rawName] }
}

/// Where path and query stand in a target (RFC 9112 section 3.2).
struct TargetParts {
  let path: Range<Int>
  let query: Range<Int>?

  init(_ target: Span<UInt8>) {
    let end = target.count
    let questionMark = target.indices.first { target[$0] == UInt8(ascii: "?") } ?? end
    query = questionMark < end ? (questionMark + 1)..<end : nil
    path = Self.pathStart(target, before: questionMark)..<questionMark
  }

  /// Skips `http://host` of the absolute form; `*` and `host:port` have no path but themselves.
  private static func pathStart(_ target: Span<UInt8>, before end: Int) -> Int {
    guard end > 0, target[0] != UInt8(ascii: "/") else { return 0 }
    var slashes = 0
    for index in 0..<end where target[index] == UInt8(ascii: "/") {
      slashes += 1
      if slashes == 3 { return index }
    }
    return slashes == 2 ? end : 0
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
