// Looking after the file: is it sound, how large is it, and giving back room it does not need.

extension Store {
  /// Looks through the whole store for damage, while others read and write.
  ///
  /// It takes about as long as reading the file does. The log keeps what is written meanwhile.
  ///
  /// - Returns: What is wrong, at most 100 lines; none if the store is sound.
  /// - Throws: ``StoreError`` if SQLite fails at reading; `.closed`; `.reentrant` in a routine of this store.
  public func integrityCheck() throws -> [String] {
    try withReader { connection in try connection.problems() }
  }

  /// Writes the file anew, as small as it can be, and has it give back room from then on.
  ///
  /// It takes its turn among the routines, which wait until it is done; those who read do not. It needs room for two more
  /// copies of the file meanwhile: one where SQLite keeps what is temporary (`SQLITE_TMPDIR`, `TMPDIR`, `/var/tmp`) and one
  /// in the log. Files that another program made without `auto_vacuum` get `INCREMENTAL`, as new files have it.
  ///
  /// The file becomes shorter once nobody reads what it was before: at the end it waits for that up to 5 seconds, and
  /// otherwise leaves it to a later commit.
  ///
  /// - Throws: ``StoreError``: `.full`, `.busy` and others of SQLite's, and then what the store holds is as it was; `.closed`;
  ///   `.queueFull`; `.reentrant` in a routine of this store.
  public func compact() throws {
    try executor.run { database in
      try readers?.whileChanging { try database.compact() } ?? database.compact()
    }
  }

  /// How large the store is.
  ///
  /// - Throws: ``StoreError`` if SQLite fails at reading; `.closed`; `.reentrant` in a routine of this store.
  public func statistics() throws -> StoreStatistics {
    try withReader { connection in try connection.statistics() }
  }

  /// Runs `body` with a connection that is for reading and that nobody else uses meanwhile.
  ///
  /// It counts as one that reads: `close` waits for it. Nobody ends its snapshot, however old.
  func withReader<R>(_ body: (SQLiteConnection) throws -> R) throws -> R {
    if routineThread.isCurrent { throw StoreError.reentrant }
    // As for reading routines.
    guard let readers, !executor.isOwnThread else {
      return try executor.run { try body($0.connection) }
    }
    return try readers.asReader {
      let connection = try SQLiteConnection(location, for: .reading)
      connection.setBusyTimeout(.seconds(5))
      let result = try body(connection)
      try connection.close()
      return result
    }
  }
}

extension Database {
  fileprivate func compact() throws(StoreError) {
    try connection.execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
    readers?.letGoOfKept()
    // A log that is still read is no error here: the statement tells that in a row.
    try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
  }
}

/// How large a store is.
public struct StoreStatistics: Equatable, Sendable {
  /// The length of the file in bytes. Pages that are only in the log are not in it yet.
  public var fileSizeInBytes: Int
  /// The length of the log beside it in bytes. It is used again from its start, and so does not shrink by itself.
  public var logSizeInBytes: Int
  /// The length of a page in bytes.
  public var pageSizeInBytes: Int
  /// How many pages the store has, those in the log included.
  public var pages: Int
  /// How many of them hold nothing: new entries take them, and ``Store/compact()`` gives them back.
  public var freePages: Int
}

extension SQLiteConnection {
  /// What is wrong with the database; nothing if it is sound.
  func problems() throws(StoreError) -> [String] {
    let statement = try SQLiteStatement("PRAGMA integrity_check", on: self)
    var lines: [String] = []
    try statement.forEachRow { lines.append($0.text(at: 0)) }
    return lines == ["ok"] ? [] : lines
  }

  /// How large the database is.
  func statistics() throws(StoreError) -> StoreStatistics {
    // One statement, so that both are of one moment.
    let statement = try SQLiteStatement(
      """
      SELECT page_size, page_count, freelist_count
      FROM pragma_page_size, pragma_page_count, pragma_freelist_count
      """, on: self)
    let counts = try statement.firstRow { row in
      (size: Int(row.number(at: 0)), all: Int(row.number(at: 1)), free: Int(row.number(at: 2)))
    }
    let (size, all, free) = counts ?? (0, 0, 0)
    let path = path
    return StoreStatistics(
      fileSizeInBytes: path.isEmpty ? all * size : FileStatus(path)?.size ?? 0,
      logSizeInBytes: path.isEmpty ? 0 : FileStatus(path + "-wal")?.size ?? 0,
      pageSizeInBytes: size, pages: all, freePages: free)
  }
}
