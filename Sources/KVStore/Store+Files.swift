// Looking into a file without opening a store: nothing is made, and no setting changes.
//
// Each of these may run while others have the file open, also in other programs, and takes the log into account.

extension Store {
  /// Looks through the file at `path` for damage: a backup, say, before it is put back.
  ///
  /// - Returns: What is wrong, at most 100 lines; none if the file is sound.
  /// - Throws: ``StoreError``: `.invalidPath`, `.cannotOpen` if there is no such file, `.notADatabase`; others if SQLite
  ///   cannot read it at all.
  public static func check(path: String) throws(StoreError) -> [String] {
    do throws(StoreError) {
      return try SQLiteConnection.looking(into: path).problems()
    } catch .corrupt(let message) {
      // So damaged that SQLite does not get as far as looking.
      return [message]
    }
  }

  /// The tables in the file at `path` that have the layout of a store's, in the order of their names.
  ///
  /// - Throws: ``StoreError``: `.invalidPath`, `.cannotOpen` if there is no such file, `.notADatabase`; others if SQLite
  ///   cannot read it.
  public static func tables(at path: String) throws(StoreError) -> [Table] {
    try SQLiteConnection.looking(into: path).ownTables()
  }

  /// How large the file at `path` is.
  ///
  /// - Throws: As ``tables(at:)``.
  public static func statistics(at path: String) throws(StoreError) -> StoreStatistics {
    try SQLiteConnection.looking(into: path).statistics()
  }

  /// Runs `routine` on the calling thread, with tables of the file at `path` as they are at one moment.
  ///
  /// Nobody ends its snapshot, so the log of those who write meanwhile grows until it is done.
  ///
  /// - Parameters:
  ///   - path: Where the file is.
  ///   - tables: Every table that the routine will use.
  ///   - routine: Reads tables through the ``Snapshot`` it is given, which it cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged, or ``StoreError``: of a verb; `.unknownTable` if the file has no such
  ///   table; `.tableHasOtherLayout`; `.newerFormat`; and as ``tables(at:)``.
  public static func read<R: ~Copyable>(
    at path: String, tables: [Table], _ routine: (borrowing Snapshot) throws -> R
  ) throws -> R {
    try checkNames(of: tables)
    let connection = try SQLiteConnection.looking(into: path)
    try connection.checkEncoding()
    try connection.checkFormat()
    for table in tables {
      guard try connection.has(table) else { throw StoreError.unknownTable(table) }
    }
    let reader = try SnapshotReader(on: connection, tables)
    defer { reader.close() }
    var result: R?
    try reader.read { snapshot in result = try routine(snapshot) }
    return result.take()!
  }
}

extension SQLiteConnection {
  /// A connection to the file at `path`, which must be there, that reads only. It closes when it is let go.
  static func looking(into path: String) throws(StoreError) -> SQLiteConnection {
    try checkPath(path)
    let connection = try SQLiteConnection(.file(path), for: .lookingInto)
    connection.setBusyTimeout(.seconds(5))
    try connection.execute("PRAGMA query_only = ON")
    return connection
  }
}
