// The store's limits, and the checks that hold keys and values to them.

extension Store {
  /// How much one store takes.
  public enum Limits {
    /// The longest key that can be written, in bytes of UTF-8: what other key-value databases take
    /// too, so that a table can move to one of them.
    public static let keyLengthInBytes = 1024

    /// The largest value that can be written: each is read and written as a whole, in memory.
    public static let valueLengthInBytes = 4 * 1024 * 1024

    /// How many bytes of keys and values a scan gives at once, rounded up to a whole row.
    public static let pageLengthInBytes = 1024 * 1024

    /// How many may be in `read` at once; each has a connection.
    public static let readers = 32

    /// How much of the file each of their connections keeps in memory at most, in KiB.
    public static let readerCacheInKiB = 16_000

    /// How many threads a store has at most for those who read in asynchronous code, beside its own.
    public static let helpers = 4

    /// How old the snapshot of a `read` may become while others write.
    public static let snapshotAge: Duration = .seconds(60)

    /// How long one `read` may go on with the snapshot of another, if this store has committed nothing since; give or take a
    /// tick of the system's clock, 1 to 10 ms. What programs without stores commit may be seen so much later.
    public static let snapshotReuse: Duration = .milliseconds(5)

    /// How many changes are kept for those who observe them; see ``Store/changes(in:_:after:)``.
    public static let keptChanges = 4_096

    /// How many callers may wait in `execute` at once, and how many tasks in `read`.
    ///
    /// A waiting caller may be a thread, and systems of common size carry no more of them.
    public static let waitingCallers = 10_000
  }
}

/// What is wrong with a key.
public enum KeyProblem: Equatable, Sendable {
  /// It has no characters.
  case empty
  /// It has a character U+0000, at which other databases would cut it off.
  case containsNUL
  /// It is longer than ``Store/Limits/keyLengthInBytes``.
  case tooLong(limit: Int)
}

/// Refuses keys that must not be written, though an older file may hold them and they can be read.
func checkKey(_ key: String) throws(StoreError) {
  let utf8 = key.utf8
  if utf8.isEmpty { throw .invalidKey(key, .empty) }
  if utf8.count > Store.Limits.keyLengthInBytes {
    throw .invalidKey(key, .tooLong(limit: Store.Limits.keyLengthInBytes))
  }
  if utf8.contains(0) { throw .invalidKey(key, .containsNUL) }
}

/// Refuses values that are too large.
func checkValue(_ value: [UInt8]) throws(StoreError) {
  if value.count > Store.Limits.valueLengthInBytes {
    throw .valueTooLarge(limit: Store.Limits.valueLengthInBytes)
  }
}
