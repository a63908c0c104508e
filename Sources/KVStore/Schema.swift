// What the file must look like: its settings and the layout of its tables.

import CSQLite
import Threads

extension SQLiteConnection {
  /// Sets up how the file is written.
  ///
  /// The file remembers `auto_vacuum` and the log; the rest is for this connection.
  func configure(durability: Durability, busyTimeout: Duration) throws(StoreError) {
    // It lets a file give room back to the system; the default never would. Only a new file takes
    // it, before it has a write-ahead log; a file with tables would turn from FULL to this.
    if try isEmpty() { try execute("PRAGMA auto_vacuum = INCREMENTAL") }
    try writeAhead(retryFor: busyTimeout)
    switch durability {
    case .full: try execute("PRAGMA synchronous = FULL")
    case .normal: try execute("PRAGMA synchronous = NORMAL")
    }
    try execute("PRAGMA cache_size = -64000")  // 64 MB, as freetser for Python
    watchLog()
  }

  /// Keeps a write-ahead log: a commit then appends and waits for the disk once, and does not shut
  /// out those who read.
  private func writeAhead(retryFor patience: Duration) throws(StoreError) {
    // Where others open the same new file at once, SQLite may say BUSY here without having waited:
    // two that wait for each other would never end. So the waiting is done here.
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
    let mode = try statement.firstRow { $0.text(at: 0) }
    // A database in memory says "memory". Any other answer: the file system cannot share memory.
    guard mode == "wal" || mode == "memory" else {
      throw .cannotOpen(path: path, message: "its file system allows no write-ahead log")
    }
  }

  /// Refuses texts in UTF-16, since their bytes sort otherwise than those of UTF-8.
  func checkEncoding() throws(StoreError) {
    let statement = try SQLiteStatement("PRAGMA encoding", on: self)
    guard try statement.firstRow({ $0.text(at: 0) }) == "UTF-8" else {
      throw .cannotOpen(path: path, message: "its texts are not UTF-8")
    }
  }

  /// Whether the file has no tables nor anything else.
  func isEmpty() throws(StoreError) -> Bool {
    let statement = try SQLiteStatement("SELECT 1 FROM sqlite_schema", on: self)
    return try statement.firstRow { _ in true } == nil
  }

  /// Makes the tables and indexes that are missing, and says that the file is ours.
  func makeMissing(_ tables: [Table]) throws(StoreError) {
    // One transaction, so that two programs can open a new file at once. A failure closes the
    // connection, which takes it back.
    try execute("BEGIN IMMEDIATE")
    for table in tables {
      if try !has(table) { try execute("CREATE TABLE \"\(table.name)\" \(layout)") }
      // So that those that have expired are found without a look at the others. Other programs need not know it.
      try execute(
        """
        CREATE INDEX IF NOT EXISTS "\(table.name) expiration" ON "\(table.name)" (expiration)
        WHERE expiration > 0
        """)
    }
    try writeFormat()
    try execute("COMMIT")
  }

  /// The tables that are made as we make them and have good names, in the order of the names.
  func ownTables() throws(StoreError) -> [Table] {
    let statement = try SQLiteStatement(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name", on: self)
    var tables: [Table] = []
    try statement.forEachRow { row in
      let table = Table(row.text(at: 0))
      if table.hasGoodName, hasOurLayout(row.text(at: 1)) { tables.append(table) }
    }
    return tables
  }

  /// Whether the table is there; throws if it is made otherwise than we make it.
  func has(_ table: Table) throws(StoreError) -> Bool {
    // The names of triggers are apart from the others.
    let statement = try SQLiteStatement(
      """
      SELECT type, sql FROM sqlite_schema
      WHERE name = ?1 COLLATE NOCASE AND type <> 'trigger'
      """, on: self)
    let found = try statement.lend(table.name, at: 1) { () throws(StoreError) in
      try statement.firstRow { (type: $0.text(at: 0), sql: $0.text(at: 1)) }
    }
    guard let found else { return false }
    guard found.type == "table", hasOurLayout(found.sql) else {
      throw .tableHasOtherLayout(table)
    }
    return true
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
/// collation, a default, a CHECK. Dropping spaces joins no two layouts that a STRICT table may
/// have.
private func hasOurLayout(_ sql: String) -> Bool {
  func condensed(_ text: some StringProtocol) -> String {
    String(text.lowercased().filter { !$0.isWhitespace })
  }
  // The name comes before the first parenthesis, and good names hold none.
  return condensed(sql.drop { $0 != "(" }) == condensed(layout)
}
