// The proxies that are tested, each with the configuration that docs/deploy.md shows.

import Foundation
import Testing
import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A reverse proxy.
enum Proxy: String, CaseIterable, CustomTestStringConvertible {
  case nginx
  case haProxy = "HAProxy"
  case caddy = "Caddy"

  /// Those that are here. The tests that each has for itself are skipped by name where it is missing.
  static var installed: [Proxy] { allCases.filter { $0.tool.path != nil } }

  var testDescription: String { rawValue }

  var tool: Tool {
    switch self {
    case .nginx: .nginx
    case .haProxy: .haProxy
    case .caddy: .caddy
    }
  }

  /// What the document says, for a deployment.
  var documentedSettings: String {
    get throws {
      let language = rawValue.lowercased().replacing("caddy", with: "caddyfile")
      return try #require(Snippet.blocks(of: "docs/deploy.md", language: language).first)
    }
  }

  /// The same for a test, which has another place for everything.
  fileprivate func settings(
    _ documented: String, at front: ProxyFront, before server: String
  ) throws -> String {
    let settings = try documented.putting(server, inPlaceOf: "/run/app/http.sock")
    switch self {
    case .nginx:
      let site = try settings.putting("listen \(front.forNginx)", inPlaceOf: "listen 443 ssl http2")
        .putting(front.certificate, inPlaceOf: "/etc/ssl/app/certificate.pem")
        .putting(front.certificate, inPlaceOf: "/etc/ssl/app/key.pem")
      // Files have relative names: they go into the directory that `-p` names.
      return """
        daemon off;
        master_process off;
        pid pid;
        error_log stderr notice;
        events {}
        http {
          access_log off;
          client_body_temp_path body;
          proxy_temp_path proxy;
          fastcgi_temp_path fastcgi;
          uwsgi_temp_path uwsgi;
          scgi_temp_path scgi;
          \(front.isEncrypted ? site : site.replacing(/\n *ssl_.*/, with: ""))
        }
        """
    case .haProxy:
      return try settings.putting(
        "bind \(front.forHAProxy)",
        inPlaceOf: "bind :443 ssl crt /etc/haproxy/app.pem alpn h2,http/1.1")
    case .caddy:
      return try "{\n\tadmin off\n\tauto_https disable_redirects\n"
        + settings.dropFirst(2)
        .description.putting("\n\(front.forCaddy)\n", inPlaceOf: "\napp.example.org {\n")
    }
  }

  fileprivate func arguments(settings: String, in directory: TemporaryDirectory) -> [String] {
    switch self {
    case .nginx: ["-e", "stderr", "-p", directory.path, "-c", settings]
    case .haProxy: ["-db", "-f", settings]
    case .caddy: ["run", "--config", settings, "--adapter", "caddyfile"]
    }
  }

  /// Whether it has said that clients can connect.
  fileprivate func hasStarted(_ output: Output) -> Bool {
    switch self {
    case .nginx: output.errors.contains(/\[notice\].* nginx\/.*\n/)
    // Clients can connect before it starts.
    case .haProxy: true
    case .caddy: output.errors.contains("\"serving initial configuration\"")
    }
  }

  /// Asks for an end in order.
  fileprivate var stopSignal: Int32 {
    switch self {
    case .nginx: SIGQUIT
    case .haProxy: SIGUSR1
    case .caddy: SIGTERM
    }
  }

  /// How a line begins that tells of a grave mistake.
  fileprivate var alert: Regex<Substring> {
    switch self {
    case .nginx: /\[(?:crit|alert|emerg)\]/
    case .haProxy: /\[ALERT\]/
    case .caddy: /"level":"(?:panic|fatal)"/
    }
  }
}

/// Where clients of a proxy connect.
enum ProxyFront {
  case unix(path: String)
  case tcp(host: String, port: UInt16)
  /// TLS on a Unix domain socket, with a file that has the certificate and its key.
  case encrypted(path: String, certificate: String)

  var isEncrypted: Bool { if case .encrypted = self { true } else { false } }

  /// None where none is needed.
  var certificate: String {
    if case .encrypted(_, let certificate) = self { certificate } else { "" }
  }

  var endpoint: Endpoint {
    switch self {
    case .unix(let path), .encrypted(let path, _): .unix(path: path)
    case .tcp(let host, let port): .tcp(host: host, port: port)
    }
  }

  /// What curl needs to be told.
  var curlArguments: [String] {
    switch self {
    case .unix(let path): ["--unix-socket", path]
    case .encrypted(let path, let certificate): ["--unix-socket", path, "--cacert", certificate]
    case .tcp(let host, let port): ["--connect-to", "::\(bracketed(host)):\(port)"]
    }
  }

  fileprivate var forNginx: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .encrypted(let path, _): "unix:\(path) ssl http2"
    case .tcp(let host, let port): "\(bracketed(host)):\(port)"
    }
  }

  /// It says nothing once it listens, so it is given a socket that listens already.
  fileprivate var forHAProxy: String {
    isEncrypted ? "fd@3 ssl crt \(certificate) alpn h2,http/1.1" : "fd@3"
  }

  fileprivate var forCaddy: String {
    switch self {
    case .unix(let path): "http:// {\n\tbind unix/\(path)"
    case .encrypted(let path, let certificate):
      "https://localhost {\n\tbind unix/\(path)\n\ttls \(certificate) \(certificate)"
    case .tcp(let host, let port): "http://:\(port) {\n\tbind \(host)"
    }
  }

  private func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// A proxy that has said that it listens.
struct RunningProxy {
  let proxy: Proxy
  let front: ProxyFront
  let process: ChildProcess
  private let directory: TemporaryDirectory
  private let listener: HeldListener?

  /// Starts a proxy in front of a server.
  ///
  /// - Parameters:
  ///   - front: Where it listens.
  ///   - server: The Unix domain socket of the server.
  ///   - edit: Changes what the document says.
  init(
    _ proxy: Proxy, at front: ProxyFront, before server: String,
    edit: (String) throws -> String = { $0 }
  ) throws {
    let directory = try TemporaryDirectory()
    let file = directory.file("settings")
    let settings = try proxy.settings(
      edit(proxy.documentedSettings), at: front, before: server)
    try settings.write(toFile: file, atomically: true, encoding: .utf8)
    listener = proxy == .haProxy ? try HeldListener(front.endpoint) : nil
    process = try ChildProcess(
      #require(proxy.tool.path), proxy.arguments(settings: file, in: directory),
      passing: listener.map { [try $0.number] } ?? [],
      // Caddy keeps files where its user's other files are.
      environment: ["HOME": directory.path, "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""])
    (self.proxy, self.front, self.directory) = (proxy, front, directory)
    do {
      try process.wait(for: "the start") { proxy.hasStarted($0) ? () : nil }
    } catch {
      process.kill()
      throw error
    }
  }

  func curl(_ arguments: String..., input: [UInt8] = []) throws -> Output {
    let fixed = ["-q", "-sS", "--noproxy", "*", "-m", "50"] + front.curlArguments
    return try Tool.curl.run(fixed + arguments, input: input)
  }

  func connect() throws -> WireClient { try WireClient(to: front.endpoint) }

  /// Asks it to end, and checks that it does and had nothing grave to complain of.
  func stop() throws {
    process.send(proxy.stopSignal)
    let output = try process.waitForEnd()
    #expect(output.exit == .status(0))
    let hasAlert = output.errors.contains(proxy.alert)
    #expect(!hasAlert, "\(output.errors)")
  }
}

/// Serves with a handler behind a proxy, runs the test, and stops both, which is part of the test.
func withProxy(
  _ proxy: Proxy, edit: (String) throws -> String = { $0 },
  serving handler: @escaping BackServer.Handler,
  test: (RunningProxy, BackServer) throws -> Void
) throws {
  let directory = try TemporaryDirectory()
  let server = try BackServer(at: .unix(path: directory.file("server")), handler: handler)
  defer { server.stop() }
  let running = try RunningProxy(
    proxy, at: .unix(path: directory.file("front")), before: directory.file("server"), edit: edit)
  defer { running.process.kill() }
  try test(running, server)
  try running.stop()
}

extension String {
  /// This text with a part replaced that must be there.
  func putting(_ new: String, inPlaceOf old: String) throws -> String {
    try #require(contains(old), "the configuration has no \(old)")
    return replacing(old, with: new)
  }
}
