// Whose word a request's id is.

import Freetser
import FreetserTesting
import HTTPTypes
import Logging
import Testing

@Suite("Request ids", .serialized)
struct RequestIDTests {
  private func client(_ proxies: Proxies, field: String? = "X-Request-ID") throws -> TestClient {
    var configuration = ServerConfiguration()
    configuration.proxies = proxies
    configuration.proxies.requestIDField = field.map { HTTPField.Name($0)! }
    return try TestClient(
      Server(.tcp(port: 0), configuration: configuration) { .text($0.id) })
  }

  private func isOwn(_ id: String) -> Bool { id.wholeMatch(of: /[0-9a-z]+-\d+/) != nil }

  @Test(
    "A trusted proxy's id is taken if it is plain and not too long",
    arguments: [
      ("7", true), ("AZaz09._:/+=-", true), (String(repeating: "x", count: 128), true),
      (String(repeating: "x", count: 129), false), ("", false), ("a b", false), ("a,b", false),
      ("a\"b", false), ("a\\b", false), ("ä", false), ("a\tb", false), ("{a}", false),
      ("a;b", false),
    ])
  func grammar(_ id: String, isTaken: Bool) throws {
    let client = try client(Proxies(trusted: ["127.0.0.1"]))
    let seen = try client.get("/", fields: [.init("x-request-id")!: id]).text
    #expect(isTaken ? seen == id : isOwn(seen), "\(seen)")
  }

  @Test("Nobody is believed who is not trusted, nor another field, nor one of two")
  func trust() throws {
    let fields: HTTPFields = [.init("X-Request-ID")!: "1a2b"]
    #expect(isOwn(try client(Proxies()).get("/", fields: fields).text))
    #expect(isOwn(try client(Proxies(trusted: ["10.0.0.1"])).get("/", fields: fields).text))
    let trusted = Proxies(trusted: ["127.0.0.1"])
    #expect(isOwn(try client(trusted, field: nil).get("/", fields: fields).text))
    #expect(isOwn(try client(trusted, field: "X-Trace").get("/", fields: fields).text))
    var twice = fields
    twice.append(HTTPField(name: .init("X-Request-ID")!, value: "3c"))
    #expect(isOwn(try client(trusted).get("/", fields: twice).text))
    #expect(try client(trusted).get("/", fields: fields).text == "1a2b")
  }

  @Test("A proxy of another kind before it makes the client's word no better")
  func proxyHeader() throws {
    let server = try RunningServer(
      .tcp(port: 0, proxyProtocol: true),
      {
        $0.proxies = Proxies(trusted: ["127.0.0.1", "10.0.0.1"])
        $0.proxies.requestIDField = .init("X-Request-ID")!
      }, handler: { .text($0.id) })
    for (header, isTaken) in [
      ("PROXY TCP4 10.0.0.1 10.0.0.2 1 2", true), ("PROXY TCP4 192.0.2.1 10.0.0.2 1 2", false),
      ("PROXY UNKNOWN", false),
    ] {
      let client = try server.connect()
      try client.send("\(header)\nGET / HTTP/1.1\nHost: a\nX-Request-ID: 1a2b\n\n")
      #expect((try client.receive().text == "1a2b") == isTaken, "\(header)")
    }
  }

  @Test("The id goes with the forwarded client, and without it where that is malformed")
  func besideClient() throws {
    let client = try client(Proxies(trusted: ["127.0.0.1"], field: .forwarded))
    for forwarded in ["for=192.0.2.1", "for=malformed="] {
      let fields: HTTPFields = [
        .init("X-Request-ID")!: "1a2b", .init("Forwarded")!: forwarded,
      ]
      #expect(try client.get("/", fields: fields).text == "1a2b")
    }
  }

  @Test("Lines of a handler say to which request they belong")
  func logger() throws {
    let recorder = LogRecorder()
    let server = Server(.tcp(port: 0)) { request in
      let logger = recorder.logger.with(request)
      return .text("\(logger[metadataKey: "request"].map { "\($0)" } ?? "") \(request.id)")
    }
    let parts = try TestClient(server).get("/").text.split(separator: " ")
    #expect(parts.count == 2 && parts[0] == parts[1])
  }
}
