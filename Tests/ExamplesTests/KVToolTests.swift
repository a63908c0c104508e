// The tool for stores' files: what reads works beside a store that is open, what writes once it is closed.

import Foundation
import KVStore
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("kvtool", .serialized)
struct KVToolTests {
  let directory: TemporaryDirectory
  let store: Store
  var file: String { directory.file("test.sqlite") }

  init() throws {
    directory = try TemporaryDirectory()
    store = try Store(path: directory.file("test.sqlite"), tables: ["users", "accounts"])
    try store.execute { storage in
      for key in ["ada", "adi", "bob"] { try storage.add("users", key, "\(key)'s value") }
      try storage.overwrite("users", "adi", "second\nline", expiresAt: 4_000_000_000)
      try storage.add("users", "zero", [0xff, 0x00])
    }
  }

  private func run(_ arguments: String..., input: [UInt8] = []) throws -> Output {
    try ChildProcess.run(Example.kvtool.path, arguments, input: input)
  }

  /// Runs the tool, which is to succeed, and returns what it wrote.
  private func succeed(_ arguments: String..., input: [UInt8] = []) throws -> String {
    let output = try ChildProcess.run(Example.kvtool.path, arguments, input: input)
    #expect(output.exit == .status(0), "\(arguments)")
    #expect(output.errors == "", "\(arguments)")
    return output.text
  }

  /// Runs the tool, which is to fail with this line.
  private func fail(_ arguments: String..., input: [UInt8] = [], with line: String) throws {
    let output = try ChildProcess.run(Example.kvtool.path, arguments, input: input)
    #expect(output.exit == .status(1), "\(arguments)")
    #expect(output.errors == "error: \(line)\n", "\(arguments)")
  }

  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  @Test("Long work shows a bar on a terminal, and takes it away at the end", .needs(.script))
  func progressBar() throws {
    try store.execute { storage in
      for number in 0..<1_000 { try storage.add("accounts", "\(number)", "") }
    }
    let copy = directory.file("copy.sqlite")
    for command in ["backup '\(file)' '\(copy)'", "export '\(file)' accounts"] {
      // script(1) gives the program a terminal.
      let shown = try Tool.script.run([
        "-q", "-e", "-c", "'\(Example.kvtool.path)' \(command)", "/dev/null",
      ]).text
      #expect(shown.contains("\r[#########################] 100 % of "), "\(command)")
      #expect(shown.hasSuffix("\r\u{1B}[K"), "\(command)")
    }
  }

  @Test("tables lists the tables")
  func tables() throws {
    #expect(try succeed("tables", file) == "accounts\nusers\n")
  }

  @Test("get writes the value as it is")
  func get() throws {
    #expect(try succeed("get", file, "users", "ada") == "ada's value")
    #expect(try run("get", file, "users", "zero").bytes == [0xff, 0x00])
    try fail("get", file, "users", "x", with: "there is no entry \"x\"")
  }

  @Test("put stores an argument or standard input, and makes what is missing")
  func put() throws {
    try store.close()
    #expect(try succeed("put", file, "users", "ada", "new") == "")
    #expect(
      try succeed("put", file, "users", "eve", "--expires-at", "12", input: [0xfe, 0x0a]) == "")
    let rows = try Store.read(at: file, tables: ["users"]) { snapshot in
      try snapshot.scan("users", in: .between("ada", and: "f"), limit: 9).rows
    }
    #expect(rows[0].text == "new" && rows[0].counter == 1 && rows[0].expiresAt == nil)
    #expect(rows.last?.value == [0xfe, 0x0a] && rows.last?.expiresAt == 12)
    let other = directory.file("other.sqlite")
    #expect(try succeed("put", other, "new", "a", "b") == "")
    #expect(try succeed("get", other, "new", "a") == "b")
    try fail("put", file, "users", "", "x", with: "a key cannot be empty")
  }

  @Test("delete deletes once, and makes nothing")
  func delete() throws {
    try store.close()
    #expect(try succeed("delete", file, "users", "ada") == "")
    let left = try Store.read(at: file, tables: ["users"]) { try $0.get("users", "ada") }
    #expect(left == nil)
    try fail("delete", file, "users", "ada", with: "there is no entry \"ada\"")
    try fail("delete", file, "missing", "ada", with: "the file has no table missing")
    #expect(try succeed("tables", file) == "accounts\nusers\n")
  }

  @Test("scan writes entries as lines of JSON: a prefix, a number of them, from the end")
  func scan() throws {
    let lines = [
      #"{"key":"ada","value":"ada's value","counter":0}"#,
      #"{"key":"adi","value":"second\nline","counter":1,"expiresAt":4000000000}"#,
      #"{"key":"bob","value":"bob's value","counter":0}"#,
      #"{"key":"zero","base64":"/wA=","counter":0}"#,
    ].map { "\($0)\n" }
    #expect(try succeed("scan", file, "users") == lines.joined())
    #expect(try succeed("scan", file, "users", "--prefix", "ad") == lines[...1].joined())
    #expect(try succeed("scan", file, "users", "--limit", "1") == lines[0])
    #expect(
      try succeed("scan", file, "users", "--reverse", "--limit", "2") == lines[3] + lines[2])
    try fail("scan", file, "users", "--limit", "0", with: "--limit is 1 or more")
  }

  @Test("count counts, all or those with a prefix")
  func count() throws {
    #expect(try succeed("count", file, "users") == "4\n")
    #expect(try succeed("count", file, "users", "--prefix", "ad") == "2\n")
    #expect(try succeed("count", file, "accounts") == "0\n")
  }

  @Test("stats tells how large the file is")
  func stats() throws {
    let text = try succeed("stats", file)
    let statistics = try store.statistics()
    #expect(
      text == """
        file: \(statistics.fileSizeInBytes) bytes
        log: \(statistics.logSizeInBytes) bytes
        pages: \(statistics.pages) of 4096 bytes, 0 of them free

        """)
  }

  @Test("What export writes, import makes the same again, with counters and expiry")
  func roundTrip() throws {
    try store.execute { storage in
      for number in 0..<2_500 {
        try storage.add("accounts", "key \(number) \"\\/\u{1}é\u{2028}", "\(number)\r\n\u{0}")
      }
      for byte: UInt8 in 0...255 { try storage.add("accounts", "bytes \(byte)", [byte, 1]) }
      try storage.overwrite("accounts", "key", "1", expiresAt: 7)
      for _ in 0..<3 { try storage.increment("accounts", "key") }
    }
    let exported = try run("export", file, "accounts")
    #expect(exported.exit == .status(0))
    let other = directory.file("other.sqlite")
    for _ in 0..<2 {
      #expect(try run("import", other, "copy", input: exported.bytes).exit == .status(0))
    }
    let rows = try store.read { try $0.scan("accounts", limit: 10_000).rows }
    let copied = try Store.read(at: other, tables: ["copy"]) { try $0.scan("copy", limit: 10_000) }
    #expect(copied.rows == rows)
    #expect(rows.count == 2_757)
    #expect(copied.rows.first { $0.key == "key" }?.counter == 3)
  }

  @Test("import says which line is wrong; those before it are stored")
  func badLines() throws {
    try store.close()
    let good = #"{"key":"a","value":"b"}"#
    for (line, reason) in [
      ("x", "not a JSON object with a key"), (#"{"value":"b"}"#, "not a JSON object with a key"),
      (#"{"key":"a"}"#, "neither value nor base64, or both of them"),
      (#"{"key":"a","base64":"?"}"#, "not base64"),
      (#"{"key":"a","value":"b","counter":-1}"#, "a counter below 0"),
    ] {
      try fail(
        "import", file, "accounts", input: Array("\(good)\n\n\(line)\n".utf8),
        with: "line 3: \(reason)")
    }
    try fail(
      "import", file, "accounts", input: Array(#"{"key":"","value":"b"}"#.utf8),
      with: "the entry \"\": a key cannot be empty")
    let entry = try Store.read(at: file, tables: ["accounts"]) { try $0.get("accounts", "a") }
    #expect(entry == Entry(value: Array("b".utf8), counter: 0))
  }

  @Test("backup makes a copy, and replaces one only when it is told to")
  func backup() throws {
    let copy = directory.file("copy.sqlite")
    #expect(try succeed("backup", file, copy) == "")
    #expect(try succeed("check", copy) == "sound\n")
    try fail("backup", file, copy, with: "\(copy.debugDescription) is there already")
    try store.execute { try $0.add("accounts", "later", "") }
    #expect(try succeed("backup", file, copy, "--replace") == "")
    #expect(try succeed("count", copy, "accounts") == "1\n")
    #expect(!exists(copy + "-wal"))
  }

  @Test("restore puts a copy back, where there is a store only when it is told to, and keeps that")
  func restore() throws {
    let (copy, other) = (directory.file("copy.sqlite"), directory.file("other.sqlite"))
    try store.backup(to: copy)
    try store.execute { try $0.delete("users", "ada") }
    try store.close()
    #expect(try succeed("restore", copy, other) == "")
    #expect(try succeed("get", other, "users", "ada") == "ada's value")
    try fail("restore", copy, file, with: "\(file.debugDescription) is there already")
    try fail("get", file, "users", "ada", with: "there is no entry \"ada\"")
    #expect(try succeed("restore", copy, file, "--replace") == "")
    #expect(try succeed("get", file, "users", "ada") == "ada's value")
    try fail("get", file + ".replaced", "users", "ada", with: "there is no entry \"ada\"")
    #expect(!exists(other + ".replaced") && !exists(file + "-wal") && !exists(file + "-lock"))
  }

  @Test(
    "What writes is told at once which process has the file open; what reads goes on"
  )
  func besideServer() throws {
    let copy = directory.file("copy.sqlite")
    #expect(try succeed("backup", file, copy) == "")
    let line = "\(file.debugDescription) is open for writing in process \(getpid())"
    let entry = Array(#"{"key":"a","value":"b"}"#.utf8)
    try fail("put", file, "users", "ada", "new", with: line)
    try fail("put", file, "new", "ada", "new", with: line)
    try fail("delete", file, "users", "ada", with: line)
    try fail("import", file, "users", input: entry, with: line)
    try fail("compact", file, with: line)
    try fail("restore", copy, file, "--replace", with: line)
    #expect(try succeed("tables", file) == "accounts\nusers\n")
    #expect(try succeed("get", file, "users", "ada") == "ada's value")
    #expect(try succeed("check", file) == "sound\n")
    try store.execute { try $0.overwrite("users", "ada", "later") }
    #expect(try succeed("get", file, "users", "ada") == "later")
    // The same with a server, of which the tool knows no more than its file.
    let place = try TemporaryDirectory()
    let server = try RunningExample.start(.testServer, in: place)
    defer { server.process.kill() }
    let database = place.file("store.sqlite")
    let output = try run("put", database, "entries", "a", "b")
    #expect(output.exit == .status(1))
    #expect(
      output.errors
        == "error: \(database.debugDescription) is open for writing in process \(server.process.id)\n"
    )
    #expect(try succeed("count", database, "entries") == "0\n")
    try server.stop()
    #expect(try succeed("put", database, "entries", "a", "b") == "")
  }

  @Test("check tells damage")
  func check() throws {
    #expect(try succeed("check", file) == "sound\n")
    let copy = directory.file("copy.sqlite")
    try store.execute { storage in
      for number in 0..<500 { try storage.add("accounts", "key \(number)", "value") }
    }
    try store.backup(to: copy)
    var bytes = try Data(contentsOf: URL(filePath: copy))
    let sound = 6 * 4_096  // what says which tables there are
    bytes.replaceSubrange(
      sound..<bytes.count, with: Data(repeating: 0xee, count: bytes.count - sound))
    try bytes.write(to: URL(filePath: copy))
    let output = try run("check", copy)
    #expect(output.exit == .status(1))
    #expect(!output.text.isEmpty)
    #expect(output.errors == "error: the file is damaged\n")
  }

  @Test("compact makes the file shorter")
  func compact() throws {
    let value = [UInt8](repeating: 1, count: 10_000)
    try store.execute { storage in
      for number in 0..<100 { try storage.add("accounts", "key \(number)", value) }
    }
    try store.execute { try $0.clear("accounts") }
    try store.close()
    let before = try Store.statistics(at: file)
    #expect(try succeed("compact", file) == "")
    let after = try Store.statistics(at: file)
    #expect(after.pages < before.pages / 4 && after.freePages == 0)
    #expect(try succeed("put", file, "accounts", "ada", "1") == "")
    #expect(try succeed("get", file, "accounts", "ada") == "1")
    #expect(try Store.check(path: file) == [])
  }

  @Test(
    "Commands that need a file make none",
    arguments: [
      "tables", "get", "delete", "scan", "count", "stats", "export", "backup", "check", "compact",
      "restore",
    ])
  func missing(command: String) throws {
    let missing = directory.file("missing.sqlite")
    let rest =
      switch command {
      case "get", "delete": ["users", "ada"]
      case "scan", "count", "export": ["users"]
      case "backup", "restore": [directory.file("copy.sqlite")]
      default: [String]()
      }
    let output = try ChildProcess.run(Example.kvtool.path, [command, missing] + rest)
    #expect(output.exit == .status(1))
    #expect(
      output.errors
        == "error: cannot open \(missing.debugDescription): unable to open database file\n")
    #expect(!exists(missing) && !exists(directory.file("copy.sqlite")))
    // Nor a table.
    if ["get", "delete", "scan", "count", "export"].contains(command) {
      let arguments = [command, file, "none"] + rest.dropFirst()
      let output = try ChildProcess.run(Example.kvtool.path, arguments)
      #expect(output.errors == "error: the file has no table none\n")
      #expect(try Store.tables(at: file) == ["accounts", "users"])
    }
  }

  @Test("What is wrong on the command line is one line too; help is no error")
  func usage() throws {
    for arguments in [["get"], ["nonsense"], ["tables", file, "--nonsense"]] {
      let output = try ChildProcess.run(Example.kvtool.path, arguments)
      #expect(output.exit == .status(1))
      #expect(output.errors.hasPrefix("error: "))
      #expect(output.errors.count { $0 == "\n" } == 1, "\(output.errors)")
    }
    #expect(try succeed("--help").contains("export"))
    #expect(try succeed("put", "--help").contains("--expires-at"))
  }
}
