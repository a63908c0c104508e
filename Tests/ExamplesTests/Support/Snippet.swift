// Code that stands in a document, compiled against the modules that these tests are built with.

import Foundation
import Testing

enum Snippet {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The blocks of a document that are in a language, in order.
  static func blocks(of document: String, language: String = "swift") throws -> [String] {
    let text = try String(contentsOf: repository.appending(path: document), encoding: .utf8)
    return text.matches(of: /```(.*)\n([\s\S]*?)```/)
      .filter { $0.1 == language }.map { String($0.2) }
  }

  /// The blocks of an article that are in Swift, as one file.
  static func program(of article: String) throws -> String {
    try blocks(of: "Sources/\(article).md").joined(separator: "\n")
  }

  /// Compiles a block as the main file of a program.
  static func build(_ block: String, in directory: TemporaryDirectory) throws -> String {
    try build(["main.swift": block], in: directory)
  }

  /// Compiles files to a program. One of them is `main.swift`, or has `@main`.
  static func build(_ files: [String: String], in directory: TemporaryDirectory) throws -> String {
    let program = directory.file("program")
    let isScript = files.keys.contains("main.swift")
    let allObjects = try [
      "CoreMetrics", "Freetser", "FreetserTesting", "HTTPCore", "HTTPTypes", "KVStore", "Logging",
      "Threads", "Transport",
    ].flatMap { try objects(of: $0) }
    try compile(
      files,
      ["-o", program, "-Xlinker", "-rpath=\(try runtimeLibraries())"]
        + (isScript ? [] : ["-parse-as-library"]) + allObjects, in: directory)
    return program
  }

  /// Checks files without making anything of them.
  static func check(_ files: [String: String], in directory: TemporaryDirectory) throws {
    try compile(files, ["-typecheck", "-parse-as-library"], in: directory)
  }

  private static func compile(
    _ files: [String: String], _ options: [String], in directory: TemporaryDirectory
  ) throws {
    for (name, text) in files {
      try text.write(toFile: directory.file(name), atomically: true, encoding: .utf8)
    }
    _ = try Tool.swiftc.run(
      files.keys.sorted().map(directory.file) + [
        "-swift-version", "6", "-warnings-as-errors",
        "-module-cache-path", directory.file("cache"),
        "-I", try products().appending(path: "Modules").path,
        "-I", repository.appending(path: "Sources/CSQLite").path,
      ] + options)
  }

  /// Where the modules are that these tests are built with.
  private static func products() throws -> URL {
    try #require(Bundle.main.executableURL).deletingLastPathComponent()
  }

  /// What a module was compiled to. A list says so: the folder may hold what sources that are gone were compiled to.
  private static func objects(of module: String) throws -> [String] {
    let map = try products().appending(path: "\(module).build/output-file-map.json")
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
