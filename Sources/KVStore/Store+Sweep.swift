// Entries that have expired, and the room that they take.

extension Store {
  /// Deletes all entries of all tables that expired before `now`, and gives the room that is free back to the system.
  ///
  /// It does so in steps, each a transaction of its own, so that nobody waits for long. What has expired by the system's clock
  /// goes by itself, unless ``StoreConfiguration/removesExpired`` is `false`; this is for all of it at once, or another time.
  ///
  /// Room is given back in files that were made with incremental vacuum, as those of this module are; others are converted
  /// by ``compact()``. In the file that shows at the latest when the store is closed.
  ///
  /// - Parameter now: The time.
  /// - Returns: How many entries were deleted.
  /// - Throws: As `execute` does. What was deleted before stays so.
  @discardableResult
  public func sweep(now: Timestamp = .now()) throws -> Int {
    var deleted = 0
    for table in tables {
      var found: Int
      repeat {
        found = try executor.run { database in
          try database.sweep(table, before: now, limit: Self.entriesPerStep)
        }
        deleted += found
      } while found == Self.entriesPerStep
    }
    while try executor.run({ database in try database.giveBackPages() }) {}
    return deleted
  }

  private static var entriesPerStep: Int { 200 }
}

extension Database {
  fileprivate func giveBackPages() throws(StoreError) -> Bool {
    readers?.letGoOfKept()
    return try connection.giveBackPages()
  }
}

extension SQLiteConnection {
  /// Gives some free pages back to the system if they are a large part of the file: otherwise they are used again.
  ///
  /// - Returns: Whether there are still many.
  func giveBackPagesIfMany() throws(StoreError) -> Bool {
    let free = try freePages()
    guard free > 1_000, try free > pages() / 4 else { return false }
    return try giveBackPages()
  }

  /// Gives some free pages back to the system.
  ///
  /// - Returns: Whether there are more that can be given back.
  fileprivate func giveBackPages() throws(StoreError) -> Bool {
    let before = try freePages()
    guard before > 0 else { return false }
    try execute("PRAGMA incremental_vacuum(500)")
    let after = try freePages()
    return 0 < after && after < before
  }

  private func pages() throws(StoreError) -> Int64 {
    let statement = try SQLiteStatement("PRAGMA page_count", on: self)
    return try statement.firstRow { $0.number(at: 0) } ?? 0
  }

  private func freePages() throws(StoreError) -> Int64 {
    let statement = try SQLiteStatement("PRAGMA freelist_count", on: self)
    return try statement.firstRow { $0.number(at: 0) } ?? 0
  }
}
