// The store as its users see it: open, execute, close.

/// Key-value tables in one SQLite file, changed by one routine at a time.
///
/// ```swift
/// let store = try Store(path: "bank.sqlite", tables: ["accounts"])
/// try store.execute { storage in
///   try storage.add("accounts", "ada", "100")
/// }
/// ```
///
/// Any number of threads may share one store. A store that nobody holds any more closes its file;
/// call ``close()`` to do that at a moment of your choosing.
public final class Store: Sendable {
  /// The path the store was opened with, or `nil` for a store in memory.
  public let path: String?

  /// The tables that the store was opened with.
  public let tables: [Table]

  let executor: Executor<Database>
  /// `nil` in memory, where those who read take turns with those who write.
  let readers: ReadPool?
  /// Where the file is, from the root; `.memory` where there is none.
  let location: Location

  /// Opens the file at `path`, making it and its tables if they are missing.
  ///
  /// The directory must exist. A new file can be read by its owner alone. Tables that exist already, also those that
  /// freetser for Python made, are used as they are.
  ///
  /// One store at a time has a file open, in whatever process: this waits for another for up to 5 seconds. Reading it without
  /// a store, as ``Store/read(at:tables:_:)`` does, goes on beside.
  ///
  /// - Parameters:
  ///   - path: Where the file is; three more, `-wal`, `-shm` and `-lock`, live beside it while it is open.
  ///   - tables: Every table that routines will use.
  ///   - durability: What an acknowledged change survives.
  /// - Throws: ``StoreError`` if a table's name is not usable or the table is made otherwise, or the
  ///   file cannot be opened, is no database, cannot be written, is damaged, was made by a later version, is open in another
  ///   store (`.openElsewhere` tells the process), or is being written by a program without stores for more than 5 seconds.
  public convenience init(
    path: String, tables: [Table], durability: Durability = .full
  ) throws(StoreError) {
    try self.init(
      path: path, tables: tables, durability: durability, busyTimeout: .seconds(5),
      queueLimit: Limits.waitingCallers)
  }

  /// The same, with the waits and the line as short as a test or a tool wants them.
  ///
  /// - Parameter lockPatience: How long to wait for another store that has the file open; `nil` for `busyTimeout`.
  package init(
    path: String, tables: [Table], durability: Durability = .full, busyTimeout: Duration,
    lockPatience: Duration? = nil, queueLimit: Int = Limits.waitingCallers,
    logPagesForRestart: Int = 8_192
  ) throws(StoreError) {
    try checkPath(path)
    self.path = path
    self.tables = tables
    let database = try Database(
      location: .file(path), tables: tables, durability: durability, busyTimeout: busyTimeout,
      lockPatience: lockPatience, logPagesForRestart: logPagesForRestart)
    // From the root: the program may change its directory.
    let location = Location.file(database.connection.path)
    self.location = location
    let readers = ReadPool(limit: Limits.readers) { () throws(StoreError) in
      let connection = try SQLiteConnection(location, for: .reading)
      connection.setBusyTimeout(busyTimeout)
      return try SnapshotReader(on: connection, tables)
    }
    try readers.prepare()
    database.readers = readers
    self.readers = readers
    executor = Executor(database, queueLimit: queueLimit)
  }

  /// Opens a store that lives in memory and ends with this value, as tests like it.
  ///
  /// - Throws: ``StoreError`` if a table's name is not usable.
  public static func inMemory(tables: [Table]) throws(StoreError) -> Store {
    Store(
      inMemory: try Database(
        location: .memory, tables: tables, durability: .normal, busyTimeout: .zero), tables)
  }

  private init(inMemory database: sending Database, _ tables: [Table]) {
    path = nil
    self.tables = tables
    location = .memory
    readers = nil
    executor = Executor(database, queueLimit: Limits.waitingCallers)
  }

  deinit {
    // Before the file: the last connection to close copies the log into it.
    if let readers, !readers.isLentToCaller { readers.close() }
  }

  /// Runs `routine` as a transaction and waits for it.
  ///
  /// Routines run one at a time, in the order in which they came. When this returns, all changes of
  /// the routine are stored as ``Durability`` promises; when it throws, none of them is. One error
  /// leaves a doubt: see ``StoreError/ioError(code:message:)``.
  ///
  /// Routines that wait are run together and stored with one commit. So a routine may run on another
  /// thread that is waiting in `execute` too, and it may run more than once: only the last run counts.
  /// Keep it short: everyone else waits. Do not wait inside it for a thread that uses the same store. Where
  /// routines use other stores too, nest the stores in the same order everywhere: two threads that
  /// hold one and wait for the other wait for ever, or get `.reentrant` without being so.
  ///
  /// - Parameter routine: Reads and changes tables through the ``Storage`` it is given, which it
  ///   cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged, or ``StoreError``: of a verb; `.busy`, `.full`
  ///   and their like where the transaction could not begin or be committed; `.closed`;
  ///   `.queueFull`; `.reentrant` when called from a routine of this same store.
  @discardableResult
  public func execute<R: Sendable>(
    _ routine: @Sendable (borrowing Storage) throws -> R
  ) throws -> R {
    let atOnce = try executor.runIfFree { database in try database.transaction(routine) }
    if let atOnce { return atOnce }
    return try withoutActuallyEscaping(routine) { routine in
      let outcome = Outcome<R>()
      try executor.perform(outcome.routine(routine))
      return try outcome.get()
    }
  }

  /// Runs `routine` on the calling thread, with the tables as they are at one moment.
  ///
  /// It waits for nobody who writes, and nobody who writes waits for it. It sees all changes that were acknowledged before
  /// it began, and none that come later. A store in memory has one connection: there those who read take turns with those
  /// who write.
  ///
  /// At most ``Limits/readers`` read at a time; others wait for one of them. A `read` inside a routine of the same store,
  /// reading or not, throws `.reentrant`. In memory so does an `execute` inside a `read`.
  ///
  /// - Parameter routine: Reads tables through the ``Snapshot`` it is given, which it cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged, or ``StoreError``: of a verb, such as `.snapshotTooOld`; why reading
  ///   could not begin; `.closed`; `.reentrant`; in memory also `.queueFull`.
  public func read<R: ~Copyable>(_ routine: (borrowing Snapshot) throws -> R) throws -> R {
    guard let readers else {
      return try executor.run { database in try database.read(routine) }
    }
    if executor.isHeldByCaller { throw StoreError.reentrant }
    return try readers.read(routine)
  }

  /// Lets the routines that are already waiting run, then closes the file.
  ///
  /// Later ones get `.closed`, also inside a `read` that is going on, which may finish. Returns when the file is closed, also
  /// when another thread was the first to close it.
  ///
  /// - Throws: ``StoreError/reentrant`` when called from a routine of this same store, reading or not; to the first
  ///   who closes, SQLite's error if it fails at that. The store is closed all the same.
  public func close() throws(StoreError) {
    if let readers, readers.isLentToCaller { throw .reentrant }
    try executor.close {
      // Before the file: the last connection to close copies the log into it.
      readers?.close()
    } _: { database throws(StoreError) in
      try database.close()
    }
  }
}
