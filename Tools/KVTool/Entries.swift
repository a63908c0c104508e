// The commands about entries.

import ArgumentParser
import KVStore

struct Tables: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the tables.")
  @OptionGroup var file: FileArgument

  func run() throws {
    let output = StandardOutput()
    for table in try Store.tables(at: file.file) { try output.write(line: table.name) }
    try output.flush()
  }
}

struct Get: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the value under a key, and nothing else.")
  @OptionGroup var target: TableArguments
  @Argument(help: "The key.") var key: String

  func run() throws {
    guard let entry = try target.read({ try $0.get(target.table, key) }) else {
      throw ToolError(description: "there is no entry \(key.debugDescription)")
    }
    let output = StandardOutput()
    try output.write(entry.value)
    try output.flush()
  }
}

struct Put: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stores a value under a key, whatever was there.",
    discussion: "A file and a table that are missing are made. The counter rises by 1.")
  @OptionGroup var target: TableArguments
  @Argument(help: "The key.") var key: String
  @Argument(help: "The value; without it, standard input up to its end.") var value: String?
  @Option(help: "When the entry expires, in seconds since 1970.") var expiresAt: Int64?

  func run() throws {
    let value = try value.map { Array($0.utf8) } ?? StandardInput.readToEnd()
    let store = try target.open()
    let expiry = expiresAt.map { Timestamp(secondsSince1970: $0) }
    try store.execute { storage in
      _ = try storage.overwrite(target.table, key, value, expiresAt: expiry)
    }
    try store.close()
  }
}

struct Delete: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Deletes the entry under a key.")
  @OptionGroup var target: TableArguments
  @Argument(help: "The key.") var key: String

  func run() throws {
    let store = try target.openExisting()
    let isDeleted = try store.execute { try $0.delete(target.table, key) }
    try store.close()
    guard isDeleted else {
      throw ToolError(description: "there is no entry \(key.debugDescription)")
    }
  }
}

struct Count: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Counts the entries.")
  @OptionGroup var target: TableArguments
  @Option(help: "Only those whose keys begin with this.") var prefix = ""

  func run() throws {
    let count = try target.read { try $0.count(target.table, in: .prefix(prefix)) }
    let output = StandardOutput()
    try output.write(line: "\(count)")
    try output.flush()
  }
}

struct Scan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes entries in the order of their keys, one a line, as export does.")
  @OptionGroup var target: TableArguments
  @Option(help: "Only those whose keys begin with this.") var prefix = ""
  @Option(help: "At most so many.") var limit: Int?
  @Flag(help: "Begins with the last key.") var reverse = false

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit is 1 or more") }
  }

  func run() throws {
    let output = StandardOutput()
    var count = 0
    try target.read { snapshot in
      try snapshot.forEach(target.table, in: .prefix(prefix), backwards: reverse) { row in
        try output.write(line: JSONLine.text(of: row))
        count += 1
        return count != limit
      }
    }
    try output.flush()
  }
}

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes all entries of a table, as they are at one moment, one a line.",
    discussion: """
      Each line is a JSON object with `key`, `value` or, if it is not UTF-8, `base64`, \
      `counter`, and `expiresAt` if the entry expires.
      """)
  @OptionGroup var target: TableArguments

  func run() throws {
    let output = StandardOutput()
    var progress = Progress()
    var count = 0
    defer { progress.clear() }
    try target.read { snapshot in
      let total = try snapshot.count(target.table)
      try snapshot.forEach(target.table) { row in
        try output.write(line: JSONLine.text(of: row))
        count += 1
        if count.isMultiple(of: 1000) { progress.show(count, of: total, "entries") }
        return true
      }
    }
    try output.flush()
  }
}

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stores what export wrote, from standard input.",
    discussion: """
      A file and a table that are missing are made. Entries become what the lines say, with \
      counter and expiry, whatever was there; other entries stay. Up to 1,000 lines are stored \
      at once. After an error those before it may be stored; to import all again does no harm.
      """)
  @OptionGroup var target: TableArguments

  func run() throws {
    let store = try target.open()
    var progress = Progress()
    defer { progress.clear() }
    var lines = 0
    var batch = Batch()
    while let line = readLine() {
      lines += 1
      if line.allSatisfy(\.isWhitespace) { continue }
      do {
        batch.add(try JSONLine.row(of: line))
      } catch {
        try batch.store(in: store, target.table)
        throw ToolError(description: "line \(lines): \(error)")
      }
      if batch.isFull {
        try batch.store(in: store, target.table)
        progress.show("\(lines) lines")
      }
    }
    try batch.store(in: store, target.table)
    try store.close()
  }

  /// Rows that are stored at once.
  private struct Batch {
    private var rows: [Row] = []
    private var size = 0

    /// Bounded in bytes too, as all of it is in memory.
    var isFull: Bool { rows.count >= 1000 || size >= 16 * 1024 * 1024 }

    mutating func add(_ row: Row) {
      rows.append(row)
      size += row.key.utf8.count + row.value.count
    }

    mutating func store(in store: Store, _ table: Table) throws {
      try store.execute { [rows] storage in
        for row in rows {
          do throws(StoreError) {
            try storage.restore(table, row)
          } catch {
            throw ToolError(description: "the entry \(row.key.debugDescription): \(error)")
          }
        }
      }
      self = Batch()
    }
  }
}
