// Verbs that read, change and write in one step.

extension Storage {
  /// Lets `change` change a value, add one where there is none, or take it away.
  ///
  /// ```swift
  /// try storage.modify("notes", "1") { $0?.append(contentsOf: Array("!".utf8)) }
  /// ```
  ///
  /// The counter rises by 1, also if the value stays the same, and an entry keeps its expiry. One that expired before
  /// `now` is none: what is added instead begins with counter 0 and never expires.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - key: The key.
  ///   - now: The time; without it nothing has expired.
  ///   - change: Is given the value, `nil` if there is none, and leaves what shall be there, `nil` for nothing.
  /// - Returns: What `change` returned.
  /// - Throws: What `change` throws; then nothing is changed. `StoreError` as ``overwrite(_:_:_:expiresAt:)-(_,_,[UInt8],_)``
  ///   does.
  public borrowing func modify<R>(
    _ table: Table, _ key: String, now: Timestamp? = nil,
    _ change: (inout [UInt8]?) throws -> R
  ) throws -> R {
    let before = try row(table, key, now: now)
    var value = before?.value
    let result = try change(&value)
    switch (value, before) {
    case (let value?, nil): try add(table, key, value, now: now)
    case (let value?, let before?):
      try overwrite(table, key, value, expiresAt: before.expiresAt)
    case (nil, .some): try delete(table, key)
    case (nil, nil): break
    }
    return result
  }

  /// Adds to a number, which is stored as decimal text: 0 if there is none.
  ///
  /// The counter rises by 1, unless the number stays the same, and an entry keeps its expiry.
  ///
  /// - Parameters:
  ///   - table: The table.
  ///   - key: The key.
  ///   - amount: What to add.
  ///   - expiresAt: When an entry that is new expires, as for a limit on what somebody may do in a minute.
  ///   - now: The time; without it nothing has expired.
  /// - Returns: The sum.
  /// - Throws: `.notANumber` if the value is no whole number of 64 bits; `.numberOverflow` if the sum would be none.
  ///   Nothing is changed then.
  @discardableResult
  public borrowing func increment(
    _ table: Table, _ key: String, by amount: Int64 = 1, expiresAt: Timestamp? = nil,
    now: Timestamp? = nil
  ) throws(StoreError) -> Int64 {
    try changeNumber(table, key, expiresAt: expiresAt, now: now) { number throws(StoreError) in
      let (sum, overflow) = (number ?? 0).addingReportingOverflow(amount)
      if overflow { throw .numberOverflow(table: table, key: key) }
      return sum
    }
  }

  /// Makes a number at least as large as this one, which it also is where there was none. If it is, nothing changes.
  ///
  /// - Returns: The number now.
  /// - Throws: As ``increment(_:_:by:expiresAt:now:)`` does.
  @discardableResult
  public borrowing func raise(
    _ table: Table, _ key: String, to least: Int64, now: Timestamp? = nil
  ) throws(StoreError) -> Int64 {
    try changeNumber(table, key, expiresAt: nil, now: now) { number in max(number ?? least, least) }
  }

  /// Makes a number at most as large as this one, which it also is where there was none. If it is, nothing changes.
  ///
  /// - Returns: The number now.
  /// - Throws: As ``increment(_:_:by:expiresAt:now:)`` does.
  @discardableResult
  public borrowing func lower(
    _ table: Table, _ key: String, to most: Int64, now: Timestamp? = nil
  ) throws(StoreError) -> Int64 {
    try changeNumber(table, key, expiresAt: nil, now: now) { number in min(number ?? most, most) }
  }

  private borrowing func changeNumber(
    _ table: Table, _ key: String, expiresAt: Timestamp?, now: Timestamp?,
    _ change: (Int64?) throws(StoreError) -> Int64
  ) throws(StoreError) -> Int64 {
    guard let before = try row(table, key, now: now) else {
      let number = try change(nil)
      try add(table, key, String(number), expiresAt: expiresAt, now: now)
      return number
    }
    guard let text = before.text, let number = Int64(text) else {
      throw .notANumber(table: table, key: key)
    }
    let after = try change(number)
    if after != number {
      try overwrite(table, key, String(after), expiresAt: before.expiresAt)
    }
    return after
  }
}
