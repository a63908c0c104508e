// Runs routines as transactions: all of one is stored, or nothing.
//
// A routine that comes alone has a transaction of its own. Several that wait share one, and the commit, which is what
// takes time. Each that writes has a savepoint in it, so that one that throws takes back its own changes only.
//
// Routines that share a transaction see what those before them wrote, which is not stored yet. If it comes to nothing,
// because SQLite ended the transaction or the commit failed, then what they saw never was: so all but those to blame run
// again, each alone. Nobody was told anything before.

import Threads

extension Database {
  /// Runs `routine` in a transaction of its own.
  func transaction(_ routine: (borrowing Storage) throws -> Void) throws {
    let rehearsal = configuration.rehearsesRoutines ? try rehearse(routine) : nil
    let statements = try begin()
    do {
      let error = runTimed(routine)
      try rehearsal?.compare(writes: written.writes, error: error)
      if let error = error ?? failure { throw error }
      try commit(with: statements, routines: 1)
    } catch {
      rollBack(with: statements)
      throw error
    }
  }

  /// Runs it, and takes back what it did.
  private func rehearse(_ routine: (borrowing Storage) throws -> Void) throws -> Rehearsal {
    let statements = try begin()
    defer { rollBack(with: statements) }
    let error = runTimed(routine)
    // Before it is taken back.
    return Rehearsal(writes: written.writes, error: error)
  }

  /// Deletes some entries that have expired, as a routine of its own would; returns how many.
  func sweep(_ table: Table, before now: Timestamp, limit: Int) throws(StoreError) -> Int {
    try alone { () throws(StoreError) in try deleteExpired(table, before: now, limit: limit) }
  }

  /// What is to be done when nobody uses the store: deletes some of what has expired, or gives free pages back.
  ///
  /// - Returns: Whether there is more of it.
  func tidy() -> Bool {
    readers?.letGoOfKept()
    do throws(StoreError) {
      guard configuration.removesExpired, transactionStatements != nil else { return false }
      if expiry.isDue, try sweepAlone() { return true }
      return try connection.giveBackPagesIfMany()
    } catch {
      expiry.wait()
      return false
    }
  }

  /// Deletes some of what has expired; returns whether there may be more.
  private func sweepAlone() throws(StoreError) -> Bool {
    let (table, time) = expiry.next
    failure = nil
    // Most times there is none, and then nothing is locked.
    guard try hasExpired(table, in: time) else { return expiry.stepFound(0) }
    return expiry.stepFound(try alone { () throws(StoreError) in try sweepStep(table, time) })
  }

  private func sweepStep(_ table: Table, _ time: Range<Timestamp>) throws(StoreError) -> Int {
    removed = try deleteExpired(table, in: time, limit: ExpirySweep.entriesPerStep)
    return removed
  }

  /// Runs verbs in a transaction of their own.
  private func alone(
    _ verbs: () throws(StoreError) -> Int
  ) throws(StoreError) -> Int {
    let statements = try begin(sweeping: false)
    do throws(StoreError) {
      let result = try verbs()
      try commit(with: statements, routines: 0)
      return result
    } catch {
      rollBack(with: statements)
      throw error
    }
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
      run(routines[index], with: statements)
      if failure != nil {
        rollBack(with: statements)
        share = nil
        for done in routines[..<index] { performAlone(done) }
        return perform(routines[(index + 1)...])
      }
      if share == .written { writers.append(index) }
    }
    do throws(StoreError) {
      try commit(with: statements, routines: routines.count)
    } catch {
      rollBack(with: statements)
      share = nil
      for index in writers { routines[index].fail(error) }
      for index in routines.indices where !writers.contains(index) { performAlone(routines[index]) }
    }
  }

  /// Runs one routine of several, with a savepoint if it writes. What SQLite fails at is in `failure`.
  private func run(_ routine: Routine, with statements: TransactionStatements) {
    failure = nil
    share = .onlyRead
    let before = written.mark
    let error = runTimed(routine.run)
    if let error = error ?? failure { routine.fail(error) }
    guard failure == nil, share == .written else { return }
    do throws(StoreError) {
      if error != nil {
        try statements.rollBackToSavepoint.run()
        written.goBack(to: before)
        share = .onlyRead
      }
      try statements.release.run()
    } catch {
      routine.fail(error)
      failure = error
    }
  }

  private func performAlone(_ routine: Routine) {
    do {
      try transaction(routine.run)
    } catch {
      routine.fail(error)
    }
  }

  // MARK: Steps

  private func begin(sweeping: Bool = true) throws(StoreError) -> TransactionStatements {
    if let breakdown { throw breakdown }
    guard let statements = transactionStatements else { throw StoreError.closed }
    try begin(with: statements)
    // A rehearsal compares what two transactions do.
    guard sweeping, expiry.isDue, !configuration.rehearsesRoutines else { return statements }
    do throws(StoreError) {
      let (table, time) = expiry.next
      expiry.stepFound(try sweepStep(table, time))
    } catch {
      // It is not to stand in anybody's way.
      expiry.wait()
      rollBack(with: statements)
      try begin(with: statements)
    }
    return statements
  }

  private func begin(with statements: TransactionStatements) throws(StoreError) {
    letReadersGo()
    do throws(StoreError) {
      try statements.begin.run()
    } catch {
      // It may be that the log has to be put in order, for which nobody may read.
      readers?.letGoOfKept()
      throw error
    }
    changesBefore = connection.totalChanges
    failure = nil
    deadline = .distantFuture
    removed = 0
    written = WriteRecord(
      for: configuration.rehearsesRoutines
        ? .rehearsal : feed.isWatched ? .observers : .nobody)
  }

  /// Runs it, and returns what it throws.
  private func runTimed(_ routine: (borrowing Storage) throws -> Void) -> (any Error)? {
    let start = MonotonicTime.now()
    if let limit = configuration.routineTimeLimit {
      deadline = start + limit
      connection.setDeadline(deadline)
    }
    defer {
      if configuration.routineTimeLimit != nil {
        deadline = .distantFuture
        connection.setDeadline(.distantFuture)
      }
      let duration = MonotonicTime.now() - start
      activity.withLock { activity in
        activity.routines += 1
        activity.routineTimes.add(duration)
      }
      if duration > configuration.slowRoutine { report(SlowRoutine(duration: duration)) }
    }
    routineThread.begin()
    defer { routineThread.end() }
    do {
      try routine(Storage(self))
      return nil
    } catch {
      return error
    }
  }

  private func commit(
    with statements: TransactionStatements, routines: Int
  ) throws(StoreError) {
    let start = MonotonicTime.now()
    do throws(StoreError) {
      try runCommit(with: statements)
    } catch {
      throw error.ofCommit
    }
    noteCommit(of: routines, took: MonotonicTime.now() - start)
    feed.publish(written)
    forgetWritten()
    guard let readers else { return }
    let ended = log.tend(connection, readers: readers)
    if ended > 0 { activity.withLock { $0.endedSnapshots += ended } }
  }

  private func runCommit(with statements: TransactionStatements) throws(StoreError) {
    // Nothing changes where nothing was written.
    guard let readers, connection.totalChanges != changesBefore else {
      try statements.commit.run()
      return
    }
    try readers.whileChanging { () throws(StoreError) -> Void in
      letReadersGo()
      try statements.commit.run()
    }
  }

  /// Before the log may be used anew, which is when a transaction begins, or be copied, which is when it is committed.
  private func letReadersGo() {
    if let readers, log.isLong(connection) { readers.letGoOfKept() }
  }

  private func noteCommit(of routines: Int, took duration: Duration) {
    let now = MonotonicTime.lastTick()
    let cache = now >= nextCacheCount ? connection.cacheCounts() : nil
    if cache != nil { nextCacheCount = now + .seconds(1) }
    activity.withLock { activity in
      activity.removedEntries += removed
      if let cache { (activity.cacheHits, activity.cacheMisses) = (cache.hits, cache.misses) }
      guard routines > 0 else { return }
      activity.commits += 1
      activity.committedRoutines += routines
      activity.commitTimes.add(duration)
    }
  }

  /// So that nothing is kept in memory that nobody needs.
  private func forgetWritten() { written = WriteRecord(for: .nobody) }

  private func rollBack(with statements: TransactionStatements) {
    forgetWritten()
    // What has failed may have left the log in disorder, too.
    readers?.whileChanging { _ = readers?.letGoOfKept() }
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
    if routines.count > 1, !configuration.rehearsesRoutines {
      performTogether(routines)
    } else {
      for routine in routines { performAlone(routine) }
    }
  }
}

/// The statements that begin and end transactions.
final class TransactionStatements {
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
