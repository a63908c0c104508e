// Tables whose values have a type.

/// A value that can be stored as bytes.
public protocol StoredValue: Sendable {
  /// Makes the value of what was stored.
  ///
  /// - Throws: An error of your own if these are not the bytes of such a value.
  init(stored bytes: [UInt8]) throws

  /// The bytes to store.
  var stored: [UInt8] { get throws }
}

extension [UInt8]: StoredValue {
  /// The bytes themselves.
  public init(stored bytes: [UInt8]) { self = bytes }
  /// The bytes themselves.
  public var stored: [UInt8] { self }
}

extension String: StoredValue {
  /// The text of bytes that are UTF-8.
  ///
  /// - Throws: ``StoreError/notText``.
  public init(stored bytes: [UInt8]) throws(StoreError) {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
    self = text
  }

  /// The text in UTF-8.
  public var stored: [UInt8] { Array(utf8) }
}

/// A table of values of one type.
///
/// ```swift
/// let names = TypedTable<String>("names")
/// try store.execute { storage in try names.add("ada", "Ada Lovelace", in: storage) }
/// let name = try store.read { try names.get("ada", in: $0)?.value }
/// ```
///
/// What it stores is what ``Storage`` stores, so both can be used side by side.
public struct TypedTable<Value>: Sendable {
  /// The table that the values are in.
  public let table: Table
  private let encode: @Sendable (Value) throws -> [UInt8]
  private let decode: @Sendable ([UInt8]) throws -> Value

  /// A table of values that are written and read by these closures.
  public init(
    _ table: Table, encode: @escaping @Sendable (Value) throws -> [UInt8],
    decode: @escaping @Sendable ([UInt8]) throws -> Value
  ) {
    self.table = table
    self.encode = encode
    self.decode = decode
  }

  /// A value, and how often it was changed.
  public struct Entry {
    /// The value.
    public var value: Value
    /// 0 when the entry was added, and 1 more after each change.
    public var counter: Int64
  }

  /// The entry under `key`, or `nil` if there is none, or if it expired before `now`.
  ///
  /// - Throws: ``StoreError``; why the bytes are no such value.
  public func get(
    _ key: String, now: Timestamp? = nil, in storage: borrowing some StorageReader & ~Copyable
  ) throws -> Entry? {
    guard let entry = try storage.get(table, key, now: now) else { return nil }
    return Entry(value: try decode(entry.value), counter: entry.counter)
  }

  /// Stores a new entry; see ``Storage/add(_:_:_:expiresAt:now:)-(_,_,[UInt8],_,_)``.
  public func add(
    _ key: String, _ value: Value, expiresAt: Timestamp? = nil, now: Timestamp? = nil,
    in storage: borrowing Storage
  ) throws {
    try storage.add(table, key, encode(value), expiresAt: expiresAt, now: now)
  }

  /// Changes an entry that nobody has changed since it was read;
  /// see ``Storage/update(_:_:_:ifCounter:expiresAt:)-(_,_,[UInt8],_,_)``.
  public func update(
    _ key: String, _ value: Value, ifCounter counter: Int64, expiresAt: Timestamp? = nil,
    in storage: borrowing Storage
  ) throws {
    try storage.update(table, key, encode(value), ifCounter: counter, expiresAt: expiresAt)
  }

  /// Stores an entry whatever was there; see ``Storage/overwrite(_:_:_:expiresAt:)-(_,_,[UInt8],_)``.
  @discardableResult
  public func overwrite(
    _ key: String, _ value: Value, expiresAt: Timestamp? = nil, in storage: borrowing Storage
  ) throws -> Int64 {
    try storage.overwrite(table, key, encode(value), expiresAt: expiresAt)
  }

  /// Lets `change` change the value under `key`, if there is one.
  ///
  /// The counter rises by 1, and the entry keeps its expiry.
  ///
  /// - Returns: What `change` returned; `nil` if there is no entry, or it expired before `now`.
  /// - Throws: What `change` throws; then nothing is changed. ``StoreError``; why the bytes are no such value.
  @discardableResult
  public func modify<R>(
    _ key: String, now: Timestamp? = nil, in storage: borrowing Storage,
    _ change: (inout Value) throws -> R
  ) throws -> R? {
    try storage.modify(table, key, now: now) { bytes -> R? in
      guard let stored = bytes else { return nil }
      var value = try decode(stored)
      let result = try change(&value)
      bytes = try encode(value)
      return result
    }
  }

  /// Deletes an entry, expired or not.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  public func delete(_ key: String, in storage: borrowing Storage) throws(StoreError) -> Bool {
    try storage.delete(table, key)
  }

  /// Gives `body` one key and value after the other, in the order of the keys' bytes, at constant memory;
  /// see ``StorageReader/forEach(_:in:backwards:now:_:)``.
  public func forEach(
    in storage: borrowing some StorageReader & ~Copyable, range: KeyRange = .all,
    backwards: Bool = false, now: Timestamp? = nil, _ body: (String, Entry) throws -> Bool
  ) throws {
    try storage.forEach(table, in: range, backwards: backwards, now: now) { row in
      try body(row.key, Entry(value: decode(row.value), counter: row.counter))
    }
  }
}

extension TypedTable where Value: StoredValue {
  /// A table of values that know their bytes.
  public init(_ table: Table) {
    self.init(table, encode: { try $0.stored }, decode: { try Value(stored: $0) })
  }
}

extension TypedTable.Entry: Equatable where Value: Equatable {}
extension TypedTable.Entry: Sendable where Value: Sendable {}
