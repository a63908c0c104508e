// A project as `scripts/new` makes it, with what an article puts into it.

import Foundation
import Testing

/// The sources of a project, and of its tests.
struct NewProject {
  /// By their paths, as `Sources/App/Routes.swift`.
  var files: [String: String] = [:]

  init() throws {
    let directory = try TemporaryDirectory()
    let script = Snippet.repository.appending(path: "scripts/new").path
    let project = directory.file("project")
    let output = try ChildProcess.run("/bin/bash", [script, project])
    try #require(output.exit == .status(0), "\(output.errors)")
    for path in try FileManager.default.subpathsOfDirectory(atPath: project)
    where path.hasSuffix(".swift") && path != "Package.swift" {
      files[path] = try String(contentsOfFile: "\(project)/\(path)", encoding: .utf8)
    }
  }

  /// Puts in a block whose first line is a comment with its path.
  mutating func put(_ block: String) throws {
    let path = try #require(block.firstMatch(of: /^\/\/ (\S+)\n/), "a block says which file it is")
    files[String(path.1)] = block
  }

  /// The same as one module, which runs its tests if it is asked to, and else the program.
  var module: [String: String] {
    var module = ["Main.swift": Self.main]
    for (path, text) in files {
      module[URL(filePath: path).lastPathComponent] =
        text.replacing("@testable import App\n", with: "").replacing("@main\n", with: "")
    }
    return module
  }

  private static let main = """
    import Testing

    @main struct Main {
      static func main() async throws {
        if CommandLine.arguments.contains("--testing-library") {
          await Testing.__swiftPMEntryPoint() as Never
        }
        try App.main()
      }
    }
    """
}

extension RunningProgram {
  /// Runs the tests of a project's module, and gives their names.
  func tests() throws -> Set<String> {
    let output = try ChildProcess.run(program, ["--testing-library", "swift-testing"])
    #expect(output.exit == .status(0), "\(output.text)\(output.errors)")
    return Set(
      (output.text + output.errors).matches(of: /Test (\w+)\(\) passed/).map { String($0.1) })
  }
}
