// Owns one handle of SQLite's, and gives SQLite's result codes their names.

import CSQLite
import Threads

/// Where a database lives.
enum Location {
  case file(String)
  case memory
}

/// Once, before the first connection.
private let countsNoMemory: Void = csqlite_count_no_memory()

/// One connection to a database. Used by one thread at a time, so it is opened without SQLite's
/// mutex.
// @safe: the handle is made in `init` and given back once, by `close` or `deinit`; SQLite keeps what
// it points to until the last statement is gone too. `log` is used by statements, which come before that.
@safe final class SQLiteConnection {
  /// `nil` once closed.
  private(set) var handle: OpaquePointer?

  /// Kept by the one connection of a store that writes, until its file is closed.
  var writerLock: WriterLock?

  /// What a connection is for.
  enum Use {
    /// To read and write; the file is made if it is missing.
    case writing
    /// To read a file that is there, beside a connection that writes and closes it after this one.
    case reading
    /// To read a file that is there, whoever else may have it open.
    ///
    /// The last connection to close a file clears away the log, which one opened for reading alone could not.
    case lookingInto
  }

  /// How many pages the log had after the last commit of this connection, if it is watched.
  var logPages: Int { Int(unsafe log.pointee.pages) }
  /// How many pages it has when they are copied into the file.
  var logPagesToCopy: Int { Int(unsafe log.pointee.pagesToCopy) }
  private let log: UnsafeMutablePointer<Log>

  private struct Log {
    var pages: Int32 = 0
    var pagesToCopy: Int32 = .max
    /// When a statement that runs has taken too long.
    var deadline = MonotonicTime.distantFuture
    var noted: Int64 = 0
  }

  /// What the function `noted` was given last.
  var notedNumber: Int64 {
    get { unsafe log.pointee.noted }
    set { unsafe log.pointee.noted = newValue }
  }

  /// Gives SQL the function `noted(number)`, which returns the number and leaves it in ``notedNumber``.
  ///
  /// So a statement tells what it has computed. RETURNING would do that too, at three times the cost of the
  /// whole statement (docs/decisions/0009-upsert-without-returning.md).
  func offerNotes() throws(StoreError) {
    let code = unsafe sqlite3_create_function_v2(
      handle, "noted", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, log,
      { context, _, arguments in
        let number = unsafe sqlite3_value_int64(arguments![0])
        unsafe sqlite3_user_data(context)!.assumingMemoryBound(to: Log.self).pointee.noted = number
        unsafe sqlite3_result_int64(context, number)
      }, nil, nil, nil)
    guard code == SQLITE_OK else { throw unsafe StoreError(code: code, of: handle) }
  }

  /// Has statements looked at while they run, and interrupted once the time of ``setDeadline(_:)`` has passed.
  func watchDeadline() {
    // Some ten microseconds of work each time.
    unsafe sqlite3_progress_handler(
      handle, 1_000,
      { log in
        let deadline = unsafe log!.assumingMemoryBound(to: Log.self).pointee.deadline
        return MonotonicTime.lastTick() > deadline ? 1 : 0
      }, log)
  }

  /// When statements have taken too long.
  func setDeadline(_ deadline: MonotonicTime) { unsafe log.pointee.deadline = deadline }

  /// How often a page was in the cache, and how often it had to be read.
  func cacheCounts() -> (hits: Int, misses: Int) {
    func count(_ what: Int32) -> Int {
      var (current, highest): (Int32, Int32) = (0, 0)
      unsafe sqlite3_db_status(handle, what, &current, &highest, 0)
      return Int(current)
    }
    return (count(SQLITE_DBSTATUS_CACHE_HIT), count(SQLITE_DBSTATUS_CACHE_MISS))
  }

  /// Has the size of the log noted, and its pages copied into the file once there are so many.
  func watchLog(copyingFrom pages: Int32 = 1_000) {
    unsafe log.pointee.pagesToCopy = pages
    // This takes the place of SQLite's own hook, which does the second of these.
    _ = unsafe sqlite3_wal_hook(
      handle,
      { log, handle, _, pages in
        let log = unsafe log!.assumingMemoryBound(to: Log.self)
        unsafe log.pointee.pages = pages
        if unsafe pages >= log.pointee.pagesToCopy {
          // What cannot be copied yet is copied later.
          _ = unsafe sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        }
        return SQLITE_OK
      }, log)
  }

  /// Copies all of the log into the file, so that it is used anew, if nobody reads.
  ///
  /// - Parameter busyTimeout: What it is otherwise: here nobody is waited for.
  func restartLog(busyTimeout: Duration) {
    setBusyTimeout(.zero)
    defer { setBusyTimeout(busyTimeout) }
    _ = unsafe sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_RESTART, nil, nil)
  }

  /// Opens the database.
  init(_ location: Location, for use: Use = .writing) throws(StoreError) {
    unsafe log = .allocate(capacity: 1)
    unsafe log.initialize(to: Log())
    let path =
      switch location {
      case .file(let path): path
      case .memory: ":memory:"
      }
    let mode =
      switch use {
      case .writing: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      case .reading: SQLITE_OPEN_READONLY
      case .lookingInto: SQLITE_OPEN_READWRITE  // SQLite takes READONLY where it may not write
      }
    if case (.file, .writing) = (location, use) { makeFileIfMissing(at: path) }
    _ = countsNoMemory
    let flags = mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
    guard code == SQLITE_OK else {
      // A handle comes with the failure too, for its message; `deinit`, which runs also for an
      // `init` that throws here, gives it back.
      let message = unsafe String(cString: sqlite3_errmsg(handle))
      throw .cannotOpen(path: path, message: message)
    }
  }

  deinit {
    // Statements that are still there keep what they need of it until they go too.
    unsafe sqlite3_close_v2(handle)
    unsafe log.deallocate()
  }

  /// Closes the file, which no statement may still use.
  func close() throws(StoreError) {
    let code = unsafe sqlite3_close(handle)
    guard code == SQLITE_OK else { throw unsafe StoreError(code: code, of: handle) }
    unsafe handle = nil
    writerLock = nil
  }

  /// How long to wait for the locks of other connections before giving up with `.busy`.
  func setBusyTimeout(_ timeout: Duration) {
    unsafe sqlite3_busy_timeout(handle, Int32(clamping: timeout.inNanoseconds / 1_000_000))
  }

  /// Runs SQL that has no parameters and whose rows do not matter.
  func execute(_ sql: String) throws(StoreError) {
    let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw unsafe StoreError(code: code, of: handle) }
  }

  /// Makes a statement that is running on another thread fail with `SQLITE_INTERRUPT`.
  ///
  /// The connection must stay open meanwhile.
  func interrupt() { unsafe sqlite3_interrupt(handle) }

  /// Whether SQLite could open the file for reading only, and has done so.
  var isReadOnly: Bool { unsafe sqlite3_db_readonly(handle, "main") == 1 }

  /// Where the file is, from the root; empty for a database in memory.
  var path: String { unsafe KVStore.path(of: handle) }

  /// How many rows it has inserted, updated or deleted so far.
  var totalChanges: Int64 { unsafe sqlite3_total_changes64(handle) }

  /// Whether a transaction is open; SQLite ends one by itself when, say, the disk is full.
  var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }
}

extension StoreError {
  /// Whether somebody has called ``SQLiteConnection/interrupt()``.
  var isInterrupt: Bool {
    if case .sqlite(let code, _) = self { code & 0xff == SQLITE_INTERRUPT } else { false }
  }

  /// What a result code means, with the message that `handle` keeps for its last failure.
  init(code: Int32, of handle: OpaquePointer?) {
    let message = unsafe String(cString: sqlite3_errmsg(handle))
    // The low byte is the code proper; the rest tells more.
    switch code & 0xff {
    case SQLITE_BUSY: self = .busy
    case SQLITE_FULL: self = .full
    case SQLITE_IOERR: self = .ioError(code: code, message: message)
    case SQLITE_READONLY: self = .readOnly
    case SQLITE_CORRUPT: self = .corrupt(message: message)
    case SQLITE_NOTADB: self = .notADatabase(path: unsafe path(of: handle))
    case SQLITE_CANTOPEN: self = .cannotOpen(path: unsafe path(of: handle), message: message)
    default: self = .sqlite(code: code, message: message)
    }
  }
}

private func path(of handle: OpaquePointer?) -> String {
  guard let path = unsafe sqlite3_db_filename(handle, nil) else { return "" }
  return unsafe String(cString: path)
}
