// An example program that serves while a test talks to it.

import Foundation
import Testing
import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// One of the programs in `Examples` and `Tools`, or the one that is there for tests alone.
enum Example: String {
  case quickstart
  case stressTest = "stress-test"
  case testServer = "test-server"
  case kvtool

  /// Built beside the tests.
  var path: String {
    #if os(macOS)
      let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }!.bundleURL
    #else
      let tests = Bundle.main.executableURL!
    #endif
    return tests.deletingLastPathComponent().appending(path: rawValue).path(percentEncoded: false)
  }
}

/// An example that has said that it listens.
struct RunningExample {
  let process: ChildProcess
  /// What it said it listens on: `127.0.0.1:41234` or `unix:/path`.
  let address: String
  /// What it said it stores in.
  let database: String
  private let directory: TemporaryDirectory

  /// Starts an example on a port that the system chooses, or on what `arguments` say.
  ///
  /// - Parameters:
  ///   - directory: Where its file goes; the same one finds it again.
  ///   - blocking: Signals that are blocked in it from its start.
  ///   - passing: Listening sockets for it.
  ///   - environment: Variables beside those of this process.
  static func start(
    _ example: Example, _ arguments: [String] = [], in directory: TemporaryDirectory,
    blocking signals: [Int32] = [], passing sockets: [Int32] = [],
    environment: [String: String] = [:]
  ) throws -> RunningExample {
    let process = try ChildProcess(
      example.path, ["--port", "0", "--db", directory.file("store.sqlite")] + arguments,
      blocking: signals, passing: sockets, environment: environment)
    do {
      let (address, database) = try process.wait(for: "the address") { output in
        output.text.firstMatch(of: /: Listening on (.+), storing in (.+)\n/)
          .map { (String($0.1), String($0.2)) }
      }
      return RunningExample(
        process: process, address: address, database: database, directory: directory)
    } catch {
      process.kill()
      throw error
    }
  }

  /// The address of a page.
  func url(_ path: String) -> String { "http://\(address)\(path)" }

  /// Where the tests' own client connects.
  var endpoint: Endpoint {
    guard let port = address.wholeMatch(of: /127\.0\.0\.1:(\d+)/)?.1 else {
      return .unix(path: String(address.dropFirst("unix:".count)))
    }
    return .tcp(port: UInt16(port)!)
  }

  /// Asks the server to stop, and checks that it does.
  func stop() throws {
    process.send(SIGTERM)
    try checkStopped()
  }

  /// Waits for the server to stop, and checks that it does so in order and had nothing to complain of.
  func checkStopped() throws {
    let output = try process.waitForEnd()
    #expect(output.exit == .status(0))
    #expect(output.text.contains("Server stopped\n"))
    #expect(!output.text.contains(/\ (warning|error|critical) \[/), "\(output.text)")
    #expect(output.errors.isEmpty)
  }
}

/// Starts an example, runs the test, and stops the example, whose stop is part of the test.
func withExample(
  _ example: Example, _ arguments: String..., test: (RunningExample) throws -> Void
) throws {
  let running = try RunningExample.start(example, arguments, in: TemporaryDirectory())
  defer { running.process.kill() }
  try test(running)
  try running.stop()
}
