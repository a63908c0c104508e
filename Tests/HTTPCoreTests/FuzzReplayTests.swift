// What the fuzzers were given, and what they once failed on, checked without them.

import Foundation
import FuzzChecks
import Testing

@Suite("The fuzzers' inputs")
struct FuzzReplayTests {
  /// The files of `Fuzz/<folder>/<target>`, by name.
  private func inputs(_ folder: String, _ target: FuzzTarget) throws -> [(String, [UInt8])] {
    let place = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fuzz/\(folder)/\(target.rawValue)").standardized
    guard FileManager.default.fileExists(atPath: place.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(
      at: place, includingPropertiesForKeys: nil, options: .skipsHiddenFiles
    ).sorted { $0.path < $1.path }.map { ($0.lastPathComponent, try bytes(of: $0)) }
  }

  /// Not by `Data(contentsOf:)`, which leaks where a file is empty (Swift 6.3.1).
  private func bytes(of file: URL) throws -> [UInt8] {
    let handle = try FileHandle(forReadingFrom: file)
    defer { try? handle.close() }
    return Array(try handle.readToEnd() ?? Data())
  }

  @Test("Corpus", arguments: FuzzTarget.allCases)
  func corpus(_ target: FuzzTarget) throws {
    let inputs = try inputs("Corpus", target)
    #expect(!inputs.isEmpty)
    for (name, input) in inputs {
      #expect(throws: Never.self, "\(name)") { try target.check(input) }
    }
  }

  @Test("Inputs that failed once", arguments: FuzzTarget.allCases)
  func crashes(_ target: FuzzTarget) throws {
    for (name, input) in try inputs("Crashes", target) {
      #expect(throws: Never.self, "\(name)") { try target.check(input) }
    }
  }
}
