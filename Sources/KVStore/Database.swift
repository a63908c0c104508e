// Runs routines as transactions: all of one is stored, or nothing.
//
// A routine that comes alone has a transaction of its own. Several that wait share one, and the commit, which is what
// takes time. Each that writes has a savepoint in it, so that one that throws takes back its own changes only.
//
// Routines that share a transaction see what those before them wrote, which is not stored yet. If it comes to nothing,
// because SQLite ended the transaction or the commit failed, then what they saw never was: so all but those to blame run
// again, each alone. Nobody was told anything before.

import Threads

/// The connection, the statements of each table, and the transaction that is going on.
///
/// Not safe for several threads at once: ``Executor`` lends it to one at a time.
final class Database {
  let connection: SQLiteConnection
  private var tables: [Table: TableStatements] = [:]
  private var transactionStatements: TransactionStatements?

  /// The first failure of SQLite's, as opposed to a refusal of a verb, in this transaction.
  ///
  /// SQLite may have ended the transaction with it, and then anything more would be stored for good
  /// at once. So after it no verb runs and nothing is committed.
  private var failure: StoreError?

  /// Those who read beside; whoever writes ends snapshots that are too old.
  var readers: ReadPool?
  private let busyTimeout: Duration
  private var nextLook = MonotonicTime.now()
  /// How many pages the log may have before a moment without readers is made to use it anew.
  private let logPagesForRestart: Int
  private var nextRestart: Int
  /// In memory there is one connection, and this reads on it.
  private var ownReader: SnapshotReader?

  /// Why no transaction can ever begin again.
  private var breakdown: StoreError?

  /// What the routine that is running has done in a transaction that it shares; `nil` in one of its own.
  private var share: Share?

  private enum Share {
    case onlyRead
    /// It has opened its savepoint.
    case written
  }

  init(
    location: Location, tables: [Table], durability: Durability, busyTimeout: Duration,
    lockPatience: Duration? = nil, logPagesForRestart: Int = 8_192  // 32 MiB
  ) throws(StoreError) {
    self.logPagesForRestart = logPagesForRestart
    nextRestart = logPagesForRestart
    self.busyTimeout = busyTimeout
    try checkNames(of: tables)
    connection = try SQLiteConnection(location)
    connection.setBusyTimeout(busyTimeout)
    // Look before touching: a file that is refused stays as it is.
    if connection.isReadOnly { throw .readOnly }
    try connection.takeWriterLock(waitingFor: lockPatience ?? busyTimeout)
    try connection.checkFormat()
    try connection.checkEncoding()
    for table in tables { _ = try connection.has(table) }
    try connection.configure(durability: durability, busyTimeout: busyTimeout)
    try connection.makeMissing(tables)
    transactionStatements = try TransactionStatements(on: connection)
    for table in tables {
      self.tables[table] = try TableStatements(table, on: connection)
    }
  }

  // The connection goes last: then it closes the file at once, and gives the writer's lock back behind it.
  deinit { letGoOfStatements() }

  /// Runs `routine` in a transaction of its own.
  func transaction<R>(_ routine: (borrowing Storage) throws -> R) throws -> R {
    let transactionStatements = try begin()
    do {
      let result = try routine(Storage(self))
      if let failure { throw failure }
      try transactionStatements.commit.run()
      tendLog()
      return result
    } catch {
      rollBack(with: transactionStatements)
      throw error
    }
  }

  /// Deletes some entries that have expired, as a routine of its own would.
  // Not by `transaction`: Swift 6.3.1 crashes when it optimises that for a type that is known here.
  func sweep(_ table: Table, now: Timestamp, limit: Int) throws(StoreError) -> Int {
    let statements = try begin()
    do throws(StoreError) {
      let count = try write(on: table) { (table) throws(StoreError) in
        try table.deleteExpired(before: now, limit: limit)
      }
      try statements.commit.run()
      tendLog()
      return count
    } catch {
      rollBack(with: statements)
      throw error
    }
  }

  /// Runs a reading routine, in memory, where there is no other connection.
  func read<R: ~Copyable>(_ routine: (borrowing Snapshot) throws -> R) throws -> R {
    if let breakdown { throw breakdown }
    let reader = try ownReader ?? SnapshotReader(on: connection, Array(tables.keys))
    ownReader = reader
    return try reader.read(routine)
  }

  /// After a commit: lets the log not grow without end.
  ///
  /// Snapshots that are too old are ended. And where readers follow each other without a gap, none of which would need
  /// what is old, SQLite finds no moment to use the log anew: then one is made.
  private func tendLog() {
    let now = MonotonicTime.lastTick()
    if now >= nextLook {
      nextLook = now + .seconds(1)
      readers?.endSnapshots(begunBefore: now + (.zero - Store.Limits.snapshotAge))
    }
    // It was begun anew without us.
    if connection.logPages < logPagesForRestart { nextRestart = logPagesForRestart }
    guard connection.logPages >= nextRestart, let readers else { return }
    // The longer the log, the longer it may take: in the end longer than those who read.
    let limit = Duration.microseconds(5 * connection.logPages)
    let isDone = readers.whileNobodyReads(within: limit) {
      connection.restartLog(busyTimeout: busyTimeout)
    }
    nextRestart = isDone ? logPagesForRestart : connection.logPages + logPagesForRestart
  }

  /// Runs the SQL of a verb; `verb` throws only what SQLite failed at.
  func run<R>(
    on table: Table, _ verb: (TableStatements) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    if let failure { throw failure }
    guard let statements = tables[table] else { throw .unknownTable(table) }
    do throws(StoreError) {
      return try verb(statements)
    } catch {
      failure = error
      throw error
    }
  }

  /// Runs the SQL of a verb that writes.
  func write<R>(
    on table: Table, _ verb: (TableStatements) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try run(on: table) { (statements) throws(StoreError) in
      if share == .onlyRead {
        try transactionStatements?.savepoint.run()
        share = .written
      }
      return try verb(statements)
    }
  }

  /// Closes the file, between transactions.
  func close() throws(StoreError) {
    letGoOfStatements()
    try connection.close()
  }

  private func letGoOfStatements() {
    tables = [:]
    ownReader = nil
    transactionStatements = nil
  }

  // MARK: Several routines together

  private func performTogether(_ routines: ArraySlice<Routine>) {
    let statements: TransactionStatements
    do throws(StoreError) {
      statements = try begin()
    } catch {
      for routine in routines { routine.fail(error) }
      return
    }
    defer { share = nil }
    var writers: [Int] = []
    for index in routines.indices {
      let hasThrown = run(routines[index], with: statements)
      if let failure {
        rollBack(with: statements)
        share = nil
        // What it has thrown itself is its error.
        if !hasThrown { routines[index].fail(failure) }
        for done in routines[..<index] { performAlone(done) }
        return perform(routines[(index + 1)...])
      }
      if share == .written, !hasThrown { writers.append(index) }
    }
    do throws(StoreError) {
      try statements.commit.run()
      tendLog()
    } catch {
      rollBack(with: statements)
      share = nil
      for index in writers { routines[index].fail(error) }
      for index in routines.indices where !writers.contains(index) { performAlone(routines[index]) }
    }
  }

  /// Runs one routine of several, with a savepoint if it writes. What SQLite fails at is in `failure`.
  ///
  /// - Returns: Whether it threw.
  private func run(_ routine: Routine, with statements: TransactionStatements) -> Bool {
    failure = nil
    share = .onlyRead
    let hasThrown = routine.run(Storage(self))
    guard failure == nil, share == .written else { return hasThrown }
    do throws(StoreError) {
      if hasThrown { try statements.rollBackToSavepoint.run() }
      try statements.release.run()
    } catch {
      failure = error
    }
    return hasThrown
  }

  private func performAlone(_ routine: Routine) {
    let statements: TransactionStatements
    do throws(StoreError) {
      statements = try begin()
    } catch {
      return routine.fail(error)
    }
    let hasThrown = routine.run(Storage(self))
    if let failure, !hasThrown { routine.fail(failure) }
    guard !hasThrown, failure == nil else { return rollBack(with: statements) }
    do throws(StoreError) {
      try statements.commit.run()
      tendLog()
    } catch {
      rollBack(with: statements)
      routine.fail(error)
    }
  }

  private func begin() throws(StoreError) -> TransactionStatements {
    if let breakdown { throw breakdown }
    guard let transactionStatements else { throw StoreError.closed }
    try transactionStatements.begin.run()
    failure = nil
    return transactionStatements
  }

  private func rollBack(with statements: TransactionStatements) {
    guard connection.isInTransaction else { return }  // SQLite has done it by itself.
    do throws(StoreError) {
      try statements.rollback.run()
    } catch {
      if connection.isInTransaction { breakdown = .rollbackFailed(error) }
    }
  }
}

extension Database: JobRunner {
  func perform(_ routines: [Routine]) { perform(routines[...]) }

  private func perform(_ routines: ArraySlice<Routine>) {
    if routines.count > 1 {
      performTogether(routines)
    } else if let routine = routines.first {
      performAlone(routine)
    }
  }
}

private final class TransactionStatements {
  let begin: SQLiteStatement
  let commit: SQLiteStatement
  let rollback: SQLiteStatement
  let savepoint: SQLiteStatement
  let rollBackToSavepoint: SQLiteStatement
  let release: SQLiteStatement

  init(on connection: SQLiteConnection) throws(StoreError) {
    // IMMEDIATE takes the write lock now: later it might be refused in the middle of the routine.
    begin = try SQLiteStatement("BEGIN IMMEDIATE", on: connection)
    commit = try SQLiteStatement("COMMIT", on: connection)
    rollback = try SQLiteStatement("ROLLBACK", on: connection)
    savepoint = try SQLiteStatement("SAVEPOINT routine", on: connection)
    rollBackToSavepoint = try SQLiteStatement("ROLLBACK TO routine", on: connection)
    release = try SQLiteStatement("RELEASE routine", on: connection)
  }
}
