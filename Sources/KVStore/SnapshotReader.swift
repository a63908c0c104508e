// One connection that reads, and the snapshot that is open on it.
//
// The thread that reads and the one that ends old snapshots never use the connection at the same time: each holds the
// lock while it runs a verb, or ends the snapshot. Who ends one claims it first, by exchanging the time at which it began.
// The reader, when it is done, exchanges that time too. If it comes first, nobody touches what it has ended. If it comes
// second, it waits until the other is done: so a verb is interrupted, which SQLite allows at any time, only in the snapshot
// that is meant.
//
// To begin and end a snapshot takes longer than to read an entry, and locks that all connections of the process share. So
// one that is done stays open: whoever reads next on the connection, within a few milliseconds and before the file has
// changed, reads the same state and begins none.

import CSQLite
import Synchronization
import Threads

/// A connection for one reader at a time.
///
/// The lock is free nearly always: nobody but who ends old snapshots takes it beside the reader.
// @unchecked: see above; `statements` are made and let go of while nobody reads.
final class SnapshotReader: @unchecked Sendable {
  private let connection: SQLiteConnection
  /// `nil` once closed.
  private var statements: Statements?
  /// When the snapshot began, in nanoseconds, or one of ``Mark``.
  private let began = Atomic(Mark.none)
  /// Whether who has claimed the snapshot has ended it.
  private let isEnded = Monitor(false)
  /// The snapshot that is open though nobody reads, or that the reader may leave open.
  private var kept: Kept?

  /// What a kept snapshot is good for.
  private struct Kept {
    /// The number of the state that it shows, see ``ReadPool``.
    let state: Int
    /// Until when it is used. Other programs' commits are not counted, and are seen after this.
    let end: MonotonicTime

    func isUsable(for state: Int?, at now: MonotonicTime) -> Bool {
      self.state == state && now < end
    }
  }

  private enum Mark {
    static var none: Int64 { 0 }
    static var claimed: Int64 { -1 }
  }

  private final class Statements {
    let begin: SQLiteStatement
    let end: SQLiteStatement
    private let tables: [Table: TableReads]
    /// The table that was read last, and its statements.
    private var last: (table: Table, reads: TableReads)?

    init(on connection: SQLiteConnection, _ tables: [Table]) throws(StoreError) {
      begin = try SQLiteStatement("BEGIN", on: connection)
      end = try SQLiteStatement("COMMIT", on: connection)
      var reads: [Table: TableReads] = [:]
      for table in tables { reads[table] = try TableReads(table, on: connection) }
      self.tables = reads
    }

    /// What reads a table; `nil` if there is none of that name.
    func reads(_ table: Table) -> TableReads? {
      // Most ask for one again and again, and to compare two names costs a sixth of looking one up.
      if let last, last.table == table { return last.reads }
      guard let reads = tables[table] else { return nil }
      last = (table, reads)
      return reads
    }
  }

  init(on connection: SQLiteConnection, _ tables: [Table]) throws(StoreError) {
    self.connection = connection
    statements = try Statements(on: connection, tables)
  }

  /// Runs a routine that reads one state of the tables: that of its first verb, or one that was kept.
  ///
  /// - Parameter state: The number of the newest state; then the snapshot may be kept afterwards, for those who come while
  ///   it is the newest. `nil` if it is to be a new one that ends with the routine.
  // Not inlined: Swift 6.3.1 crashes when it does that where the result cannot be copied.
  @inline(never) func read(
    of state: Int? = nil, _ routine: (borrowing Snapshot) throws -> Void
  ) throws {
    guard let statements else { throw StoreError.closed }
    let now = MonotonicTime.lastTick()
    if kept?.isUsable(for: state, at: now) != true {
      letGoOfKept()
      try statements.begin.run()
      kept = state.map { Kept(state: $0, end: now + Store.Limits.snapshotReuse) }
    }
    began.store(now.nanoseconds, ordering: .releasing)
    var hasReturned = false
    defer { finish(since: now.nanoseconds, keeping: hasReturned) }
    try routine(Snapshot(self))
    hasReturned = true
  }

  private func finish(since time: Int64, keeping mayKeep: Bool) {
    let (isOurs, _) = began.compareExchange(
      expected: time, desired: Mark.none, ordering: .acquiringAndReleasing)
    // SQLite may have ended it, with an error that the routine has caught.
    if isOurs, mayKeep, kept != nil, connection.isInTransaction { return }
    kept = nil
    if isOurs { return endTransaction() }
    _ = isEnded.wait { isEnded -> Bool? in
      guard isEnded else { return nil }
      isEnded = false
      return true
    }
    began.store(Mark.none, ordering: .releasing)
  }

  /// Ends the snapshot that was kept, when nobody reads, unless it shows this state.
  ///
  /// - Returns: Whether it has ended one.
  @discardableResult
  func letGoOfKept(unlessOf state: Int? = nil) -> Bool {
    guard let kept, kept.state != state else { return false }
    self.kept = nil
    endTransaction()
    return true
  }

  /// Whether it can be lent again: not if its transaction could not be ended.
  var isUsable: Bool { kept != nil || !connection.isInTransaction }

  private func endTransaction() {
    do throws(StoreError) { try statements?.end.run() } catch {}
  }

  /// Runs the SQL of a verb.
  private func run<R>(
    on table: Table, _ verb: (TableReads) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try isEnded.withLock { isEnded throws(StoreError) in
      if began.load(ordering: .acquiring) == Mark.claimed { throw .snapshotTooOld }
      guard let reads = statements?.reads(table) else { throw .unknownTable(table) }
      do throws(StoreError) {
        return try verb(reads)
      } catch {
        throw error.isInterrupt ? .snapshotTooOld : error
      }
    }
  }

  /// Closes the connection, when nobody reads.
  func close() {
    letGoOfKept()
    statements = nil
    // It has written nothing that could be lost.
    do throws(StoreError) { try connection.close() } catch {}
  }

  /// Since when there is a snapshot.
  var snapshotBegan: MonotonicTime? {
    let time = began.load(ordering: .acquiring)
    return time == Mark.none || time == Mark.claimed ? nil : MonotonicTime(nanoseconds: time)
  }

  /// Ends the snapshot if there is one that began before `deadline`: at once, or with the verb that is running.
  ///
  /// - Returns: Whether there was one.
  func endSnapshot(begunBefore deadline: MonotonicTime) -> Bool {
    guard let time = snapshotBegan, time < deadline else { return false }
    let (isOurs, _) = began.compareExchange(
      expected: time.nanoseconds, desired: Mark.claimed, ordering: .acquiringAndReleasing)
    guard isOurs else { return false }
    connection.interrupt()
    isEnded.withLock { isEnded in
      endTransaction()
      isEnded = true
    }
    isEnded.wakeAll()
    return true
  }
}

extension SnapshotReader: ReadTransaction {
  func row(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Row? {
    try run(on: table) { (table) throws(StoreError) in try table.row(key, now: now) }
  }

  func count(_ table: Table, _ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int {
    try run(on: table) { (table) throws(StoreError) in try table.count(range, now: now) }
  }

  func fill(
    _ rows: inout [Row], from table: Table, _ range: KeyRange, after cursor: String?,
    backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> String? {
    try run(on: table) { (table) throws(StoreError) in
      try table.fill(&rows, range, after: cursor, backwards: backwards, limit: limit, now: now)
    }
  }

  func keys(_ table: Table) throws(StoreError) -> [String] {
    try run(on: table) { (table) throws(StoreError) in try table.keys() }
  }
}
