// Code that stands in a document, compiled against the modules that these tests are built with.

import Foundation
import Testing

enum Snippet {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The blocks of a document that are in a language, in order.
  static func blocks(of document: String, language: String = "swift") throws -> [String] {
    let text = try String(contentsOf: repository.appending(path: document), encoding: .utf8)
    return text.matches(of: /```(.*)\n([\s\S]*?)```/)
      .filter { $0.1 == language }.map { String($0.2) }
  }

  /// Compiles a block as the main file of a program.
  static func build(_ block: String, in directory: TemporaryDirectory) throws -> String {
    let source = directory.file("main.swift")
    try block.write(toFile: source, atomically: true, encoding: .utf8)
    let products = try #require(Bundle.main.executableURL).deletingLastPathComponent()
    let allObjects = try [
      "Freetser", "HTTPCore", "HTTPTypes", "KVStore", "Logging", "Threads", "Transport",
    ].flatMap { try objects(of: $0, in: products) }
    let program = directory.file("program")
    _ = try Tool.swiftc.run(
      [
        "-swift-version", "6", "-warnings-as-errors", source, "-o", program,
        "-module-cache-path", directory.file("cache"),
        "-I", products.appending(path: "Modules").path,
        "-I", repository.appending(path: "Sources/CSQLite").path,
        "-Xlinker", "-rpath=\(try runtimeLibraries())",
      ] + allObjects)
    return program
  }

  /// What a module was compiled to. A list says so: the folder may hold what sources that are gone were compiled to.
  private static func objects(of module: String, in products: URL) throws -> [String] {
    let map = products.appending(path: "\(module).build/output-file-map.json")
    let outputs = try JSONDecoder().decode(
      [String: [String: String]].self, from: Data(contentsOf: map))
    return outputs.values.compactMap { $0["object"] }
      .filter(FileManager.default.fileExists(atPath:))
  }

  /// Where the toolchain's libraries are, which a program built by `swiftc` alone looks for beside itself.
  private static func runtimeLibraries() throws -> String {
    let output = try Tool.swiftc.run(["-print-target-info"])
    let match = output.text.firstMatch(of: /"runtimeLibraryPaths": \[\s*"([^"]+)"/)
    return String(try #require(match).1)
  }
}
