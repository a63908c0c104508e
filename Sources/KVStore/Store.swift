// The store as its users see it: open, execute, read, close.

import Threads

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

  let configuration: StoreConfiguration
  let executor: Executor<Database>
  /// `nil` in memory, where those who read take turns with those who write.
  let readers: ReadPool?
  /// The threads of those who read in asynchronous code, and of reports.
  let helpers: WorkingThreads
  let routineThread: RoutineThread
  let feed: ChangeFeed
  let counts: Monitor<StoreActivity>
  /// Where the file is, from the root; `.memory` where there is none.
  let location: Location

  /// Opens the file at `path`, making it and its tables if they are missing.
  ///
  /// The directory must exist. A new file can be read by its owner alone. Tables that exist already, also those that
  /// freetser for Python made, are used as they are.
  ///
  /// One store at a time has a file open, in whatever process: this waits for another as long as
  /// ``StoreConfiguration/openingPatience``. Reading it without a store, as ``Store/read(at:tables:_:)`` does, goes on beside.
  ///
  /// - Parameters:
  ///   - path: Where the file is; three more, `-wal`, `-shm` and `-lock`, live beside it while it is open.
  ///   - tables: Every table that routines will use.
  ///   - durability: What an acknowledged change survives.
  ///   - configuration: What else may be chosen.
  /// - Throws: ``StoreError`` if a table's name is not usable or the table is made otherwise, or the
  ///   file cannot be opened, is no database, cannot be written, is damaged, was made by a later version, is open in another
  ///   store (`.openElsewhere` tells the process), or is being written by a program without stores for longer than
  ///   ``StoreConfiguration/patience``; `.unavailable` if the store's thread cannot be started.
  public init(
    path: String, tables: [Table], durability: Durability = .full,
    configuration: StoreConfiguration = StoreConfiguration()
  ) throws(StoreError) {
    try checkPath(path)
    let helpers = WorkingThreads.ofStore()
    let database = try Database(
      location: .file(path), tables: tables, durability: durability, configuration: configuration,
      report: configuration.report(on: helpers))
    // From the root: the program may change its directory.
    let location = Location.file(database.connection.path)
    let patience = configuration.patience
    let readers = ReadPool(limit: Limits.readers) { () throws(StoreError) in
      let connection = try SQLiteConnection(location, for: .reading)
      connection.setBusyTimeout(patience)
      try connection.execute("PRAGMA cache_size = -\(Limits.readerCacheInKiB)")
      return try SnapshotReader(on: connection, tables)
    }
    try readers.prepare()
    database.readers = readers
    self.path = path
    self.tables = tables
    self.configuration = configuration
    self.location = location
    self.readers = readers
    self.helpers = helpers
    routineThread = database.routineThread
    feed = database.feed
    counts = database.activity
    executor = Executor(database, queueLimit: configuration.queueLimit)
    try startThread()
  }

  /// Opens a store that lives in memory and ends with this value, as tests like it.
  ///
  /// - Parameters:
  ///   - tables: Every table that routines will use.
  ///   - configuration: What else may be chosen; there is nobody to wait for.
  /// - Throws: ``StoreError`` if a table's name is not usable; `.unavailable` if the store's thread cannot be started.
  public static func inMemory(
    tables: [Table], configuration: StoreConfiguration = StoreConfiguration()
  ) throws(StoreError) -> Store {
    try Store(inMemory: tables, configuration)
  }

  private init(
    inMemory tables: [Table], _ configuration: StoreConfiguration
  ) throws(StoreError) {
    helpers = .ofStore()
    let database = try Database(
      location: .memory, tables: tables, durability: .normal, configuration: configuration,
      report: configuration.report(on: helpers))
    path = nil
    self.tables = tables
    self.configuration = configuration
    location = .memory
    readers = nil
    routineThread = database.routineThread
    feed = database.feed
    counts = database.activity
    executor = Executor(database, queueLimit: configuration.queueLimit)
    try startThread()
  }

  private func startThread() throws(StoreError) {
    do throws(ThreadError) {
      try executor.startThread(name: "KVStore", idleAfter: configuration.idleTime) { $0.tidy() }
    } catch {
      throw .noThread(error)
    }
  }

  deinit {
    // Before the file: the last connection to close copies the log into it.
    if let readers, !readers.isLentToCaller { readers.close() }
    feed.close()
    executor.endThread()
  }

  /// Runs `routine` as a transaction and waits for it.
  ///
  /// Routines run one at a time, in the order in which they came. When this returns, all changes of
  /// the routine are stored as ``Durability`` promises; when it throws, none of them is. One error
  /// leaves a doubt: see ``StoreError/commitOutcomeUnknown(_:)``.
  ///
  /// Routines that wait are run together and stored with one commit. So a routine may run on another
  /// thread that is waiting in `execute` too, and it may run more than once: only the last run counts.
  /// Keep it short: everyone else waits. Do not wait inside it for a thread that uses the same store. Where
  /// routines use other stores too, nest the stores in the same order everywhere: two threads that
  /// hold one and wait for the other wait for ever, or get `.reentrant` without being so.
  ///
  /// - Parameters:
  ///   - limit: If the routine has not begun by then, it is given up, with `.timeout`. It has begun when it is taken out of
  ///     the line, maybe together with others that are run first. `nil` for no limit.
  ///   - routine: Reads and changes tables through the ``Storage`` it is given, which it
  ///     cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged, or ``StoreError``: of a verb; `.busy`, `.full`
  ///   and their like where the transaction could not begin or be committed; `.closed`; `.timeout`;
  ///   `.queueFull`; `.reentrant` when called from a routine of this same store.
  @available(*, noasync, message: "await the other form, which keeps no thread waiting")
  @discardableResult
  @inlinable public func execute<R: Sendable>(
    within limit: Duration? = nil, _ routine: @Sendable (borrowing Storage) throws -> R
  ) throws -> R {
    var result: R?
    if try executeIfFree({ storage in result = try routine(storage) }) { return result! }
    return try executeInTurn(within: limit, routine)
  }

  // Both are inlinable, and the rest knows nothing of the result's type: otherwise each call would find out while the
  // program runs what that is, which takes longer than a read.

  /// Runs the routine if nobody else is at it; returns whether it did.
  @usableFromInline func executeIfFree(
    _ routine: (borrowing Storage) throws -> Void
  ) throws -> Bool {
    guard !configuration.rehearsesRoutines else { return false }
    return try executor.runIfFree { database in try database.transaction(routine) } != nil
  }

  @usableFromInline func executeInTurn<R: Sendable>(
    within limit: Duration?, _ routine: @Sendable (borrowing Storage) throws -> R
  ) throws -> R {
    try withoutActuallyEscaping(routine) { routine in
      let outcome = Outcome<R>()
      let deadline = limit.map { .now() + $0 } ?? MonotonicTime.distantFuture
      try executor.perform(outcome.routine(comparingRuns(of: routine)), until: deadline)
      return try outcome.get()
    }
  }

  /// The routine, which in a rehearsal throws if two runs do not return the same.
  func comparingRuns<R: Sendable>(
    of routine: @escaping @Sendable (borrowing Storage) throws -> R
  ) -> @Sendable (borrowing Storage) throws -> R {
    guard configuration.rehearsesRoutines else { return routine }
    let returned = ReturnedTwice<R>()
    return { storage in
      let result = try routine(storage)
      try returned.compare(result)
      return result
    }
  }

  /// Runs `routine` on the calling thread, with the tables as they are at one moment.
  ///
  /// It waits for nobody who writes, and nobody who writes waits for it. It sees all changes of this store that were
  /// acknowledged before it began, and none that come later; those of programs without stores maybe some milliseconds later
  /// (``Limits/snapshotReuse``). A store in memory has one connection: there those who read take turns with those
  /// who write.
  ///
  /// At most ``Limits/readers`` read at a time; others wait for one of them. A `read` inside a routine of the same store,
  /// reading or not, throws `.reentrant`. In memory so does an `execute` inside a `read`.
  ///
  /// - Parameters:
  ///   - limit: If the routine has not begun by then, it is given up, with `.timeout`. `nil` for no limit.
  ///   - routine: Reads tables through the ``Snapshot`` it is given, which it cannot keep.
  /// - Returns: What the routine returned.
  /// - Throws: The routine's own error, unchanged, or ``StoreError``: of a verb, such as `.snapshotTooOld`; why reading
  ///   could not begin; `.closed`; `.timeout`; `.reentrant`; in memory also `.queueFull`.
  @available(*, noasync, message: "await the other form, which keeps no thread waiting")
  @inlinable public func read<R: ~Copyable>(
    within limit: Duration? = nil, _ routine: (borrowing Snapshot) throws -> R
  ) throws -> R {
    var result: R?
    try readSnapshot(within: limit) { snapshot in result = try routine(snapshot) }
    return result.take()!
  }

  @usableFromInline func readSnapshot(
    within limit: Duration?, _ routine: (borrowing Snapshot) throws -> Void
  ) throws {
    try readSnapshot(until: limit.map { .now() + $0 } ?? .distantFuture, routine)
  }

  func readSnapshot(
    until deadline: MonotonicTime, _ routine: (borrowing Snapshot) throws -> Void
  ) throws {
    if routineThread.isCurrent { throw StoreError.reentrant }
    // The job of an actor does not wait for those who read: they may wait for it, to store something.
    guard let readers, !executor.isOwnThread else {
      return try executor.run(until: deadline) { database in try database.read(routine) }
    }
    try readers.read(until: deadline, routine)
  }

  /// Lets the routines that are already waiting run, then closes the file.
  ///
  /// Later ones get `.closed`, also inside a `read` that is going on, which may finish. Returns when the file is closed, also
  /// when another thread was the first to close it.
  ///
  /// - Throws: ``StoreError/reentrant`` when called from a routine of this same store, reading or not, or from a
  ///   function of an actor that is pinned to it; to the first who closes, SQLite's error if it fails at that. The store is
  ///   closed all the same.
  public func close() throws(StoreError) {
    if let readers, readers.isLentToCaller { throw .reentrant }
    try executor.close {
      // Before the file: the last connection to close copies the log into it.
      readers?.close()
    } _: { database throws(StoreError) in
      defer { feed.close() }
      try database.close()
    }
  }
}
