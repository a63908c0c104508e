// Requests in which another one is hidden, sent through each proxy.

import Freetser
import Testing

@Suite("Smuggling", .serialized)
struct SmugglingTests {
  @Test(
    "Behind a proxy no request is seen that the proxy did not send, and none that the client did not",
    arguments: Proxy.installed)
  func throughProxy(proxy: Proxy) throws {
    let directory = try TemporaryDirectory()
    let server = try start(in: directory)
    defer { server.stop() }
    let running = try RunningProxy(
      proxy, at: ProxyFront(place: .unix(path: directory.file("front"))),
      before: directory.file("server"),
      edit: { try proxy.prepared($0) })
    defer { running.process.kill() }
    let outcomes = try sendAll(to: running.front.endpoint)
    try running.stop()
    server.stop()
    #expect(findings(outcomes, server.requests, isBehindProxy: true) == [])
  }

  @Test("Without a proxy no request is seen that the client did not send")
  func alone() throws {
    let directory = try TemporaryDirectory()
    let server = try start(in: directory)
    defer { server.stop() }
    let outcomes = try sendAll(to: .unix(path: directory.file("server")))
    server.stop()
    #expect(findings(outcomes, server.requests, isBehindProxy: false) == [])
    // As nobody marked the requests, all would be found behind a proxy.
    #expect(
      findings(outcomes, server.requests, isBehindProxy: true).count >= SmugglingCase.all.count)
  }

  /// Answers with what it was sent. The times are short, because some of the cases are never complete.
  private func start(in directory: TemporaryDirectory) throws -> BackServer {
    try BackServer(at: .unix(path: directory.file("server"))) { configuration in
      configuration.timeouts.head = .seconds(2)
      configuration.timeouts.bodyIdle = .seconds(2)
    } handler: { request, body in
      let content = String(decoding: try body.readAll(), as: UTF8.self)
      return .text("\(request.method) \(request.path)\n\(content)")
    }
  }

  /// What came back for each of the cases.
  private func sendAll(to front: Endpoint) throws -> [String] {
    try SmugglingCase.all.enumerated().map { number, example in
      var client = try WireClient(to: front)
      // Who refuses may close before all of it is sent.
      try? client.send(example.bytes(number))
      let response = try client.receiveToEnd()
      // Whatever a case left behind on a connection to the server would be in the way of these.
      var next = try WireClient(to: front)
      for part in 1...2 {
        let answer = try next.request("GET", "/next/\(number)/\(part)").text
        #expect(answer == "GET /next/\(number)/\(part)\n", "\(example.text.debugDescription)")
      }
      return response
    }
  }
}

/// What must not be.
private func findings(
  _ responses: [String], _ requests: [Request], isBehindProxy: Bool,
  cases: [SmugglingCase] = SmugglingCase.all
) -> [String] {
  var findings: [String] = []
  // Every proxy says how the client spoke to it, in each request that it sends.
  for request in requests where isBehindProxy && request.fields["X-Forwarded-Proto"] == nil {
    findings.append("\(request.method) \(request.target) came from nobody")
  }
  for (number, example) in cases.enumerated() {
    let count = requests.count { $0.path == "/smuggled/\(number)" }
    let problem: String? =
      switch example.canary {
      case .content:
        if count > 0 {
          "was taken for a request"
        } else if !responses[number].contains("\nGET /smuggled/\(number) ") {
          "did not come as content: \(responses[number].prefix(100))"
        } else {
          nil
        }
      case .hidden: count == 0 ? nil : "was taken for a request"
      case .lenient:
        count == 0 || isBehindProxy && count == 1 ? nil : "was taken for a request"
      case .request: count == 1 ? nil : "is a request and was not seen"
      }
    if let problem { findings.append("\(example.text.debugDescription) \(problem)") }
  }
  return findings
}

extension Proxy {
  /// The settings with short times.
  fileprivate func prepared(_ settings: String) throws -> String {
    switch self {
    case .nginx:
      try settings.putting("client_header_timeout 1s", inPlaceOf: "client_header_timeout 10s")
        .putting("client_body_timeout 1s", inPlaceOf: "client_body_timeout 10s")
    case .haProxy:
      try settings.putting("timeout http-request 1s", inPlaceOf: "timeout http-request 10s")
        .putting("timeout http-keep-alive 1s", inPlaceOf: "timeout http-keep-alive 15s")
    case .caddy:
      try settings.putting("read_header 1s", inPlaceOf: "read_header 10s")
        .putting("read_body 2s", inPlaceOf: "read_body 5m")
        .putting("idle 1s", inPlaceOf: "idle 1m")
        // For a client without an address it does not say by itself how that spoke.
        .putting(
          "http.sock {\n\t\theader_up X-Forwarded-Proto {scheme}", inPlaceOf: "http.sock {")
    }
  }
}
