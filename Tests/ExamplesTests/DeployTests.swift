// What docs/deploy.md shows beside the proxies: the program, the units, and times that must agree.

import Foundation
import Freetser
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Deployment", .serialized)
struct DeployTests {
  private let units: [String]
  private var service: String { units[1] }

  init() throws {
    units = try Snippet.blocks(of: "docs/deploy.md", language: "ini")
    try #require(units.count == 2)
  }

  @Test("The program serves at the socket that it is passed", .needs(.swiftc), .needs(.curl))
  func program() throws {
    let directory = try TemporaryDirectory()
    let block = try #require(Snippet.blocks(of: "docs/deploy.md").first)
    let program = try Snippet.build(
      block.replacing("app.sqlite", with: directory.file("app.sqlite")), in: directory)
    let socket = directory.file("socket")
    let listener = try HeldListener(.unix(path: socket))
    let process = try ChildProcess(program, [], passing: [listener.number])
    defer { process.kill() }
    func get(_ path: String) throws -> String {
      try Tool.curl.run([
        "-s", "--unix-socket", socket, "-H", "X-Forwarded-For: 192.0.2.1", "-w",
        "%{http_code}", "http://localhost\(path)",
      ]).text
    }
    #expect(try get("/") == "Hello 192.0.2.1:0!\n200")
    #expect(try get("/ready") == "204")
    process.send(SIGTERM)
    #expect(try process.waitForEnd().exit == .status(0))
  }

  // MARK: systemd

  /// Writes the units, with a program that is there.
  private func writeUnits(to directory: TemporaryDirectory) throws -> [String] {
    let service = try service.putting(
      "ExecStart=\(Example.testServer.path)", inPlaceOf: "ExecStart=/usr/local/bin/app")
    let files = [directory.file("app.socket"), directory.file("app.service")]
    for (text, file) in zip([units[0], service], files) {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
    return files
  }

  @Test("A new project has the units and the site of the page")
  func template() throws {
    let directory = Snippet.repository.appending(path: "Examples/Template/Deploy")
    func file(_ name: String) throws -> String {
      try String(contentsOf: directory.appending(path: name), encoding: .utf8)
    }
    let start = "ExecStart=/usr/local/bin/app"
    #expect(try file("app.socket") == units[0])
    #expect(try file("app.service") == service.putting("\(start) --systemd", inPlaceOf: start))
    #expect(
      try file("app.conf") == Snippet.blocks(of: "docs/deploy.md", language: "nginx").first)
  }

  @Test("systemd has nothing to say against the units", .needs(.systemdAnalyze))
  func verified() throws {
    let directory = try TemporaryDirectory()
    let output = try Tool.systemdAnalyze.run(["verify"] + writeUnits(to: directory))
    #expect(output.text == "")
    #expect(output.errors == "")
  }

  @Test("The service is as closed as the page says", .needs(.systemdAnalyze))
  func exposure() throws {
    let directory = try TemporaryDirectory()
    let service = try writeUnits(to: directory)[1]
    // In tenths; above it the tool ends with an error.
    _ = try Tool.systemdAnalyze.run([
      "security", "--offline=yes", "--no-pager", "--threshold=9", service,
    ])
  }

  @Test(
    "The server does nothing that the service's hardening forbids", .needs(.systemdAnalyze),
    .needs(.strace))
  func systemCalls() throws {
    let directory = try TemporaryDirectory()
    let listener = try HeldListener(.unix(path: directory.file("socket")))
    let trace = directory.file("trace")
    // -D: the server has the number of the process that was started, which LISTEN_PID names.
    let process = try ChildProcess(
      #require(Tool.strace.path),
      [
        "-D", "-f", "-qq", "-o", trace, Example.testServer.path, "--inherited", "--db",
        directory.file("store.sqlite"),
      ], passing: [listener.number])
    defer { process.kill() }
    try process.wait(for: "the address") { $0.text.contains("Listening on") ? () : nil }
    var client = try WireClient(to: listener.endpoint)
    #expect(try client.request("POST", "/entries/1", body: "one").status == 201)
    #expect(try client.request("GET", "/entries/1").text == "one")
    process.send(SIGTERM)
    #expect(try process.waitForEnd().exit == .status(0))

    let calls = try String(contentsOfFile: trace, encoding: .utf8)
    let names = Set(calls.matches(of: /(?m)^\d+ +([a-z0-9_]+)\(/).map { String($0.1) })
    #expect(names.isSuperset(of: ["accept4", "fdatasync", "exit_group"]))
    let filters = try SystemCallFilters()
    let allowed = try service.matches(of: /\nSystemCallFilter=(~?)(.*)/).reduce(Set<String>()) {
      let named = try $1.2.split(separator: " ").map { try filters.calls(of: String($0)) }
      let all = named.reduce(Set()) { $0.union($1) }
      return $1.1.isEmpty ? $0.union(all) : $0.subtracting(all)
    }
    #expect(names.subtracting(allowed) == [])

    try #require(service.contains("RestrictAddressFamilies=AF_UNIX\n"))
    let families = Set(calls.matches(of: /socket(?:pair)?\((AF_[A-Z0-9]+)/).map { $0.1 })
    #expect(families.isSubset(of: ["AF_UNIX"]))
    try #require(service.contains("MemoryDenyWriteExecute=yes\n"))
    let executable = calls.matches(of: /(?:mprotect\(.*PROT_EXEC|PROT_WRITE\|PROT_EXEC).*/)
    #expect(executable.map { $0.0 } == [])
  }

  // MARK: Times

  @Test("The proxies close idle connections before the server does; systemd waits for a stop")
  func times() throws {
    let configuration = ServerConfiguration()
    let timeouts = configuration.timeouts
    let nginx = try Proxy.nginx.documentedSettings
    let haProxy = try Proxy.haProxy.documentedSettings
    let caddy = try Proxy.caddy.documentedSettings
    #expect(try seconds("  keepalive_timeout ", in: nginx) < timeouts.keepAlive)
    #expect(try seconds(" pool-purge-delay ", in: haProxy) < timeouts.keepAlive)
    #expect(try seconds("\tkeepalive ", in: caddy) < timeouts.keepAlive)
    #expect(try seconds("client_header_timeout ", in: nginx) == timeouts.head)
    #expect(try seconds("timeout http-request ", in: haProxy) == timeouts.head)
    #expect(try seconds("read_header ", in: caddy) == timeouts.head)
    #expect(try seconds("client_body_timeout ", in: nginx) == timeouts.bodyIdle)
    let stop = configuration.stopDelay + configuration.stopLimit
    #expect(try seconds("TimeoutStopSec=", in: service) > stop + .seconds(1))
  }

  /// The time that stands behind a name.
  private func seconds(_ name: String, in text: String) throws -> Duration {
    let rest = try text[#require(text.firstRange(of: name)).upperBound...]
    let match = try #require(rest.prefixMatch(of: /(\d+)s/))
    return .seconds(try #require(Int(match.1)))
  }
}

/// systemd's sets of system calls.
private struct SystemCallFilters {
  private var members: [String: [String]] = [:]

  init() throws {
    let text = try Tool.systemdAnalyze.run(["--no-pager", "syscall-filter"]).text
    var name = ""
    for line in text.split(separator: "\n") {
      let word = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("@") {
        name = word
      } else if line.hasPrefix(" "), !word.hasPrefix("#") {
        members[name, default: []].append(word)
      }
    }
  }

  /// What a set, or a name that is none, stands for.
  func calls(of name: String) throws -> Set<String> {
    guard name.hasPrefix("@") else { return [name] }
    return try #require(members[name], "there is no \(name)")
      .reduce(into: Set()) { try $0.formUnion(calls(of: $1)) }
  }
}
