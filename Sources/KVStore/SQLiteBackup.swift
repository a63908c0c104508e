// Owns one running backup of SQLite's.

import CSQLite

/// Copies the pages of one database into another.
// @safe: the pointer is made in `init`, never leaves, and is given back once, by `finish` or `deinit`. The connections are
// kept meanwhile.
@safe final class SQLiteBackup {
  /// `nil` once finished.
  private var handle: OpaquePointer?
  private let source: SQLiteConnection
  private let copy: SQLiteConnection

  /// - Throws: ``StoreError`` if the copy is in use.
  init(from source: SQLiteConnection, to copy: SQLiteConnection) throws(StoreError) {
    self.source = source
    self.copy = copy
    unsafe handle = sqlite3_backup_init(copy.handle, "main", source.handle, "main")
    guard unsafe handle != nil else {
      throw unsafe StoreError(code: sqlite3_errcode(copy.handle), of: copy.handle)
    }
  }

  deinit { unsafe sqlite3_backup_finish(handle) }

  /// Copies some more pages; returns whether those were the last.
  func step(pages: Int32) throws(StoreError) -> Bool {
    let code = unsafe sqlite3_backup_step(handle, pages)
    if code == SQLITE_DONE { return true }
    if code == SQLITE_OK { return false }
    try finish()  // throws, with the message that there is only then
    throw unsafe StoreError(code: code, of: copy.handle)
  }

  /// How many pages are copied.
  var donePages: Int { totalPages - (unsafe Int(sqlite3_backup_remaining(handle))) }

  /// How many pages there are.
  var totalPages: Int { unsafe Int(sqlite3_backup_pagecount(handle)) }

  /// Lets go of both databases.
  func finish() throws(StoreError) {
    let code = unsafe sqlite3_backup_finish(handle)
    unsafe handle = nil
    guard code == SQLITE_OK else { throw unsafe StoreError(code: code, of: copy.handle) }
  }
}
