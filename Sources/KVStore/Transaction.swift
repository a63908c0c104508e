// What an engine does for the verbs of a routine.
//
// `Storage` and `Snapshot` check what they are given and say what went wrong; what they ask of an engine is here. So a
// routine runs unchanged on any engine that has these functions. The first, SQLite, has them in `Database` and
// `SnapshotReader`.
//
// What they throw is a failure of the engine, after which the transaction comes to nothing; a refusal is a result. In all
// of them `now` is the time before which entries have expired; without it none have.

/// A transaction that reads. Keys are in the order of their bytes.
protocol ReadTransaction: AnyObject {
  /// The entry under the key, unless it expired before `now`.
  func row(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Row?
  /// How many entries the range has.
  func count(_ table: Table, _ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int
  /// Makes `rows` some rows of the range, as ``StorageReader/scan(_:in:after:backwards:limit:now:)`` has it, and uses the
  /// memory of those that were in it; returns where to go on.
  func fill(
    _ rows: inout [Row], from table: Table, _ range: KeyRange, after cursor: String?,
    backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> String?
  /// Every key.
  func keys(_ table: Table) throws(StoreError) -> [String]
}

extension ReadTransaction {
  func page(
    _ table: Table, _ range: KeyRange, after cursor: String?, backwards: Bool, limit: Int,
    now: Timestamp?
  ) throws(StoreError) -> Page {
    var page = Page(rows: [], cursor: nil)
    page.cursor = try fill(
      &page.rows, from: table, range, after: cursor, backwards: backwards, limit: limit, now: now)
    return page
  }

  func forEach(
    _ table: Table, _ range: KeyRange, backwards: Bool, now: Timestamp?,
    _ body: (Row) throws -> Bool
  ) throws {
    var rows: [Row] = []
    var cursor: String?
    repeat {
      cursor = try fill(
        &rows, from: table, range, after: cursor, backwards: backwards, limit: 256, now: now)
      for row in rows where try !body(row) { return }
    } while cursor != nil
  }
}

/// A transaction that writes too, and reads what it has written.
protocol WriteTransaction: ReadTransaction {
  /// Adds an entry with counter 0 where there is none, or one that expired before `now`; returns whether it did.
  func insert(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?, now: Timestamp?
  ) throws(StoreError) -> Bool
  /// Changes an entry that has this counter, which rises by 1; returns whether there was one.
  func update(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64,
    expiresAt: Timestamp?
  ) throws(StoreError) -> Bool
  /// Adds or changes an entry; returns its counter, or `nil`, and nothing is changed, if that cannot rise.
  func upsert(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?
  ) throws(StoreError) -> Int64?
  /// Makes the entry under the row's key what the row is.
  func restore(_ table: Table, _ row: Row) throws(StoreError)
  /// Deletes an entry, expired or not; returns whether there was one.
  func delete(_ table: Table, _ key: String) throws(StoreError) -> Bool
  /// Deletes every entry of the range, expired or not; returns how many.
  func delete(_ table: Table, _ range: KeyRange) throws(StoreError) -> Int
  /// Deletes some of the entries that expired before `now`; returns how many.
  func deleteExpired(
    _ table: Table, before now: Timestamp, limit: Int
  ) throws(StoreError) -> Int
}
