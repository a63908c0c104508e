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

  let executor: Executor<Database>

  /// Opens the file at `path`, making it and its tables if they are missing.
  ///
  /// The directory must exist. Tables that exist already, also those that freetser for Python made,
  /// are used as they are.
  ///
  /// - Parameters:
  ///   - path: Where the file is; two more, `-wal` and `-shm`, live beside it while it is open.
  ///   - tables: Every table that routines will use.
  ///   - durability: What an acknowledged change survives.
  /// - Throws: ``StoreError`` if a table's name is not usable or the table is made otherwise, or the
  ///   file cannot be opened, is no database, cannot be written, is damaged, or is being written by
  ///   someone else for more than 5 seconds.
  public convenience init(
    path: String, tables: [Table], durability: Durability = .full
  ) throws(StoreError) {
    try self.init(
      path: path, tables: tables, durability: durability, busyTimeout: .seconds(5),
      queueLimit: Limits.waitingCallers)
  }

  /// The same, with the waits and the line as short as a test wants them.
  init(
    path: String, tables: [Table], durability: Durability = .full, busyTimeout: Duration,
    queueLimit: Int = Limits.waitingCallers
  ) throws(StoreError) {
    try checkPath(path)
    self.path = path
    let database = try Database(
      location: .file(path), tables: tables, durability: durability, busyTimeout: busyTimeout)
    executor = Executor(database, queueLimit: queueLimit)
  }

  /// Opens a store that lives in memory and ends with this value, as tests like it.
  ///
  /// - Throws: ``StoreError`` if a table's name is not usable.
  public static func inMemory(tables: [Table]) throws(StoreError) -> Store {
    Store(
      inMemory: try Database(
        location: .memory, tables: tables, durability: .normal, busyTimeout: .zero))
  }

  private init(inMemory database: sending Database) {
    path = nil
    executor = Executor(database, queueLimit: Limits.waitingCallers)
  }

  /// Runs `routine` in a transaction of its own and waits for it.
  ///
  /// Routines run one at a time, in the order in which they came. When this returns, all changes of
  /// the routine are stored as ``Durability`` promises; when it throws, none of them is. One error
  /// leaves a doubt: see ``StoreError/ioError(code:message:)``.
  ///
  /// The routine may run on another thread that is waiting in `execute` too. Keep it short:
  /// everyone else waits. Do not wait inside it for a thread that uses the same store. Where
  /// routines use other stores too, nest the stores in the same order everywhere: two threads that
  /// hold one and wait for the other wait for ever, or get `.reentrant` without being so.
  ///
  /// - Parameter routine: Reads and changes tables through the ``Storage`` it is given, which it
  ///   cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged, or ``StoreError``: of a verb; `.busy`, `.full`
  ///   and their like where the transaction could not begin or be committed; `.closed`;
  ///   `.queueFull`; `.reentrant` when called from a routine of this same store.
  public func execute<R: Sendable>(
    _ routine: @Sendable (borrowing Storage) throws -> R
  ) throws -> R {
    try executor.run { database in try database.transaction(routine) }
  }

  /// Lets the routines that are already waiting run, then closes the file.
  ///
  /// Later ones get `.closed`. Returns when the file is closed, also when another thread was the
  /// first to close it.
  ///
  /// - Throws: ``StoreError/reentrant`` when called from a routine of this same store; to the first
  ///   who closes, SQLite's error if it fails at that. The store is closed all the same.
  public func close() throws(StoreError) {
    try executor.close { database throws(StoreError) in try database.close() }
  }
}
