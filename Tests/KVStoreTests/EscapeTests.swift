import Glibc
import Testing

/// The handle of a routine cannot outlive it: programs that try do not compile.
@Suite("What the compiler refuses")
struct EscapeTests {
  struct Snippet: CustomTestStringConvertible {
    var testDescription: String
    /// What the compiler says, or `nil` if it must have nothing to say.
    var diagnostic: String?
    var code: String
  }

  static let snippets = [
    Snippet(
      testDescription: "a routine that stays within its bounds", diagnostic: nil,
      code: """
        func names(_ storage: borrowing Storage) throws -> [String] {
          try storage.listKeys("users").filter { try storage.get("users", $0) != nil }
        }
        func use(_ store: Store) throws -> Int {
          let prefix = "a"
          return try store.execute { storage in
            for key in ["x", "y"] { try storage.overwrite("users", prefix + key, "1") }
            return try names(storage).count
          } + store.execute(names).count
        }
        """),
    Snippet(
      testDescription: "copy the handle",
      diagnostic: "'storage' is borrowed and cannot be consumed",
      code: """
        func use(_ store: Store) throws {
          try store.execute { storage in
            let copy = storage
            try copy.clear("users")
          }
        }
        """),
    Snippet(
      testDescription: "put the handle into a struct",
      diagnostic: "'storage' is borrowed and cannot be consumed",
      code: """
        struct Keeper: ~Copyable { var storage: Storage }
        func use(_ store: Store) throws {
          try store.execute { storage in
            let keeper = Keeper(storage: storage)
            try keeper.storage.clear("users")
          }
        }
        """),
    Snippet(
      testDescription: "return the handle",
      diagnostic: "requires that 'Storage' conform to 'Copyable'",
      code: """
        func use(_ store: Store) throws {
          let kept: Storage = try store.execute { storage in storage }
          try kept.clear("users")
        }
        """),
    Snippet(
      testDescription: "capture the handle in a closure that escapes",
      diagnostic: "'storage' cannot be captured by an escaping closure",
      code: """
        func use(_ store: Store) throws {
          try store.execute { (storage: borrowing Storage) in
            let later = { try storage.clear("users") }
            try later()
          }
        }
        """),
    Snippet(
      testDescription: "hand the handle to another thread",
      diagnostic: "capture of 'storage' with non-Sendable type 'Storage'",
      code: """
        func elsewhere(_ work: @Sendable () throws -> Void) rethrows { try work() }
        func use(_ store: Store) throws {
          try store.execute { (storage: borrowing Storage) in
            try elsewhere { try storage.clear("users") }
          }
        }
        """),
    Snippet(
      testDescription: "write in a routine that reads",
      diagnostic: "value of type 'Snapshot' has no member 'overwrite'",
      code: """
        func use(_ store: Store) throws {
          _ = try store.read { snapshot in try snapshot.overwrite("users", "a", "1") }
        }
        """),
    Snippet(
      testDescription: "give a routine that reads to a function that writes",
      diagnostic: "cannot convert value of type 'Snapshot' to expected argument type 'Storage'",
      code: """
        func write(_ storage: borrowing Storage) throws { try storage.clear("users") }
        func use(_ store: Store) throws { try store.read { try write($0) } }
        """),
    Snippet(
      testDescription: "functions that read, in both kinds of routine", diagnostic: nil,
      code: """
        func first(_ reader: borrowing some StorageReader & ~Copyable) throws -> String? {
          try reader.scan("users", limit: 1).rows.first?.key
        }
        func use(_ store: Store) throws -> [String?] {
          var seen = 0
          let inRead = try store.read { snapshot in
            seen += 1
            return try first(snapshot)
          }
          return [inRead, try store.execute { try first($0) }]
        }
        """),
    Snippet(
      testDescription: "return a snapshot",
      diagnostic: "'snapshot' is borrowed and cannot be consumed",
      code: """
        func use(_ store: Store) throws {
          let kept: Snapshot = try store.read { snapshot in snapshot }
          _ = try kept.count("users")
        }
        """),
    Snippet(
      testDescription: "change a variable outside",
      diagnostic: "mutation of captured var 'count' in concurrently-executing code",
      code: """
        func use(_ store: Store) throws -> Int {
          var count = 0
          try store.execute { storage in count = try storage.listKeys("users").count }
          return count
        }
        """),
  ]

  @Test(
    "The compiler refuses to", .enabled(if: Tool.swiftc != nil, "swiftc is not installed"),
    arguments: snippets)
  func compile(snippet: Snippet) throws {
    let directory = TemporaryDirectory()
    let source = directory.file("snippet.swift")
    append(Array("import KVStore\n\(snippet.code)\n".utf8), to: source)
    // Who may use a value when is decided after type checking, so -typecheck is not enough.
    let (status, output) = try #require(Tool.swiftc).run([
      "-swift-version", "6", "-emit-sil", "-o", "/dev/null", "-I", Self.modules,
      "-Xcc", "-fmodule-map-file=\(Self.root)/Sources/CSQLite/module.modulemap", source,
    ])
    if let diagnostic = snippet.diagnostic {
      #expect(status == 1 && output.contains(diagnostic), "\(output)")
    } else {
      #expect(status == 0 && output.isEmpty, "\(output)")
    }
  }

  /// Where the package is.
  static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")

  /// Where the build that this test is part of keeps its modules.
  static let modules: String = {
    var path = [CChar](repeating: 0, count: 4096)
    let length = unsafe readlink("/proc/self/exe", &path, path.count)
    let program = path.prefix(length).map { UInt8(bitPattern: $0) }
    let directory = String(decoding: program, as: UTF8.self)
      .split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    return directory + "/Modules"
  }()
}
