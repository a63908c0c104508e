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
    do throws(StoreError) {
      guard expiry.isDue else { return false }
      let (table, time) = expiry.next
      var count = 0
      failure = nil
      // Most times there is none, and then nothing is locked.
      if try hasExpired(table, in: time) {
        count = try alone { () throws(StoreError) in
          try deleteExpired(table, in: time, limit: ExpirySweep.entriesPerStep)
        }
      }
      noteRemoved(count)
      return expiry.stepFound(count) ? true : try connection.giveBackPagesIfMany()
    } catch {
      expiry.wait()
      return false
    }
  }

  /// Runs verbs in a transaction of their own.
  private func alone(
    _ verbs: () throws(StoreError) -> Int
  ) throws(StoreError) -> Int {
    let statements = try begin()
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
    let before = written.writes.count
    let error = runTimed(routine.run)
    if let error = error ?? failure { routine.fail(error) }
    guard failure == nil, share == .written else { return }
    do throws(StoreError) {
      if error != nil {
        try statements.rollBackToSavepoint.run()
        written.forget(allBut: before)
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

  private func begin() throws(StoreError) -> TransactionStatements {
    if let breakdown { throw breakdown }
    guard let transactionStatements else { throw StoreError.closed }
    try begin(with: transactionStatements)
    if expiry.isDue {
      do throws(StoreError) {
        let (table, time) = expiry.next
        let count = try deleteExpired(table, in: time, limit: ExpirySweep.entriesPerStep)
        noteRemoved(count)
        expiry.stepFound(count)
      } catch {
        // It is not to stand in anybody's way.
        expiry.wait()
        rollBack(with: transactionStatements)
        try begin(with: transactionStatements)
      }
    }
    return transactionStatements
  }

  private func begin(with statements: TransactionStatements) throws(StoreError) {
    try statements.begin.run()
    failure = nil
    deadline = .distantFuture
    written = WriteRecord(
      isKept: feed.isWatched || configuration.rehearsesRoutines, limit: Store.Limits.keptChanges)
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
      try statements.commit.run()
    } catch {
      throw error.ofCommit
    }
    let duration = MonotonicTime.now() - start
    let cache = start >= nextCacheCount ? connection.cacheCounts() : nil
    if cache != nil { nextCacheCount = start + .seconds(1) }
    activity.withLock { activity in
      activity.commits += 1
      activity.committedRoutines += routines
      activity.commitTimes.add(duration)
      if let cache { (activity.cacheHits, activity.cacheMisses) = (cache.hits, cache.misses) }
    }
    feed.publish(written)
    guard let readers else { return }
    let ended = log.tend(connection, readers: readers)
    if ended > 0 { activity.withLock { $0.endedSnapshots += ended } }
  }

  private func rollBack(with statements: TransactionStatements) {
    guard connection.isInTransaction else { return }  // SQLite has done it by itself.
    do throws(StoreError) {
      try statements.rollback.run()
    } catch {
      if connection.isInTransaction { breakdown = .rollbackFailed(error) }
    }
  }

  private func noteRemoved(_ count: Int) {
    if count > 0 { activity.withLock { $0.removedEntries += count } }
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
