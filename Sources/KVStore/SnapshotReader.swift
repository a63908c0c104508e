// One connection that reads, and the snapshot that is open on it.
//
// The thread that reads and the one that ends old snapshots never use the connection at the same time: each holds the
// lock while it does. A verb that takes long is interrupted, which SQLite allows at any time, and then ends its snapshot
// itself.

import Synchronization
import Threads

/// A connection for one reader at a time.
///
/// The lock is free nearly always: it is taken for each verb, and by whoever ends snapshots that are too old.
// @unchecked: the connection and its statements are used under the lock only.
final class SnapshotReader: @unchecked Sendable {
  private let connection: SQLiteConnection
  /// `nil` once closed.
  private var statements: Statements?
  private let lock = Monitor(State.closed)
  /// Held while the connection is interrupted, which is when `lock` is not to be had.
  private let isClosed = Monitor(false)
  /// When the snapshot began, in nanoseconds; 0 while there is none.
  private let began = Atomic<Int64>(0)

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

  private enum State {
    /// No snapshot.
    case closed
    case open
    /// Somebody has ended the snapshot, whose reader does not know it yet.
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
    began.store(MonotonicTime.lastTick().nanoseconds, ordering: .relaxed)
    defer { finish() }
    return try routine(Snapshot(self))
  }

  private func finish() {
    began.store(0, ordering: .relaxed)
    lock.withLock { state in
      if state == .open { endTransaction() }
      state = .closed
    }
  }

  /// Whether it can be lent again.
  var isUsable: Bool { !connection.isInTransaction }

  /// Does not end it if it is interrupted, which shows in ``isUsable``.
  private func endTransaction() {
    do throws(StoreError) { try statements?.end.run() } catch {}
  }

  /// Runs the SQL of a verb.
  func run<R>(
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

  /// Since when there is a snapshot.
  var openSince: MonotonicTime? {
    let began = began.load(ordering: .relaxed)
    return began > 0 ? MonotonicTime(nanoseconds: began) : nil
  }

  /// Ends the snapshot if there is one that began before `deadline`: at once, or with the verb that is running.
  func endSnapshot(begunBefore deadline: MonotonicTime) {
    guard let openSince, openSince < deadline else { return }
    isClosed.withLock { isClosed in
      if !isClosed { connection.interrupt() }
    }
    lock.withLock { state in
      guard state == .open, let openSince = self.openSince, openSince < deadline else { return }
      endTransaction()
      state = .ended
    }
  }

  /// Closes the connection, when nobody reads.
  func close() {
    isClosed.withLock { $0 = true }
    lock.withLock { _ in
      statements = nil
      // Nothing was written that could be lost.
      do throws(StoreError) { try connection.close() } catch {}
    }
  }
}
