// The proxies that are tested, each with the configuration that docs/deploy.md shows.

import Foundation
import Freetser
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
        .putting(front.certificate ?? "", inPlaceOf: "/etc/ssl/app/certificate.pem")
        .putting(front.certificate ?? "", inPlaceOf: "/etc/ssl/app/key.pem")
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
          \(front.certificate == nil ? site.replacing(/\n *ssl_.*/, with: "") : site)
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
struct ProxyFront {
  enum Place {
    case unix(path: String)
    case tcp(host: String, port: UInt16)
  }

  let place: Place
  /// For TLS: a file with the certificate for `localhost` and its key.
  var certificate: String?

  var endpoint: Endpoint {
    switch place {
    case .unix(let path): .unix(path: path)
    case .tcp(let host, let port): .tcp(host: host, port: port)
    }
  }

  /// What curl needs to be told.
  fileprivate var curlArguments: [String] {
    switch place {
    case .unix(let path): ["--unix-socket", path]
    case .tcp(let host, let port):
      ["--connect-to", "::\(bracketed(host)):\(port)"]
        + (certificate.map { ["--cacert", $0] } ?? [])
    }
  }

  fileprivate var forNginx: String {
    let end = certificate == nil ? "" : " ssl http2"
    return switch place {
    case .unix(let path): "unix:\(path)\(end)"
    case .tcp(let host, let port): "\(bracketed(host)):\(port)\(end)"
    }
  }

  /// It says nothing once it listens, so it is given a socket that listens already.
  fileprivate var forHAProxy: String {
    certificate.map { "fd@3 ssl crt \($0) alpn h2,http/1.1" } ?? "fd@3"
  }

  fileprivate var forCaddy: String {
    let scheme = certificate == nil ? "http://" : "https://localhost"
    let end = certificate.map { "\n\ttls \($0) \($0)" } ?? ""
    return switch place {
    case .unix(let path): "\(scheme) {\n\tbind unix/\(path)\(end)"
    case .tcp(let host, let port): "\(scheme):\(port) {\n\tbind \(host)\(end)"
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

  /// Starts a proxy at a port that is free, and at another one if somebody is faster.
  static func start(
    _ proxy: Proxy, on host: String, certificate: String? = nil, before server: String,
    edit: (String) throws -> String
  ) throws -> RunningProxy {
    func start() throws -> RunningProxy {
      let port = try #require(HeldListener(.tcp(host: host, port: 0)).port)
      let front = ProxyFront(place: .tcp(host: host, port: port), certificate: certificate)
      return try RunningProxy(proxy, at: front, before: server, edit: edit)
    }
    for _ in 1...4 {
      if let running = try? start() { return running }
    }
    return try start()
  }

  func curl(_ arguments: String..., input: [UInt8] = []) throws -> Output {
    try curl(arguments, input: input)
  }

  func curl(_ arguments: [String], input: [UInt8] = []) throws -> Output {
    let fixed = ["-q", "-sS", "--noproxy", "*", "-m", "50"] + front.curlArguments
    return try Tool.curl.run(fixed + arguments, input: input)
  }

  func connect() throws -> WireClient { try WireClient(to: front.endpoint) }

  /// Asks it to end, and checks that it does and had nothing grave to complain of.
  func stop() throws {
    process.send(proxy.stopSignal)
    let output = try process.waitForEnd()
    // HAProxy 2.6.12 has a bug for which it now and then ends with SIGSEGV (its issue 2114), seen when it was asked to stop.
    let hasCrashed = proxy == .haProxy && output.exit == .signal(SIGSEGV)
    #expect(hasCrashed || output.exit == .status(0))
    let hasAlert = output.errors.contains(proxy.alert)
    #expect(!hasAlert, "\(output.errors)")
  }
}

/// Serves with a handler behind a proxy, runs the test, and stops both, which is part of the test.
///
/// - Parameters:
///   - host: Where the proxy listens, at a port that is free; `nil` is a Unix domain socket.
///   - certificate: For TLS, a file with the certificate for `localhost` and its key.
///   - edit: Changes what the document says of the proxy.
///   - proxyProtocol: Whether connections to the server begin with a PROXY header.
///   - field: The field in which the proxy says for whom it speaks.
func withProxy(
  _ proxy: Proxy, on host: String? = nil, certificate: String? = nil,
  edit: (String) throws -> String = { $0 }, proxyProtocol: Bool = false,
  field: Proxies.Field? = .xForwardedFor,
  serving handler: @escaping BackServer.Handler,
  test: (RunningProxy, BackServer) throws -> Void
) throws {
  let directory = try TemporaryDirectory()
  let path = directory.file("server")
  let server = try BackServer(
    at: .unix(path: path, proxyProtocol: proxyProtocol),
    { $0.proxies.field = field }, handler: handler)
  defer { server.stop() }
  let running =
    if let host {
      try RunningProxy.start(
        proxy, on: host, certificate: certificate, before: path, edit: edit)
    } else {
      try RunningProxy(
        proxy, at: ProxyFront(place: .unix(path: directory.file("front"))), before: path,
        edit: edit)
    }
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
