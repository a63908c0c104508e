// Putting a copy back in the place of a store.
//
// It is not moved there. Whoever has the old file open, or opens it at that moment, would go on with it and with a `-wal`
// and `-shm` that are found by name: the new file's. SQLite calls that a way to corrupt both, and no order of renaming and
// deleting three files avoids it. So the pages are copied into the file that is there, in one transaction of SQLite's.
//
// Hence, whenever it ends: until the commit is in the log on the disk the file is the old one, and from then on the new
// one. What the old log held is part of what is replaced, and no log of anyone else's is ever beside the file. Those who
// read have a snapshot, and see what was there until they are done with it.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Store {
  /// Puts a copy in the place of the store at `path`, or where there is none.
  ///
  /// The copy is looked through for damage first, as ``check(path:)`` does. It may be any store's file, also one that is in
  /// use; it stays as it is. Its tables, entries, counters and expiries are then all that the file at `path` has. The file
  /// keeps its owner and permissions; a new one can be read by its owner alone.
  ///
  /// No store may have the file open, in whatever process. Those who read it without one see what was there until
  /// they are done. It takes room for two more copies meanwhile: the log, and what is kept.
  ///
  /// - Parameters:
  ///   - backup: The copy.
  ///   - path: Where the store is or is to be. Its directory must exist.
  ///   - replacing: Whether a store that is there is replaced. It is kept, as ``backup(to:replacing:progress:)`` would copy it
  ///     but for the check, in a file beside it that ends in `.replaced`.
  ///   - progress: Told how far it is, until it is done. What it throws ends it.
  /// - Throws: ``StoreError``. Of the copy: `.cannotOpen` if it is not there, `.notADatabase`, `.corrupt`,
  ///   `.newerFormat`. Of the file: `.openElsewhere`; `.fileExists` if it is not to be replaced, or if there is a
  ///   file that ends in `.replaced`, or a log without its file; `.notADatabase`; `.corrupt` if it is so damaged that
  ///   SQLite cannot replace it; `.busy`, `.full`, `.ioError` and others of SQLite's. What `progress` throws.
  ///   Whatever it throws, the store is as it was (where there was none, an empty file may be), but for what
  ///   ``StoreError/commitOutcomeUnknown(_:)`` says; and after that error what was there is kept too.
  public static func restore(
    from backup: String, to path: String, replacing: Bool = false,
    progress: BackupProgress = { _, _ in }
  ) throws {
    try restore(
      from: backup, to: path, replacing: replacing, lockPatience: .seconds(5), progress: progress)
  }

  /// The same, with the wait for another store as short as a tool wants it.
  package static func restore(
    from backup: String, to path: String, replacing: Bool, lockPatience: Duration,
    progress: BackupProgress
  ) throws {
    try checkPath(path)
    let source = try SQLiteConnection.looking(into: backup)
    try source.checkCanBeRestored()
    let target = try SQLiteConnection.toBeReplaced(
      at: path, by: source, waitingFor: lockPatience)
    let kept = try target.keep(for: path, replacing: replacing)
    do {
      try target.become(source, progress: progress)
    } catch {
      kept?.letGo(after: error)
      throw error
    }
    try target.close()
  }
}

/// What was there, while it is not certain that it is needed.
private struct KeptFile {
  let path: String

  /// Deletes it, as the store is as it was; unless that is in doubt. If it cannot be deleted, it is in the way, no more.
  func letGo(after error: any Error) {
    if case StoreError.commitOutcomeUnknown = error { return }
    unsafe unlink(path)
  }
}

extension SQLiteConnection {
  /// Refuses what nobody would want in the place of a store.
  fileprivate func checkCanBeRestored() throws(StoreError) {
    // Such as a file of no bytes, which SQLite takes for a database.
    if try isEmpty() { throw .cannotOpen(path: path, message: "it has no tables") }
    try checkEncoding()
    try checkFormat()
    if let problem = try problems().first {
      throw .corrupt(message: "\(path.debugDescription): \(problem)")
    }
  }

  /// Opens the file to write to it, as a store does, making it if it is missing.
  fileprivate static func toBeReplaced(
    at path: String, by source: SQLiteConnection, waitingFor patience: Duration
  ) throws(StoreError) -> SQLiteConnection {
    if let status = FileStatus(path) {
      if status.isSame(as: FileStatus(source.path)) { throw .fileExists(path: path) }
    } else {
      // Somebody has moved the file away and left what belongs to it.
      for part in ["-wal", "-journal"] where FileStatus(path + part) != nil {
        throw .fileExists(path: path + part)
      }
    }
    let target = try SQLiteConnection(.file(path))
    target.setBusyTimeout(.seconds(5))
    if target.isReadOnly { throw .readOnly }
    try target.takeWriterLock(waitingFor: patience)
    return target
  }

  /// Copies the store that is there into a file beside it.
  ///
  /// - Parameter path: How the caller calls the store.
  /// - Returns: `nil` if there is none, or an empty one.
  fileprivate func keep(for path: String, replacing: Bool) throws -> KeptFile? {
    if try isEmpty() { return nil }
    if !replacing { throw StoreError.fileExists(path: path) }
    let kept = KeptFile(path: self.path + ".replaced")
    // Not checked: that it is damaged may be why it is replaced.
    try backUp(to: kept.path, replacing: false, isChecked: false)
    return kept
  }

  /// Takes over all pages of `source`, in one transaction.
  fileprivate func become(_ source: SQLiteConnection, progress: Store.BackupProgress) throws {
    // Only an empty file takes this.
    try execute("PRAGMA page_size = \(source.pageSize())")
    try configure(durability: .full, busyTimeout: .seconds(5))
    guard try pageSize() == source.pageSize() else {
      throw StoreError.cannotOpen(
        path: source.path, message: "its pages are not as long as those of \(path.debugDescription)"
      )
    }
    var isEndedByProgress = false
    do {
      try source.copyPages(to: self) { done, total in
        // With the last page all is committed. Nothing may end it then.
        guard done < total else { return }
        isEndedByProgress = true
        try progress(done, total)
        isEndedByProgress = false
      }
    } catch let error as StoreError {
      throw isEndedByProgress ? error : error.ofCommit
    }
  }

  private func pageSize() throws(StoreError) -> Int64 {
    let statement = try SQLiteStatement("PRAGMA page_size", on: self)
    return try statement.firstRow { $0.number(at: 0) } ?? 0
  }
}
