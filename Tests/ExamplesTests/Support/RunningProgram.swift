// A program of a document that serves while a test talks to it.

import Testing
import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A program that has said where it listens: at a port that the system chose.
struct RunningProgram {
  /// Where it is.
  let program: String
  let process: ChildProcess
  /// As `127.0.0.1:41234`.
  let address: String

  /// Compiles and starts a program that listens at port 8000, at another one.
  init(of files: [String: String], in directory: TemporaryDirectory) throws {
    try self.init(
      Snippet.build(
        files.mapValues { $0.replacing("port: 8000", with: "port: 0") }, in: directory))
  }

  /// Starts a program.
  init(_ program: String) throws {
    self.program = program
    process = try ChildProcess(program, [])
    do {
      address = try process.wait(for: "the address") { output in
        output.text.firstMatch(of: /Server listening on (.+)\n/).map { String($0.1) }
      }
    } catch {
      process.kill()
      throw error
    }
  }

  /// Where the tests' own client connects.
  var endpoint: Endpoint {
    get throws {
      .tcp(port: try #require(address.split(separator: ":").last.flatMap { UInt16($0) }))
    }
  }

  /// What curl writes.
  func curl(_ path: String, _ options: String...) throws -> String {
    try curl(path, options)
  }

  /// What curl writes.
  func curl(_ path: String, _ options: [String]) throws -> String {
    try Tool.curl.run(["-s", "http://\(address)\(path)"] + options).text
  }

  /// Asks it to stop, and checks that it does so in order.
  func stop() throws {
    process.send(SIGTERM)
    #expect(try process.waitForEnd().exit == .status(0))
  }
}

/// Compiles a program that listens at port 8000, and lets a test talk to it at another, with a store of its own.
func withProgram(_ files: [String: String], test: (RunningProgram) throws -> Void) throws {
  let directory = try TemporaryDirectory()
  let files = files.mapValues { text in
    text.replacing(/path: "(\w+\.sqlite)"/) { "path: \"\(directory.file(String($0.1)))\"" }
  }
  let program = try RunningProgram(of: files, in: directory)
  defer { program.process.kill() }
  try test(program)
  try program.stop()
}
