// One connection that reads, and the snapshot that is open on it.
//
// The thread that reads and the one that ends old snapshots never use the connection at the same time: each holds the
// lock while it does. A verb that takes long is interrupted, which SQLite allows at any time, and then ends its snapshot
// itself. The times of a snapshot have a lock of their own, which is held while interrupting: so it can only hit the
// snapshot that it is meant for.

import CSQLite
import Threads

/// A connection for one reader at a time.
///
/// Both locks are free nearly always: nobody but who ends old snapshots takes them beside the reader.
// @unchecked: the connection and its statements are used under the lock only.
final class SnapshotReader: @unchecked Sendable {
  private let connection: SQLiteConnection
  /// `nil` once closed.
  private var statements: Statements?
  private let lock = Monitor(State.none)
  /// Since when there is a snapshot.
  private let began = Monitor<MonotonicTime?>(nil)

  private final class Statements {
    let begin: SQLiteStatement
    let end: SQLiteStatement
    private(set) var tables: [Table: TableReads] = [:]

    init(on connection: SQLiteConnection, _ tables: [Table]) throws(StoreError) {
      begin = try SQLiteStatement("BEGIN", on: connection)
      end = try SQLiteStatement("COMMIT", on: connection)
      for table in tables { self.tables[table] = try TableReads(table, on: connection) }
    }
  }

  /// What there is of a snapshot.
  private enum State {
    case none
    case open
    /// Somebody has ended it, which its reader does not know yet.
    case ended
  }

  init(on connection: SQLiteConnection, _ tables: [Table]) throws(StoreError) {
    self.connection = connection
    statements = try Statements(on: connection, tables)
  }

  /// Runs a routine that reads one state of the tables: that of its first verb.
  func read<R: ~Copyable>(_ routine: (borrowing Snapshot) throws -> R) throws -> R {
    try lock.withLock { state throws(StoreError) in
      guard let statements else { throw .closed }
      try statements.begin.run()
      state = .open
    }
    began.withLock { $0 = .lastTick() }
    defer { finish() }
    return try routine(Snapshot(self))
  }

  private func finish() {
    began.withLock { $0 = nil }
    lock.withLock { state in
      if state == .open { endTransaction() }
      state = .none
    }
  }

  /// Whether it can be lent again: not if its transaction could not be ended.
  var isUsable: Bool { !connection.isInTransaction }

  private func endTransaction() {
    do throws(StoreError) { try statements?.end.run() } catch {}
  }

  /// Runs the SQL of a verb.
  private func run<R>(
    on table: Table, _ verb: (TableReads) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try lock.withLock { state throws(StoreError) in
      guard state == .open else { throw .snapshotTooOld }
      guard let reads = statements?.tables[table] else { throw .unknownTable(table) }
      do throws(StoreError) {
        return try verb(reads)
      } catch {
        guard error.isInterrupt else { throw error }
        endTransaction()
        state = .ended
        throw .snapshotTooOld
      }
    }
  }

  /// Closes the connection, when nobody reads.
  func close() {
    lock.withLock { _ in
      statements = nil
      // It has written nothing that could be lost.
      do throws(StoreError) { try connection.close() } catch {}
    }
  }

  /// Since when there is a snapshot.
  var snapshotBegan: MonotonicTime? { began.withLock { $0 } }

  /// Ends the snapshot if there is one that began before `deadline`: at once, or with the verb that is running.
  ///
  /// - Returns: Whether there was one.
  func endSnapshot(begunBefore deadline: MonotonicTime) -> Bool {
    guard isOpen(since: deadline, then: connection.interrupt) else { return false }
    lock.withLock { state in
      guard state == .open, isOpen(since: deadline, then: {}) else { return }
      endTransaction()
      state = .ended
    }
    return true
  }

  /// Whether there is a snapshot that began before `deadline`; it does not end while `action` runs.
  private func isOpen(since deadline: MonotonicTime, then action: () -> Void) -> Bool {
    began.withLock { began in
      guard let began, began < deadline else { return false }
      action()
      return true
    }
  }
}

extension SnapshotReader: ReadTransaction {
  func row(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Row? {
    try run(on: table) { (table) throws(StoreError) in try table.row(key, now: now) }
  }

  func count(_ table: Table, _ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int {
    try run(on: table) { (table) throws(StoreError) in try table.count(range, now: now) }
  }

  func page(
    _ table: Table, _ range: KeyRange, after cursor: String?, backwards: Bool, limit: Int,
    now: Timestamp?
  ) throws(StoreError) -> Page {
    try run(on: table) { (table) throws(StoreError) in
      try table.page(range, after: cursor, backwards: backwards, limit: limit, now: now)
    }
  }

  func keys(_ table: Table) throws(StoreError) -> [String] {
    try run(on: table) { (table) throws(StoreError) in try table.keys() }
  }
}
