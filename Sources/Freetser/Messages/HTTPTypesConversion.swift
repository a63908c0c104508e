// To and from swift-http-types, for code that is shared with other servers and clients.
//
// A head that came from a client stays in its compact form unless somebody asks for another: to make an `HTTPRequest`
// costs ten times as much as to read it.

public import HTTPCore
public import HTTPTypes

extension HTTPFields {
  /// The fields of a message, in order. What is not UTF-8 in a value reads as U+FFFD.
  public init(_ fields: Fields) {
    self.init()
    for field in fields {
      // What was received or is to be sent is a token, and every token is a name.
      append(HTTPField(name: HTTPField.Name(field.name)!, value: field.value))
    }
  }

  /// The fields of a response, in order.
  public init(_ fields: ResponseFields) {
    self.init()
    for (name, value) in fields.lines { append(HTTPField(name: name, value: value)) }
  }
}

extension ResponseFields {
  /// The same fields, in order.
  public init(_ fields: HTTPFields) {
    self.init(fields.map { (name: $0.name, value: $0.value) })
  }
}

extension Fields {
  /// The same fields, in order.
  ///
  /// - Throws: ``ProtocolError`` if they cannot be sent.
  public init(_ fields: HTTPFields) throws(ProtocolError) {
    self.init()
    for field in fields { try append(field.name.rawName, field.value) }
  }
}

extension HTTPRequest {
  /// The head of a request. `Host` becomes the authority; the path has the query.
  public init(_ request: Request) {
    var fields = HTTPFields(request.fields)
    fields[HTTPField.Name("Host")!] = nil
    let isWhole = request.target.hasPrefix("/") || request.target == "*"
    let path = isWhole ? request.target : request.path + (request.query.map { "?\($0)" } ?? "")
    self.init(
      method: request.method, scheme: request.scheme.rawValue,
      authority: request.method == .connect ? request.target : request.host,
      path: request.method == .connect ? nil : path, headerFields: fields)
  }
}

extension RequestHead {
  /// The same head, to be sent. The authority becomes `Host`, and the target of CONNECT.
  ///
  /// - Throws: ``ProtocolError`` if it cannot be sent.
  public init(_ request: HTTPRequest) throws(ProtocolError) {
    var fields = Fields()
    if let authority = request.authority { try fields.append("Host", authority) }
    for field in request.headerFields { try fields.append(field.name.rawName, field.value) }
    try self.init(
      method: request.method.rawValue,
      target: (request.method == .connect ? request.authority : request.path) ?? "/",
      fields: fields)
  }
}

extension HTTPResponse {
  /// The head of a response, without what the server adds.
  public init(_ response: Response) {
    self.init(status: response.status, headerFields: HTTPFields(response.fields))
  }
}

extension Response {
  /// A response of this head and a body.
  public init(_ head: HTTPResponse, body: [UInt8] = []) {
    self.init(status: head.status, fields: ResponseFields(head.headerFields), body: body)
  }
}
