// What the pages of docs say of tests: that they are there.

import Foundation
import Testing

@Suite("The tests that pages name")
struct CompareTests {
  @Test("Each test that a page names by its suite exists")
  func named() throws {
    let members = try Self.members()
    for page in try Self.pages() {
      let text = try Self.text("docs/\(page)")
      for match in text.matches(of: /`(\w+Tests)\.(\w+)`/) where match.2 != "swift" {
        let known = members[String(match.1)] ?? []
        #expect(known.contains(String(match.2)), "\(page): \(match.1).\(match.2)")
      }
    }
  }

  @Test("What we have is shown by a test, and what we lack is said")
  func column() throws {
    let rows = try Self.text("docs/compare.md").split(separator: "\n")
      .filter { $0.hasPrefix("| ") && !$0.hasPrefix("| ---") }
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    #expect(rows.count > 50)
    for row in rows where row[0] != "Feature" {
      try #require(row.count == 14, "\(row[0])")
      let ours = row[1]
      if ours.contains(/\bY\b/) { #expect(ours.contains(/`\w+Tests\.\w+`/), "\(row[0])") }
      if ours.hasPrefix("-") || ours.hasPrefix("p ") {
        #expect(ours.split(separator: " ").count > 2, "\(row[0])")
      }
    }
  }

  private static func pages() throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: Snippet.repository.appending(path: "docs").path
    ).filter { $0.hasSuffix(".md") }.sorted()
  }

  /// What stands in the files of each suite: tests, and the tables that some pages name.
  private static func members() throws -> [String: Set<String>] {
    let tests = Snippet.repository.appending(path: "Tests").path
    var members: [String: Set<String>] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: tests)
    where path.hasSuffix(".swift") {
      let text = try Self.text("Tests/\(path)")
      let names = Set(text.matches(of: /\b(?:func|let|var) (\w+)/).map { String($0.1) })
      for suite in text.matches(of: /\b(?:struct|class|enum|extension) (\w+Tests)\b/) {
        members[String(suite.1), default: []].formUnion(names)
      }
    }
    return members
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Snippet.repository.appending(path: path), encoding: .utf8)
  }
}
