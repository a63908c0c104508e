// The verbs that read, the same in both kinds of routine.

/// What routines read with: ``Storage`` in `execute`, ``Snapshot`` in `read`.
///
/// Functions that only read take a `borrowing some StorageReader & ~Copyable`, and serve in both.
public protocol StorageReader: ~Copyable {
  /// The entry under `key`, or `nil` if there is none, or if it expired before `now`.
  ///
  /// Without `now` an expired entry is given like any other.
  borrowing func get(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Entry?

  /// How many entries the range has; with `now` those that expired before it are left out.
  ///
  /// It looks at each of them.
  borrowing func count(
    _ table: Table, in range: KeyRange, now: Timestamp?
  ) throws(StoreError) -> Int

  /// Some rows of a range in the order of their keys' bytes, or backwards.
  ///
  /// ```swift
  /// var cursor: String?
  /// repeat {
  ///   let page = try store.read { try $0.scan("users", in: .prefix("a"), after: cursor, limit: 100) }
  ///   …
  ///   cursor = page.cursor
  /// } while cursor != nil
  /// ```
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - range: Which keys.
  ///   - cursor: Goes on behind this key, or before it if backwards, whether it is still there or not.
  ///   - backwards: Whether to begin with the last key.
  ///   - limit: How many rows at most; less than 1 counts as 1. A page ends earlier when its keys and values come to
  ///     ``Store/Limits/pageLengthInBytes``.
  ///   - now: Leaves out entries that expired before it; without, none are.
  borrowing func scan(
    _ table: Table, in range: KeyRange, after cursor: String?, backwards: Bool, limit: Int,
    now: Timestamp?
  ) throws(StoreError) -> Page

  /// Gives `body` one row after the other, however many there are, at constant memory.
  ///
  /// In a routine that changes the table meanwhile it sees what is behind the row it is at.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - range: Which keys.
  ///   - backwards: Whether to begin with the last key.
  ///   - now: Leaves out entries that expired before it; without, none are.
  ///   - body: Returns whether to go on.
  borrowing func forEach(
    _ table: Table, in range: KeyRange, backwards: Bool, now: Timestamp?,
    _ body: (Row) throws -> Bool
  ) throws

  /// All keys of the table, those of expired entries too, in the order of their UTF-8 bytes.
  borrowing func listKeys(_ table: Table) throws(StoreError) -> [String]
}

extension StorageReader where Self: ~Copyable {
  /// The entry under `key`, or `nil` if there is none; expired or not.
  public borrowing func get(_ table: Table, _ key: String) throws(StoreError) -> Entry? {
    try get(table, key, now: nil)
  }

  /// The entries under several keys, in their order; `nil` for each that is missing or expired before `now`.
  public borrowing func getMany(
    _ table: Table, _ keys: [String], now: Timestamp? = nil
  ) throws(StoreError) -> [Entry?] {
    var entries: [Entry?] = []
    entries.reserveCapacity(keys.count)
    for key in keys { entries.append(try get(table, key, now: now)) }
    return entries
  }

  /// How many entries the range has, expired ones too.
  public borrowing func count(
    _ table: Table, in range: KeyRange = .all
  ) throws(StoreError) -> Int {
    try count(table, in: range, now: nil)
  }

  /// Some rows of a range; see ``StorageReader/scan(_:in:after:backwards:limit:now:)``.
  public borrowing func scan(
    _ table: Table, in range: KeyRange = .all, after cursor: String? = nil,
    backwards: Bool = false, limit: Int, now: Timestamp? = nil
  ) throws(StoreError) -> Page {
    try scan(
      table, in: range, after: cursor, backwards: backwards, limit: limit, now: now)
  }

  /// Gives `body` one row after the other; see ``StorageReader/forEach(_:in:backwards:now:_:)``.
  public borrowing func forEach(
    _ table: Table, in range: KeyRange = .all, backwards: Bool = false, now: Timestamp? = nil,
    _ body: (Row) throws -> Bool
  ) throws {
    try forEach(table, in: range, backwards: backwards, now: now, body)
  }
}
