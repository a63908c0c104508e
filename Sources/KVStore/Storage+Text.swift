// The verbs that store a value, for values that are text. It is stored as UTF-8; see `Entry.text`.

extension Storage {
  /// Stores a new entry, with counter 0; see ``add(_:_:_:expiresAt:now:)-(_,_,[UInt8],_,_)``.
  public borrowing func add(
    _ table: Table, _ key: String, _ value: String, expiresAt: Timestamp? = nil,
    now: Timestamp? = nil
  ) throws(StoreError) {
    try add(table, key, Array(value.utf8), expiresAt: expiresAt, now: now)
  }

  /// Changes an entry that nobody has changed since it was read;
  /// see ``update(_:_:_:ifCounter:expiresAt:)-(_,_,[UInt8],_,_)``.
  public borrowing func update(
    _ table: Table, _ key: String, _ value: String, ifCounter counter: Int64,
    expiresAt: Timestamp? = nil
  ) throws(StoreError) {
    try update(table, key, Array(value.utf8), ifCounter: counter, expiresAt: expiresAt)
  }

  /// Changes an entry that nobody has changed since it was read, or returns `false`;
  /// see ``tryUpdate(_:_:_:ifCounter:expiresAt:)-(_,_,[UInt8],_,_)``.
  public borrowing func tryUpdate(
    _ table: Table, _ key: String, _ value: String, ifCounter counter: Int64,
    expiresAt: Timestamp? = nil
  ) throws(StoreError) -> Bool {
    try tryUpdate(table, key, Array(value.utf8), ifCounter: counter, expiresAt: expiresAt)
  }

  /// Stores an entry whatever was there; see ``overwrite(_:_:_:expiresAt:)-(_,_,[UInt8],_)``.
  @discardableResult
  public borrowing func overwrite(
    _ table: Table, _ key: String, _ value: String, expiresAt: Timestamp? = nil
  ) throws(StoreError) -> Int64 {
    try overwrite(table, key, Array(value.utf8), expiresAt: expiresAt)
  }
}
