// Looks into a store's file from a shell, also while a program has it open, and changes it when none has.

import ArgumentParser
import KVStore

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct KVTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvtool",
    abstract: "Looks into the file of a store, and changes it.",
    discussion: """
      Commands that read do so also while a program has the file open, and make nothing: neither \
      a file nor a table. They show entries that have expired too, with the time at which they \
      did. Those that write (put, delete, import, compact, restore) wait for nobody: while a \
      program has the file open they tell which process that is.
      """,
    subcommands: [
      Tables.self, Get.self, Put.self, Delete.self, Scan.self, Count.self, Stats.self, Export.self,
      Import.self, Backup.self, Restore.self, Check.self, Compact.self,
    ])

  /// Every error is one line, and exit status 1.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      if exitCode(for: error).isSuccess { exit(withError: error) }  // --help is no error
      StandardError.write("error: \(line(for: error))\n")
      Self.exit(withError: ExitCode(1))
    }
  }

  private static func line(for error: any Error) -> String {
    switch error {
    case StoreError.unknownTable(let table): "the file has no table \(table)"
    case let error as StoreError: "\(error)"
    case let error as ToolError: error.description
    default: message(for: error)
    }
  }
}

/// Why a command did not do what it was asked to.
struct ToolError: Error, CustomStringConvertible {
  var description: String
}

/// The file that every command is given.
struct FileArgument: ParsableArguments {
  @Argument(help: "The store's file.") var file: String

  /// Opens the store. While somebody else has it open, that is told at once: it is mostly a server, and goes on.
  func open(tables: [Table]) throws -> Store {
    var configuration = StoreConfiguration()
    configuration.openingPatience = .zero
    // It does what it is told and no more.
    configuration.removesExpired = false
    return try Store(path: file, tables: tables, configuration: configuration)
  }
}

/// The file and the table that commands about entries are given.
struct TableArguments: ParsableArguments {
  @OptionGroup var file: FileArgument
  @Argument(help: "The name of a table.") var tableName: String

  var table: Table { Table(tableName) }

  /// Reads the table as it is at one moment.
  func read<R>(_ body: (borrowing Snapshot) throws -> R) throws -> R {
    try Store.read(at: file.file, tables: [table], body)
  }

  /// Opens the store, making the file and the table if they are missing.
  func open() throws -> Store { try file.open(tables: [table]) }

  /// Opens the store, whose file and table must be there.
  func openExisting() throws -> Store {
    try read { _ in }
    return try open()
  }
}
