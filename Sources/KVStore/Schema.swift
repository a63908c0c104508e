// What the file must look like: its settings and the layout of its tables.

import CSQLite
import Threads

extension SQLiteConnection {
  /// Sets up how the file is written.
  ///
  /// The file remembers `auto_vacuum` and the log; the rest is for this connection.
  func configure(durability: Durability, busyTimeout: Duration) throws(StoreError) {
    setBusyTimeout(busyTimeout)
    // Only a file without tables takes this, and only before it has a write-ahead log. It lets a file
    // give room back to the system; the default never would.
    try execute("PRAGMA auto_vacuum = INCREMENTAL")
    try writeAhead(retryFor: busyTimeout)
    switch durability {
    case .full: try execute("PRAGMA synchronous = FULL")
    case .normal: try execute("PRAGMA synchronous = NORMAL")
    }
    try execute("PRAGMA cache_size = -64000")  // 64 MB, as freetser for Python
  }

  /// Keeps a write-ahead log: a commit then appends and waits for the disk once, and does not shut out
  /// those who read.
  private func writeAhead(retryFor patience: Duration) throws(StoreError) {
    // When others are opening the same new file SQLite may say BUSY here without waiting.
    let deadline = MonotonicTime.now() + patience
    while true {
      do throws(StoreError) {
        return try setJournalMode()
      } catch {
        guard error == .busy, MonotonicTime.now() < deadline else { throw error }
        sqlite3_sleep(5)
      }
    }
  }

  private func setJournalMode() throws(StoreError) {
    let statement = try SQLiteStatement("PRAGMA journal_mode = WAL", on: self)
    let mode = try statement.firstRow { $0.text(at: 0) } ?? nil
    // A database in memory says "memory". Any other answer: the file system cannot share memory.
    guard mode == "wal" || mode == "memory" else {
      throw .cannotOpen(path: path, message: "its file system allows no write-ahead log")
    }
  }

  /// Makes the tables that are missing and refuses those that are made otherwise.
  func prepare(_ tables: [Table]) throws(StoreError) {
    var names: Set<String> = []
    for table in tables {
      guard table.hasGoodName else { throw .invalidTableName(table.name) }
      guard names.insert(table.foldedName).inserted else { throw .duplicateTable(table) }
    }
    // One transaction, so that two programs can open a new file at once. A failure closes the
    // connection, which takes it back.
    try execute("BEGIN IMMEDIATE")
    for table in tables { try prepare(table) }
    try execute("COMMIT")
  }

  private func prepare(_ table: Table) throws(StoreError) {
    let statement = try SQLiteStatement(
      "SELECT type, sql FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE", on: self)
    let found = try statement.lend(table.name, at: 1) { () throws(StoreError) in
      try statement.firstRow { (type: $0.text(at: 0), sql: $0.text(at: 1) ?? "") }
    }
    guard let found else {
      return try execute("CREATE TABLE \"\(table.name)\" \(layout)")
    }
    guard found.type == "table", hasOurLayout(found.sql) else {
      throw .tableHasOtherLayout(table)
    }
  }
}

/// The layout of every table, the one of freetser for Python.
private let layout = """
  (
    key TEXT PRIMARY KEY,
    counter INTEGER NOT NULL,
    expiration INTEGER NOT NULL,
    value BLOB NOT NULL
  ) STRICT
  """

/// Whether a table was made by `sql` with our layout, whatever its name and however it was spaced.
///
/// The text is compared, since it also shows what would change the meaning of our statements: a
/// collation, a default, a CHECK. Dropping spaces joins no two layouts that a STRICT table may have.
private func hasOurLayout(_ sql: String) -> Bool {
  func condensed(_ text: some StringProtocol) -> String {
    String(text.lowercased().filter { !$0.isWhitespace })
  }
  // The name comes before the first parenthesis, and good names hold none.
  return condensed(sql.drop { $0 != "(" }) == condensed(layout)
}
