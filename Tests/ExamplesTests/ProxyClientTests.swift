// Who the client is, and how it spoke, as far as the server behind a proxy is told.

import Foundation
import Freetser
import Testing

/// How a proxy says for whom it speaks.
struct Introduction: CustomTestStringConvertible {
  let proxy: Proxy
  let way: String
  var proxyProtocol = false
  var field: Proxies.Field?
  var edit: @Sendable (String) throws -> String = { $0 }

  var testDescription: String { "\(proxy.rawValue), \(way)" }

  /// Those of the proxies that are here.
  static var all: [Introduction] {
    let server = "unix@/run/app/http.sock"
    return [
      Introduction(proxy: .nginx, way: "X-Forwarded-For", field: .xForwardedFor),
      Introduction(proxy: .nginx, way: "Forwarded", field: .forwarded, edit: useForwarded),
      Introduction(proxy: .haProxy, way: "X-Forwarded-For", field: .xForwardedFor),
      Introduction(proxy: .haProxy, way: "PROXY protocol, version 1", proxyProtocol: true) {
        try $0.putting("\(server) send-proxy", inPlaceOf: server)
      },
      Introduction(proxy: .haProxy, way: "PROXY protocol, version 2", proxyProtocol: true) {
        try $0.putting("\(server) send-proxy-v2", inPlaceOf: server)
      },
      Introduction(proxy: .caddy, way: "X-Forwarded-For", field: .xForwardedFor),
    ].filter { Proxy.installed.contains($0.proxy) }
  }

  /// The document's second block for nginx, each half in its place.
  private static func useForwarded(_ settings: String) throws -> String {
    let block = try Snippet.blocks(of: "docs/deploy.md", language: "nginx")[1]
    let halves = block.split(separator: "\n\n").map(String.init)
    try #require(halves.count == 2)
    return try halves[0] + "\n"
      + settings.putting(
        halves[1], inPlaceOf: "    proxy_set_header X-Forwarded-For $remote_addr;\n"
      )
      .putting("", inPlaceOf: "    proxy_set_header X-Forwarded-Proto $scheme;\n")
  }
}

@Suite("The client behind a proxy", .serialized, .needs(.curl))
struct ProxyClientTests {
  private static let answer: BackServer.Handler = { request, _ in
    .text("\(request.scheme) \(request.client.host ?? "none")\n")
  }

  @Test(
    "The client's address is the one it connects from, whatever it says itself",
    arguments: Introduction.all)
  func address(introduction: Introduction) throws {
    try withProxy(
      introduction.proxy, on: "127.0.0.1", edit: introduction.edit,
      proxyProtocol: introduction.proxyProtocol, field: introduction.field, serving: Self.answer
    ) { proxy, _ in
      for client in ["127.0.0.2", "127.0.0.3", "127.0.0.2"] {
        let page = try proxy.curl(
          "--interface", client, "-H", "X-Forwarded-For: 192.0.2.1", "-H",
          "Forwarded: for=192.0.2.1;proto=https", "-H", "X-Forwarded-Proto: https",
          "http://localhost/[1-2]")
        #expect(page.text == "http \(client)\nhttp \(client)\n")
      }
    }
  }

  @Test("An IPv6 address too", .enabled(if: hasIPv6, "no IPv6 here"), arguments: Introduction.all)
  func address6(introduction: Introduction) throws {
    try withProxy(
      introduction.proxy, on: "::1", edit: introduction.edit,
      proxyProtocol: introduction.proxyProtocol, field: introduction.field, serving: Self.answer
    ) { proxy, _ in
      let page = try proxy.curl("http://localhost/")
      #expect(page.text == "http ::1\n")
    }
  }

  @Test("TLS ends at nginx", .needs(.nginx), .needs(.openssl))
  func nginx() throws { try encrypted(.nginx) }

  @Test("TLS ends at HAProxy", .needs(.haProxy), .needs(.openssl))
  func haProxy() throws { try encrypted(.haProxy) }

  @Test("TLS ends at Caddy", .needs(.caddy), .needs(.openssl))
  func caddy() throws { try encrypted(.caddy) }

  private func encrypted(_ proxy: Proxy) throws {
    let directory = try TemporaryDirectory()
    let certificate = directory.file("certificate")
    _ = try Tool.openssl.run([
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
      "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
      certificate, "-out", directory.file("alone"),
    ])
    let parts = try [certificate, directory.file("alone")].map {
      try String(contentsOfFile: $0, encoding: .utf8)
    }
    try parts.joined().write(toFile: certificate, atomically: true, encoding: .utf8)
    try withProxy(
      proxy, on: "127.0.0.1", certificate: certificate, serving: Self.answer
    ) { proxy, _ in
      for version in ["1.1", "2"] {
        let page = try proxy.curl(
          "--http\(version)", "-w", "%{http_version}", "https://localhost/")
        #expect(page.text == "https 127.0.0.1\n\(version)")
      }
    }
  }
}

/// Whether anything can listen at the loopback address of IPv6.
private let hasIPv6 = (try? HeldListener(.tcp(host: "::1", port: 0))) != nil
