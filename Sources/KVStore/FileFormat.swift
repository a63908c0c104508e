// What a file says of itself: that it is a store's, and in which format.
//
// Two numbers in the header of every SQLite file are free for that. Freetser for Python leaves both at 0, and takes no
// notice of them.

/// The numbers of an SQLite file that applications may set.
struct FileFormat: Equatable {
  /// Whose file it is: `PRAGMA application_id`.
  var application: Int64
  /// In which format of theirs: `PRAGMA user_version`.
  var version: Int64

  /// Files of ours: "Frts" in ASCII. Version 1 has the tables of freetser for Python and an index of expiries for each.
  static let current = FileFormat(application: 0x4672_7473, version: 1)
  /// Nobody has said anything.
  static let unknown = FileFormat(application: 0, version: 0)
}

extension SQLiteConnection {
  /// The numbers that the file has.
  func format() throws(StoreError) -> FileFormat {
    let statement = try SQLiteStatement(
      "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version",
      on: self)
    return try statement.firstRow { row in
      FileFormat(application: row.number(at: 0), version: row.number(at: 1))
    } ?? .unknown
  }

  /// Refuses a file that a later version of this module has made.
  func checkFormat() throws(StoreError) {
    let found = try format()
    guard found.application == FileFormat.current.application else { return }
    if found.version > FileFormat.current.version { throw .newerFormat(version: found.version) }
  }

  /// Has the file say that it is ours, in this format, when its tables are made; in the same transaction.
  ///
  /// A file that another application has marked as its own keeps its numbers, and so does one that it has not marked
  /// but has tables in: it may know by a version of 0 that it has work to do.
  func writeFormat() throws(StoreError) {
    let found = try format()
    switch found.application {
    case FileFormat.current.application: if found == .current { return }
    case FileFormat.unknown.application:
      guard found == .unknown, try hasOnlyOwnTables() else { return }
    default: return
    }
    try execute(
      """
      PRAGMA application_id = \(FileFormat.current.application);
      PRAGMA user_version = \(FileFormat.current.version)
      """)
  }

  private func hasOnlyOwnTables() throws(StoreError) -> Bool {
    let statement = try SQLiteStatement(
      """
      SELECT count(*) FROM sqlite_schema
      WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      """, on: self)
    let count = try statement.firstRow { $0.number(at: 0) } ?? 0
    return try ownTables().count == Int(count)
  }
}
