// The README's code, compiled against the modules that these tests are built with, and run.

import Foundation
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("The README's code", .serialized, .needs(.swiftc), .needs(.curl))
struct ReadmeTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The `swift` blocks of the README, in order.
  private static func blocks() throws -> [String] {
    let text = try String(contentsOf: repository.appending(path: "README.md"), encoding: .utf8)
    return text.matches(of: /```swift\n([\s\S]*?)```/).map { String($0.1) }
  }

  /// Compiles a block as the main file of a program.
  private func build(_ block: String, in directory: TemporaryDirectory) throws -> String {
    let source = directory.file("main.swift")
    try block.write(toFile: source, atomically: true, encoding: .utf8)
    let products = try #require(Bundle.main.executableURL).deletingLastPathComponent()
    let objects = try [
      "Freetser", "HTTPCore", "HTTPTypes", "KVStore", "Logging", "Threads", "Transport",
    ].flatMap { try self.objects(of: $0, in: products) }
    let program = directory.file("program")
    _ = try Tool.swiftc.run(
      [
        "-swift-version", "6", "-warnings-as-errors", source, "-o", program,
        "-module-cache-path", directory.file("cache"),
        "-I", products.appending(path: "Modules").path,
        "-I", Self.repository.appending(path: "Sources/CSQLite").path,
        "-Xlinker", "-rpath=\(try runtimeLibraries())",
      ] + objects)
    return program
  }

  /// What a module was compiled to. A list says so: the folder may hold what sources that are gone were compiled to.
  private func objects(of module: String, in products: URL) throws -> [String] {
    let map = products.appending(path: "\(module).build/output-file-map.json")
    let outputs = try JSONDecoder().decode(
      [String: [String: String]].self, from: Data(contentsOf: map))
    return outputs.values.compactMap { $0["object"] }
      .filter(FileManager.default.fileExists(atPath:))
  }

  /// Where the toolchain's libraries are, which a program built by `swiftc` alone looks for beside itself.
  private func runtimeLibraries() throws -> String {
    let output = try Tool.swiftc.run(["-print-target-info"])
    let match = output.text.firstMatch(of: /"runtimeLibraryPaths": \[\s*"([^"]+)"/)
    return String(try #require(match).1)
  }

  @Test("The quick start serves what it says")
  func quickStart() throws {
    let directory = try TemporaryDirectory()
    let block = try #require(try Self.blocks().first)
    // A test takes a port that is free, and a directory of its own.
    let program = try build(
      block.replacing("port: 8000", with: "port: 0")
        .replacing("app.sqlite", with: directory.file("app.sqlite")), in: directory)
    let process = try ChildProcess(program, [])
    defer { process.kill() }
    let address = try process.wait(for: "the address") { output in
      output.text.firstMatch(of: /Server listening on (.+)\n/).map { String($0.1) }
    }
    func get(_ path: String) throws -> String {
      try Tool.curl.run(["-s", "http://\(address)\(path)"]).text
    }
    #expect(try get("/") == "Hello world!")
    #expect(try get("/user") == "Created: my_user_email\n")
    #expect(try get("/user") == "Found: my_user_email, counter=0\n")
    #expect(try get("/else") == "Not found!")
    process.send(SIGTERM)
    #expect(try process.waitForEnd().exit == .status(0))
  }

  @Test("The store alone prints what it stored")
  func store() throws {
    let directory = try TemporaryDirectory()
    let blocks = try Self.blocks()
    try #require(blocks.count == 2, "each block of the README has its test here")
    let program = try build(
      blocks[1].replacing("bank.sqlite", with: directory.file("bank.sqlite")), in: directory)
    for counter in 0...1 {
      let output = try ChildProcess.run(program, [])
      #expect(output.text == "ada is taken\n100 \(counter)\n")
      #expect(output.exit == .status(0))
    }
  }
}
