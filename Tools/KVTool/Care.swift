// The commands about the whole file.

import ArgumentParser
import KVStore

struct Stats: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Tells how large the file is.")
  @OptionGroup var file: FileArgument

  func run() throws {
    let statistics = try Store.statistics(at: file.file)
    let output = StandardOutput()
    try output.write(line: "file: \(statistics.fileSizeInBytes) bytes")
    try output.write(line: "log: \(statistics.logSizeInBytes) bytes")
    try output.write(
      line: "pages: \(statistics.pages) of \(statistics.pageSizeInBytes) bytes, "
        + "\(statistics.freePages) of them free")
    try output.flush()
  }
}

struct Backup: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copies the store, as it is at one moment, into one file.",
    discussion: "The copy has been checked, and is on the disk, when the command is done.")
  @OptionGroup var file: FileArgument
  @Argument(help: "Where the copy goes.") var destination: String
  @Flag(help: "Replaces a file that is there, once the copy is whole.") var replace = false

  func run() throws {
    var progress = Progress()
    defer { progress.clear() }
    try Store.backup(at: file.file, to: destination, replacing: replace) { done, total in
      progress.show(done, of: total, "pages")
    }
  }
}

struct Restore: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Puts a copy in the place of a store.",
    discussion: """
      The copy is checked first, and stays as it is. No program may have the store open, unless it \
      only reads. Nothing is lost if this is interrupted, and what was there is kept in a file \
      beside it that ends in `.replaced`. Run it as the user that the program runs as: a new file \
      can be read by its owner alone.
      """)
  @Argument(help: "The copy.") var backup: String
  @Argument(help: "The store's file.") var destination: String
  @Flag(help: "Replaces a store that is there.") var replace = false

  func run() throws {
    var progress = Progress()
    defer { progress.clear() }
    progress.show("checking")
    try Store.restore(
      from: backup, to: destination, replacing: replace, lockPatience: .zero
    ) { done, total in
      progress.show(done, of: total, "pages")
    }
  }
}

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Looks for damage, and lists what there is.")
  @OptionGroup var file: FileArgument

  func run() throws {
    var progress = Progress()
    defer { progress.clear() }
    progress.show("checking")
    let problems = try Store.check(path: file.file)
    progress.clear()
    let output = StandardOutput()
    for problem in problems { try output.write(line: problem) }
    if problems.isEmpty { try output.write(line: "sound") }
    try output.flush()
    if !problems.isEmpty { throw ToolError(description: "the file is damaged") }
  }
}

struct Compact: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the file anew, as small as it can be.",
    discussion: "No program may have it open, unless it only reads.")
  @OptionGroup var file: FileArgument

  func run() throws {
    let tables = try Store.tables(at: file.file)
    var progress = Progress()
    defer { progress.clear() }
    progress.show("compacting")
    let store = try file.open(tables: tables)
    try store.compact()
    try store.close()
  }
}
