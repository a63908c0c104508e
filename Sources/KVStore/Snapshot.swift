// What a reading routine is given.

/// The tables as they were at one moment, for as long as a `read` runs.
///
/// It cannot be copied, kept or handed to another thread; the compiler sees to it. It has the verbs that read and no
/// others: a routine that tries to write does not compile.
///
/// Whoever writes meanwhile does not wait for it, and it sees nothing of that. But the file's log keeps what a snapshot
/// needs, so one that is older than ``Store/Limits/snapshotAge`` is ended when others write: its verbs then throw
/// `.snapshotTooOld`.
public struct Snapshot: ~Copyable, StorageReader {
  private let transaction: any ReadTransaction

  init(_ transaction: any ReadTransaction) { self.transaction = transaction }

  /// See ``StorageReader/get(_:_:now:)``.
  public borrowing func get(
    _ table: Table, _ key: String, now: Timestamp?
  ) throws(StoreError) -> Entry? {
    try transaction.row(table, key, now: now)?.entry
  }

  /// See ``StorageReader/count(_:in:now:)``.
  public borrowing func count(
    _ table: Table, in range: KeyRange, now: Timestamp?
  ) throws(StoreError) -> Int {
    try transaction.count(table, range, now: now)
  }

  /// See ``StorageReader/scan(_:in:after:backwards:limit:now:)``.
  public borrowing func scan(
    _ table: Table, in range: KeyRange, after cursor: String?, backwards: Bool, limit: Int,
    now: Timestamp?
  ) throws(StoreError) -> Page {
    try transaction.page(
      table, range, after: cursor, backwards: backwards, limit: limit, now: now)
  }

  /// See ``StorageReader/forEach(_:in:backwards:now:_:)``.
  public borrowing func forEach(
    _ table: Table, in range: KeyRange, backwards: Bool, now: Timestamp?,
    _ body: (Row) throws -> Bool
  ) throws {
    try transaction.forEach(table, range, backwards: backwards, now: now, body)
  }

  /// See ``StorageReader/listKeys(_:)``.
  public borrowing func listKeys(_ table: Table) throws(StoreError) -> [String] {
    try transaction.keys(table)
  }
}
