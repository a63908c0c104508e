// Everything that can go wrong in this module, as values.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Why the store refused or failed.
public enum StoreError: Error, Equatable, Sendable {
  // MARK: A verb refused; the transaction goes on. Catch the error, and what was written stays.

  /// `add` found the key taken.
  case entryExists(table: Table, key: String)
  /// `update` found the entry missing or changed since `expected` was read.
  case staleCounter(table: Table, key: String, expected: Int64)
  /// The entry was changed 9,223,372,036,854,775,807 times. Delete it and add it again.
  case counterExhausted(table: Table, key: String)
  /// `add` was given an expiry that lies before the `now` it was given.
  case alreadyExpired(expiresAt: Timestamp, now: Timestamp)
  /// The value is not a whole number of 64 bits, written with digits.
  case notANumber(table: Table, key: String)
  /// The value is not valid UTF-8.
  case notText
  /// The number would leave the range of 64 bits.
  case numberOverflow(table: Table, key: String)
  /// The store was not opened with that table.
  case unknownTable(Table)
  /// The key cannot be written.
  case invalidKey(String, KeyProblem)
  /// The value cannot be written; the limit is in bytes.
  case valueTooLarge(limit: Int)

  // MARK: The store did not open.

  /// The name of the table is not one that ``Table`` allows.
  case invalidTableName(String)
  /// The table was named twice; upper and lower case make no difference.
  case duplicateTable(Table)
  /// The file has a table, view or index of that name that is not made as this module makes its
  /// tables.
  case tableHasOtherLayout(Table)
  /// The path is not the name of a file.
  case invalidPath(String, PathProblem)
  /// The file cannot be opened, its directory cannot be written, the file system allows no
  /// write-ahead log, or the texts in the file are not UTF-8; the message says which.
  case cannotOpen(path: String, message: String)
  /// The file is there and is something else.
  case notADatabase(path: String)
  /// Another store has the file open; the process that it is in wrote its id beside the file. `nil`: it cannot be told.
  case openElsewhere(path: String, processID: Int32?)
  /// A later version of this module made the file, in a format that this one does not know.
  case newerFormat(version: Int64)

  // MARK: Nothing was copied.

  /// A backup, or what is put back, would replace this file, and was not told to; or the file is part of a database that
  /// is in use or was left by a crash, or was kept when another was replaced, and is never replaced.
  case fileExists(path: String)

  // MARK: The routine did not run.

  /// A routine called `execute`, `read` or `close` of its own store, and would have waited for itself.
  case reentrant
  /// The store was closed.
  case closed
  /// So many callers were waiting already.
  case queueFull(limit: Int)
  /// The routine had not begun when its caller would wait no longer; or it took longer than
  /// ``StoreConfiguration/routineTimeLimit``. Nothing of it was stored.
  case timeout
  /// It met with others too often to be finished; the number is how often it was tried. SQLite runs one routine at a time,
  /// so there it does not happen: it is for engines that many programs share.
  case conflict(retries: Int)
  /// No thread could be started for the store. Or the engine cannot be reached, as one behind a network may be; SQLite
  /// always can.
  case unavailable(message: String)
  /// A rehearsal found that the routine does something else when it runs again; the text says what.
  /// See ``StoreConfiguration/rehearsesRoutines``.
  case rehearsalDiffered(String)
  /// A transaction could be neither committed nor taken back. Close the store and open it again.
  indirect case rollbackFailed(StoreError)

  /// The snapshot of a `read` was older than it may become, and was ended so that the log does not grow.
  /// Read again.
  case snapshotTooOld

  // MARK: SQLite failed. Nothing of the routine was stored, but for what `commitOutcomeUnknown` says.

  /// The commit failed in a way that leaves a doubt, for this reason: the changes are not visible now, but may be there
  /// after a crash, since they may have been written, and the disk only have failed to confirm it.
  indirect case commitOutcomeUnknown(StoreError)

  /// Another connection kept the file locked for the whole of the waiting time: ``StoreConfiguration/patience``, for all
  /// routines that wait in line together.
  case busy
  /// The disk or the file is full. Reading goes on; writing works again once there is room.
  case full
  /// The system failed to read or write; the code is one of SQLite's extended result codes.
  case ioError(code: Int32, message: String)
  /// The file cannot be written.
  case readOnly
  /// The file is damaged.
  case corrupt(message: String)
  /// Another result code of SQLite, extended, with its message.
  case sqlite(code: Int32, message: String)
}

extension StoreError: CustomStringConvertible {
  /// One line for a log: what was refused, and why.
  public var description: String {
    switch self {
    case .entryExists(let table, let key): "\(table) already has the key \(quoted(key))"
    case .staleCounter(let table, let key, let expected):
      "the entry \(quoted(key)) of \(table) no longer has the counter \(expected)"
    case .counterExhausted(let table, let key):
      "the counter of the entry \(quoted(key)) of \(table) cannot rise any further"
    case .alreadyExpired(let expiresAt, let now):
      "the expiry \(expiresAt.secondsSince1970) lies before the time \(now.secondsSince1970)"
    case .notANumber(let table, let key): "the entry \(quoted(key)) of \(table) is not a number"
    case .notText: "the value is not text"
    case .numberOverflow(let table, let key):
      "the number \(quoted(key)) of \(table) would become too large"
    case .unknownTable(let table): "the store was not opened with the table \(quoted(table.name))"
    case .invalidKey(_, .empty): "a key cannot be empty"
    case .invalidKey(_, .containsNUL): "a key cannot hold the character U+0000"
    case .invalidKey(_, .tooLong(let limit)): "a key has at most \(limit) bytes"
    case .valueTooLarge(let limit): "a value has at most \(limit) bytes"
    case .invalidTableName(let name): "\(quoted(name)) cannot be the name of a table"
    case .duplicateTable(let table): "the table \(table) was named twice"
    case .tableHasOtherLayout(let table):
      "the file has another kind of \(table) than the store makes"
    case .invalidPath(_, .empty): "the path of a store cannot be empty"
    case .invalidPath(_, .containsNUL): "the path of a store cannot hold the character U+0000"
    case .invalidPath(let path, .isURI):
      "\(quoted(path)) would be read as a URI; write \(quoted("./" + path))"
    case .invalidPath(_, .namesMemory): ":memory: is no path; use Store.inMemory"
    case .cannotOpen(let path, let message): "cannot open \(quoted(path)): \(message)"
    case .notADatabase(let path): "\(quoted(path)) is not an SQLite database"
    case .openElsewhere(let path, let process):
      "\(quoted(path)) is open for writing in \(name(of: process))"
    case .newerFormat(let version):
      "the file has format \(version); this version knows those up to \(FileFormat.current.version)"
    case .fileExists(let path): "\(quoted(path)) is there already"
    case .reentrant: "a routine cannot use its own store through execute, read or close"
    case .closed: "the store is closed"
    case .queueFull(let limit): "\(limit) callers are waiting for the store already"
    case .timeout: "it took too long"
    case .conflict(let retries): "others were in the way, \(retries) times"
    case .unavailable(let message): "the store cannot be reached: \(message)"
    case .rehearsalDiffered(let what): "the routine did something else when it ran again: \(what)"
    case .commitOutcomeUnknown(let cause): "nobody knows whether it was stored: \(cause)"
    case .snapshotTooOld: "the snapshot was too old; read again"
    case .rollbackFailed(let cause): "the store is stuck in a transaction: \(cause)"
    case .busy: "the file stayed locked by another connection"
    case .full: "the disk is full"
    case .ioError(let code, let message): "reading or writing failed: \(message) (\(code))"
    case .readOnly: "the file cannot be written"
    case .corrupt(let message): "the file is damaged: \(message)"
    case .sqlite(let code, let message): "SQLite failed: \(message) (\(code))"
    }
  }
}

extension StoreError {
  /// What this error of a COMMIT means to those whose changes it held.
  var ofCommit: StoreError {
    if case .ioError = self { .commitOutcomeUnknown(self) } else { self }
  }
}

private func name(of process: Int32?) -> String {
  guard let process else { return "another process" }
  return process == getpid() ? "this process" : "process \(process)"
}

/// Quotation marks, and escapes for what would break the line.
private func quoted(_ text: String) -> String { text.debugDescription }
