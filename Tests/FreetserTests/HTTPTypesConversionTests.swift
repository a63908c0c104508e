// To and from swift-http-types.

import Freetser
import FreetserTesting
import HTTPTypes
import Testing

@Suite("Conversions to HTTP types, and redirects")
struct HTTPTypesConversionTests {
  private func request(_ method: String, _ target: String) throws -> Request {
    let head = try RequestHead(
      method: method, target: target,
      fields: [("Host", "example.org"), ("X-A", "1"), ("x-a", "2"), ("Cookie", "é")])
    return Request(head: head, peer: .unix(path: nil))
  }

  @Test(
    "A request, there and back",
    arguments: [
      ("GET", "/a?b=c", "/a?b=c"), ("OPTIONS", "*", "*"), ("DELETE", "http://h:1/a?b", "/a?b"),
    ])
  func requests(_ method: String, _ target: String, _ path: String) throws {
    let converted = HTTPRequest(try request(method, target))
    #expect(converted.method.rawValue == method && converted.path == path)
    #expect(converted.scheme == "http")
    #expect(converted.authority == (target.hasPrefix("http") ? "h:1" : "example.org"))
    #expect(converted.headerFields[values: .init("X-A")!] == ["1", "2"])
    #expect(converted.headerFields[.cookie] == "é")
    #expect(!converted.headerFields.contains(.init("Host")!))
    let head = try RequestHead(converted)
    #expect(head.method == method && head.target == path)
    #expect(head.fields["Host"] == converted.authority && head.fields["X-A"] == "1, 2")
  }

  @Test("CONNECT has no path")
  func connect() throws {
    let converted = HTTPRequest(try request("CONNECT", "h:1"))
    #expect(converted.path == nil && converted.authority == "h:1")
    #expect(try RequestHead(converted).target == "h:1")
  }

  @Test("A head that cannot be sent is refused")
  func refused() {
    let request = HTTPRequest(method: .get, scheme: nil, authority: "a", path: "a b")
    #expect(throws: ProtocolError.self) { try RequestHead(request) }
  }

  @Test("A response, there and back")
  func responses() {
    var fields: ResponseFields = [.contentType: "text/plain"]
    fields.append(.setCookie, "a=1")
    fields.append(.setCookie, "b=2")
    let response = Response(status: .created, fields: fields)
    let converted = HTTPResponse(response)
    #expect(converted.status == .created)
    #expect(converted.headerFields[values: .setCookie] == ["a=1", "b=2"])
    let back = Response(converted, body: [1])
    #expect(back.fields == fields && back.status == .created && back.bytes == [1])
  }

  @Test("A redirect says where to, and never more than one line of it")
  func redirect() throws {
    let server = Server(.tcp(port: 0)) { request in
      .redirect(to: request.query == nil ? "/new?a=b" : "/a\r\nSet-Cookie: b", status: .found)
    }
    let client = try TestClient(server)
    let response = try client.get("/")
    #expect(response.status == .found && response.fields["Location"] == "/new?a=b")
    #expect(try client.get("/?x").status == .internalServerError)
    #expect(Response.redirect(to: "/").status == .seeOther)
  }
}
