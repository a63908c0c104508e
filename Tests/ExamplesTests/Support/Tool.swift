// Other people's programs, which may be missing: then their tests are reported as skipped, by name.

import Foundation
import Testing

/// A program that tests use, if it is installed.
struct Tool: Sendable {
  let name: String
  /// Where it is; `nil` if it is not installed.
  let path: String?
  /// What to install.
  let package: String

  static let curl = Tool("curl", package: "curl")
  static let swiftc = Tool("swiftc", package: "a Swift toolchain")
  static let apacheBench = Tool("ab", package: "apache2-utils")
  static let socketActivate = Tool("systemd-socket-activate", package: "systemd")
  static let systemdAnalyze = Tool("systemd-analyze", package: "systemd")
  static let nginx = Tool("nginx", package: "nginx")
  static let haProxy = Tool("haproxy", package: "haproxy")
  static let caddy = Tool("caddy", package: "caddy")
  static let strace = Tool("strace", package: "strace")
  static let script = Tool("script", package: "bsdutils")
  static let openssl = Tool("openssl", package: "openssl")
  static let python = Tool("python3", module: "http.client", package: "python3")
  static let requests = Tool("requests for python3", module: "requests", package: "pip: requests")
  static let pythonSQLite = Tool("sqlite3 for python3", module: "sqlite3", package: "python3")

  private init(_ name: String, package: String) {
    (self.name, path, self.package) = (name, Self.find(name), package)
  }

  /// Python with a module. `FREETSER_PYTHON` names another Python, as of a virtual environment.
  private init(_ name: String, module: String, package: String) {
    let python = ProcessInfo.processInfo.environment["FREETSER_PYTHON"] ?? Self.find("python3")
    let found = python.flatMap { python in
      let output = try? ChildProcess.run(python, ["-c", "import \(module)"])
      return output?.exit == .status(0) ? python : nil
    }
    (self.name, path, self.package) = (name, found, package)
  }

  /// Servers are often installed where only an administrator's shell looks.
  private static func find(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return "\(path):/usr/sbin:/usr/local/sbin".split(separator: ":").map { "\($0)/\(name)" }
      .first(where: FileManager.default.isExecutableFile)
  }

  /// Runs it to its end, which is to be a success.
  func run(_ arguments: [String], input: [UInt8] = []) throws -> Output {
    let output = try ChildProcess.run(#require(path), arguments, input: input)
    #expect(output.exit == .status(0), "\(name) \(arguments): \(output.errors)\(output.text)")
    return output
  }

  /// Runs one of the Python programs in `Scripts`.
  func runScript(_ name: String, _ arguments: String...) throws -> Output {
    let scripts = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Scripts/\(name)")
    return try run([scripts.path(percentEncoded: false)] + arguments)
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips tests, and says why, where a tool is missing.
  static func needs(_ tool: Tool) -> Self {
    .enabled(if: tool.path != nil, "\(tool.name) is not installed (\(tool.package))")
  }
}
