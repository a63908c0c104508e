// A copy of the file as it is at one moment, made while others write.

extension Store {
  /// Called after each step of a backup, with the pages done and those there are. What it throws ends the backup.
  public typealias BackupProgress = (_ done: Int, _ total: Int) throws -> Void

  /// Copies the store, as it is at one moment, into a file at `path`, while others read and write.
  ///
  /// The file is there only once it is whole: it is written under another name in the same directory, checked, brought to
  /// the disk and renamed. It is one plain file, with the permissions of the store's file; open it, or copy it elsewhere,
  /// as it is.
  ///
  /// Nobody waits for it, but the log keeps what is written meanwhile. A store in memory has one connection: there the
  /// routines wait.
  ///
  /// - Parameters:
  ///   - path: Where the copy goes. Its directory must exist.
  ///   - replacing: Whether a file that is there is replaced. One that is in use, which the `-wal` beside it shows, never
  ///     is.
  ///   - progress: Told how far it is.
  /// - Throws: ``StoreError``: `.fileExists`; `.invalidPath`, `.cannotOpen`, `.full`, `.ioError` where the copy cannot be
  ///   written; `.corrupt` if it is damaged, as the store then is; `.closed`; `.reentrant` in a routine of this store. What
  ///   `progress` throws. Whatever it throws, no copy is left, and a file that was there is as it was.
  public func backup(
    to path: String, replacing: Bool = false, progress: BackupProgress = { _, _ in }
  ) throws {
    try withReader { connection in
      try connection.backUp(to: path, replacing: replacing, progress: progress)
    }
  }

  /// The same for a file, whether or not somebody has it open.
  ///
  /// - Throws: As ``backup(to:replacing:progress:)``; `.cannotOpen` and `.notADatabase` if there is no such database.
  public static func backup(
    at file: String, to path: String, replacing: Bool = false,
    progress: BackupProgress = { _, _ in }
  ) throws {
    try SQLiteConnection.looking(into: file)
      .backUp(to: path, replacing: replacing, progress: progress)
  }
}

extension SQLiteConnection {
  /// The pages of a step, 1 MiB: each takes a few milliseconds, after which progress is told.
  private static var pagesPerStep: Int32 { 256 }

  /// Copies the database into a new file that is then given its name.
  ///
  /// - Parameter isChecked: Whether a copy that is damaged is refused.
  func backUp(
    to path: String, replacing: Bool, isChecked: Bool = true,
    progress: Store.BackupProgress = { _, _ in }
  ) throws {
    try checkPath(path)
    let file = try PartialFile(for: path, replacing: replacing, source: self.path)
    let copy = try SQLiteConnection(.file(file.path))
    // Nothing is worth saving before the end, where the whole file is brought to the disk at once.
    try copy.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")
    try copyPages(to: copy, progress: progress)
    // What was copied says that there is a log.
    try copy.execute("PRAGMA journal_mode = DELETE")
    try copy.close()
    if isChecked { try Self.checkCopy(at: file.path) }
    try file.moveIntoPlace()
  }

  /// Copies all pages as they are in one snapshot.
  ///
  /// In a transaction that reads. Without one the copy would begin anew after each commit of others: with 1,000 of them
  /// a second, one of 115 MiB was not done after 25 s and 1,035 beginnings; with one it took 1.0 s, and the log grew by
  /// 6 MiB. VACUUM INTO, which needs no more, took 1.9 s. (2 cores, SQLite 3.40.1.)
  func copyPages(to copy: SQLiteConnection, progress: Store.BackupProgress) throws {
    try execute("BEGIN")
    defer { endReading() }
    try execute("SELECT 1 FROM sqlite_schema")  // the snapshot begins here
    let backup = try SQLiteBackup(from: self, to: copy)
    var isDone = false
    while !isDone {
      isDone = try backup.step(pages: Self.pagesPerStep)
      try progress(backup.donePages, backup.totalPages)
    }
    try backup.finish()
  }

  /// Ends a transaction that has only read, which cannot fail in a way that matters.
  private func endReading() { do throws(StoreError) { try execute("COMMIT") } catch {} }

  private static func checkCopy(at path: String) throws(StoreError) {
    if let problem = try looking(into: path).problems().first {
      throw .corrupt(message: problem)
    }
  }
}
