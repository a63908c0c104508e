// The verbs of a routine.

/// What a routine reads and changes tables with, for as long as it runs.
///
/// It cannot be copied, kept or handed to another thread; the compiler sees to it. Functions that
/// take part in a routine take it as `borrowing Storage`.
///
/// A verb that refuses (`.entryExists`, `.staleCounter`, `.invalidKey`, …) leaves the transaction
/// as it was: catch the error and go on. After a failure of SQLite's (`.full`, `.ioError`, …) every
/// verb throws it again, and so does `execute` if the routine does not.
///
/// Expiry is wall time that the caller gives. An entry has expired when `now` is *after* its
/// expiry; an expiry of 0 or less is none. Expired entries stay in the table until they are deleted
/// or replaced, or removed by the store: see ``StoreConfiguration/removesExpired``.
public struct Storage: ~Copyable, StorageReader {
  private let transaction: any WriteTransaction

  init(_ transaction: any WriteTransaction) { self.transaction = transaction }

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

  /// Stores a new entry, with counter 0; it expires after `expiresAt`, or never.
  ///
  /// An entry that expired before `now` is replaced. Without `now` any entry is in the way.
  ///
  /// - Throws: `.entryExists`; `.alreadyExpired` if the new entry would have expired before `now`.
  public borrowing func add(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp? = nil,
    now: Timestamp? = nil
  ) throws(StoreError) {
    try checkKey(key)
    try checkValue(value)
    if let now, let expiresAt, expiresAt > 0, now > expiresAt {
      throw .alreadyExpired(expiresAt: expiresAt, now: now)
    }
    let added = try transaction.insert(table, key, value, expiresAt: expiresAt, now: now)
    if !added { throw .entryExists(table: table, key: key) }
  }

  /// Changes an entry that nobody has changed since it was read, and adds 1 to its counter.
  ///
  /// `counter` is the one it had then. The old expiry does not matter, and does not stay: from now
  /// on the entry expires after `expiresAt`, or never.
  ///
  /// - Throws: `.staleCounter` if the entry has another counter, or is gone.
  public borrowing func update(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64,
    expiresAt: Timestamp? = nil
  ) throws(StoreError) {
    guard try tryUpdate(table, key, value, ifCounter: counter, expiresAt: expiresAt) else {
      throw .staleCounter(table: table, key: key, expected: counter)
    }
  }

  /// Changes an entry as ``update(_:_:_:ifCounter:expiresAt:)-(_,_,[UInt8],_,_)`` does.
  ///
  /// - Returns: `false`, and nothing is changed, if the entry has another counter, or is gone.
  public borrowing func tryUpdate(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64,
    expiresAt: Timestamp? = nil
  ) throws(StoreError) -> Bool {
    try checkKey(key)
    try checkValue(value)
    let updated = try transaction.update(
      table, key, value, ifCounter: counter, expiresAt: expiresAt)
    if !updated, counter == .max, try get(table, key)?.counter == counter {
      throw .counterExhausted(table: table, key: key)
    }
    return updated
  }

  /// Stores an entry whatever was there: a new one gets counter 0, any other adds 1 to its own.
  ///
  /// The old expiry does not matter, and does not stay: from now on the entry expires after
  /// `expiresAt`, or never.
  ///
  /// - Returns: The entry's counter: 0 if there was none before.
  @discardableResult
  public borrowing func overwrite(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp? = nil
  ) throws(StoreError) -> Int64 {
    try checkKey(key)
    try checkValue(value)
    let counter = try transaction.upsert(table, key, value, expiresAt: expiresAt)
    guard let counter else { throw .counterExhausted(table: table, key: key) }
    return counter
  }

  /// Stores an entry as it is, with its counter, in the place of any that is under its key.
  ///
  /// It is for what was exported from a store, which is to be the same again. Whoever else reads the table may hold a
  /// counter of the entry that is replaced, so do it before others use the table.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - row: The entry. Its counter is not negative.
  /// - Throws: ``StoreError``: `.invalidKey`, `.valueTooLarge`; what SQLite fails at.
  public borrowing func restore(_ table: Table, _ row: Row) throws(StoreError) {
    precondition(row.counter >= 0, "a counter is not negative")
    try checkKey(row.key)
    try checkValue(row.value)
    try transaction.restore(table, row)
  }

  /// Deletes an entry, expired or not; added again, its counter starts at 0.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  public borrowing func delete(_ table: Table, _ key: String) throws(StoreError) -> Bool {
    try transaction.delete(table, key)
  }

  /// The entry with its expiry; `nil` if there is none, or if it expired before `now`.
  borrowing func row(
    _ table: Table, _ key: String, now: Timestamp?
  ) throws(StoreError) -> Row? {
    try transaction.row(table, key, now: now)
  }

  /// Deletes the entries of a range, expired or not.
  ///
  /// - Returns: How many there were.
  @discardableResult
  public borrowing func delete(
    _ table: Table, in range: KeyRange
  ) throws(StoreError) -> Int {
    try transaction.delete(table, range)
  }

  /// Deletes entries that expired before `now`, in no particular order.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - now: The time.
  ///   - limit: How many at most; less than 1 counts as 1.
  /// - Returns: How many there were; `limit` if there may be more.
  @discardableResult
  public borrowing func sweep(
    _ table: Table, now: Timestamp, limit: Int = 100
  ) throws(StoreError) -> Int {
    try transaction.deleteExpired(table, before: now, limit: max(1, limit))
  }

  /// Deletes every entry of the table.
  public borrowing func clear(_ table: Table) throws(StoreError) {
    _ = try transaction.delete(table, .all)
  }
}
