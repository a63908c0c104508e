// nginx as the reverse proxy in front of an example.

import Foundation
import Testing

/// How nginx talks to the server behind it.
enum Upstream: String, CaseIterable, CustomTestStringConvertible {
  /// HTTP/1.0, a new connection for each request, the body only when all of it is there.
  case http10
  /// HTTP/1.1 on connections that are kept alive, the body while it comes.
  case http11

  var testDescription: String { rawValue }

  fileprivate var directives: String {
    switch self {
    case .http10:
      "proxy_http_version 1.0; proxy_set_header Connection close;"
    case .http11:
      "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_request_buffering off;"
    }
  }
}

@Suite("nginx", .serialized, .needs(.nginx), .needs(.curl))
struct NginxTests {
  /// nginx in front of an example. It listens on a Unix domain socket: no port has to be found.
  private struct Proxy {
    let socket: String

    func curl(_ arguments: String..., input: [UInt8] = []) throws -> Output {
      let fixed = ["-q", "-sS", "--noproxy", "*", "-m", "30", "--unix-socket", socket]
      return try Tool.curl.run(fixed + arguments, input: input)
    }
  }

  private func withProxy(
    _ upstream: Upstream, to example: Example, test: (Proxy) throws -> Void
  ) throws {
    try withExample(example) { example in
      let directory = try TemporaryDirectory()
      let proxy = Proxy(socket: directory.file("socket"))
      let settings = directory.file("nginx.conf")
      try Data(self.settings(upstream, example, proxy).utf8).write(to: URL(filePath: settings))
      let nginx = try ChildProcess(
        #require(Tool.nginx.path), ["-e", "stderr", "-p", directory.path, "-c", settings])
      defer { nginx.kill() }
      // It names its version after it has begun to listen.
      try nginx.wait(for: "the version") { output in
        output.errors.contains(/\[notice\].* nginx\/.*\n/) ? () : nil
      }

      try test(proxy)

      nginx.send(SIGQUIT)
      let output = try nginx.waitForEnd()
      #expect(output.exit == .status(0))
      #expect(!output.errors.contains(/\[(error|crit|alert|emerg)\]/), "\(output.errors)")
    }
  }

  /// Files have relative names: they go into the directory that `-p` names.
  private func settings(_ upstream: Upstream, _ example: RunningExample, _ proxy: Proxy) -> String {
    """
    daemon off;
    master_process off;
    pid pid;
    error_log stderr notice;
    events {}
    http {
      access_log off;
      client_max_body_size 8m;
      client_body_temp_path body;
      proxy_temp_path proxy;
      fastcgi_temp_path fastcgi;
      uwsgi_temp_path uwsgi;
      scgi_temp_path scgi;
      upstream example { server \(example.address); keepalive 8; }
      server {
        listen unix:\(proxy.socket);
        location / { proxy_pass http://example; \(upstream.directives) }
      }
    }
    """
  }

  @Test("GET, HEAD and a page that is not there", arguments: Upstream.allCases)
  func pages(upstream: Upstream) throws {
    try withProxy(upstream, to: .quickstart) { proxy in
      let page = try proxy.curl("-w", " %{http_code}", "http://localhost/")
      #expect(page.text == "Hello world! 200")
      let head = try proxy.curl("-I", "http://localhost/").text
      #expect(head.contains(" 200 OK\n"))
      #expect(head.contains("\nContent-Length: 12\n"))
      let none = try proxy.curl("-w", " %{http_code}", "http://localhost/none")
      #expect(none.text == "Not found! 404")
    }
  }

  @Test(
    "A body comes back byte for byte, expected, declared or chunked",
    arguments: Upstream.allCases)
  func echo(upstream: Upstream) throws {
    try withProxy(upstream, to: .quickstart) { proxy in
      let url = "http://localhost/echo"
      for expect in ["Expect:", "Expect: 100-continue"] {
        let echo = try proxy.curl("-H", expect, "--data-binary", "@-", url, input: mebibyte)
        #expect(echo.bytes == mebibyte)
        let chunked = try proxy.curl("-H", expect, "-X", "POST", "-T", "-", url, input: mebibyte)
        #expect(chunked.bytes == mebibyte)
      }
    }
  }

  @Test(
    "A body that is too large is refused, and nginx gets to read why", arguments: Upstream.allCases)
  func tooLarge(upstream: Upstream) throws {
    try withProxy(upstream, to: .quickstart) { proxy in
      for _ in 1...10 {
        let refused = try proxy.curl(
          "-H", "Expect:", "--data-binary", "@-", "http://localhost/echo",
          input: mebibyte + mebibyte + mebibyte)
        #expect(refused.text == "413 Error: Payload Too Large: Exceeded limit 2097152\n")
      }
    }
  }

  @Test("200 requests use as many connections as they should", arguments: Upstream.allCases)
  func connections(upstream: Upstream) throws {
    try withProxy(upstream, to: .testServer) { proxy in
      let pages = try proxy.curl("-w", "%{http_code}\n", "http://localhost/id?[1-200]").text
      // The connection's number, and how many requests came on it before.
      let ids = pages.matches(of: /([0-9a-z]+)-(\d+)\n200\n/)
      try #require(ids.count == 200)
      let isKept = upstream != .http10
      #expect(Set(ids.map { $0.1 }).count == (isKept ? 1 : 200))
      #expect(ids.map { $0.2 } == (0..<200).map { isKept ? "\($0)" : "0" })
    }
  }
}
