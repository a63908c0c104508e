// Owns one prepared statement: lend it its parameters, run it, read its rows.

import CSQLite

/// A prepared statement. After each use it is ready for the next one and holds no parameters.
// @safe: the pointer is made in `init`, never leaves, and is given back in `deinit`. SQLite keeps
// pointers to lent parameters only while the closure runs that they are lent to.
@safe struct SQLiteStatement: ~Copyable {
  private let handle: OpaquePointer

  /// Prepares `sql`, which is one statement, for many uses.
  init(_ sql: String, on connection: SQLiteConnection) throws(StoreError) {
    var handle: OpaquePointer?
    let code = unsafe sqlite3_prepare_v3(
      connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle = unsafe handle else {
      throw unsafe StoreError(code: code, of: connection.handle)
    }
    unsafe self.handle = handle
  }

  deinit { unsafe sqlite3_finalize(handle) }

  // MARK: Parameters, counted from 1

  /// The greatest number that a parameter has.
  var parameterCount: Int { unsafe Int(sqlite3_bind_parameter_count(handle)) }

  /// Gives the statement a number.
  func bind(_ number: Int64, at index: Int32) throws(StoreError) {
    try check(unsafe sqlite3_bind_int64(handle, index, number))
  }

  /// Lends the statement a text, without a copy, while `body` runs.
  func lend<R>(
    _ text: String, at index: Int32, while body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    defer { unsafe sqlite3_clear_bindings(handle) }
    return try unsafe text.utf8.span.withUnsafeBufferPointer { bytes throws(StoreError) in
      try unsafe bind(bytes, asTextAt: index)
      return try body()
    }
  }

  /// Lends the statement bytes as a text, which they need not be, without a copy, while `body` runs.
  func lend<R>(
    text bytes: [UInt8], at index: Int32, while body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    defer { unsafe sqlite3_clear_bindings(handle) }
    return try unsafe bytes.withUnsafeBufferPointer { bytes throws(StoreError) in
      try unsafe bind(bytes, asTextAt: index)
      return try body()
    }
  }

  private func bind(
    _ bytes: UnsafeBufferPointer<UInt8>, asTextAt index: Int32
  ) throws(StoreError) {
    try check(
      unsafe sqlite3_bind_text64(
        handle, index, startOf(bytes), UInt64(bytes.count), csqlite_static(), UInt8(SQLITE_UTF8)))
  }

  /// Lends the statement bytes, without a copy, while `body` runs.
  func lend<R>(
    _ bytes: [UInt8], at index: Int32, while body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    defer { unsafe sqlite3_clear_bindings(handle) }
    return try unsafe bytes.withUnsafeBufferPointer { bytes throws(StoreError) in
      try check(
        unsafe sqlite3_bind_blob64(
          handle, index, startOf(bytes), UInt64(bytes.count), csqlite_static()))
      return try body()
    }
  }

  // MARK: Running

  /// Runs the statement to its end.
  ///
  /// - Returns: How many rows an INSERT, UPDATE or DELETE changed.
  @discardableResult
  func run() throws(StoreError) -> Int {
    try forEachRow { _ in }
    return unsafe Int(sqlite3_changes64(sqlite3_db_handle(handle)))
  }

  /// Reads the first row with `read`; `nil` if there is none.
  func firstRow<R>(_ read: (borrowing SQLiteStatement) -> R) throws(StoreError) -> R? {
    defer { unsafe sqlite3_reset(handle) }
    return try step() ? read(self) : nil
  }

  /// Reads one row after the other with `read`.
  func forEachRow(_ read: (borrowing SQLiteStatement) -> Void) throws(StoreError) {
    try readRows {
      read($0)
      return true
    }
  }

  /// Reads one row after the other with `read`, as long as that says to go on.
  func readRows(_ read: (borrowing SQLiteStatement) -> Bool) throws(StoreError) {
    defer { unsafe sqlite3_reset(handle) }
    while try step(), read(self) {}
  }

  // MARK: Columns of the row being read, counted from 0

  /// The number in a column.
  func number(at column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  /// Makes `bytes` a copy of those in a column, in the memory that it has already.
  func read(_ column: Int32, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    guard let start = unsafe sqlite3_column_blob(handle, column) else { return }
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: count))
  }

  /// A copy of the bytes in a column.
  func bytes(at column: Int32) -> [UInt8] {
    // SQLite gives no pointer for no bytes. The length must be asked for after the bytes.
    guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// A copy of the text in a column; empty for NULL.
  func text(at column: Int32) -> String {
    guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    return unsafe String(
      decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  /// A copy of the text in a column; `nil` if it is not valid UTF-8.
  func validText(at column: Int32) -> String? {
    guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
    let count = unsafe Int(sqlite3_column_bytes(handle, column))
    // Several times as fast as String(validating:as:).
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    do { return String(copying: try UTF8Span(validating: bytes)) } catch { return nil }
  }

  // MARK: -

  /// Whether there is a row; `false` at the end.
  private func step() throws(StoreError) -> Bool {
    let code = unsafe sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    if code == SQLITE_DONE { return false }
    throw unsafe StoreError(code: code, of: sqlite3_db_handle(handle))
  }

  private func check(_ code: Int32) throws(StoreError) {
    guard code == SQLITE_OK else {
      throw unsafe StoreError(code: code, of: sqlite3_db_handle(handle))
    }
  }
}

/// Where the bytes begin.
///
/// An empty array may have no address, and SQLite would take that for NULL.
private func startOf(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafePointer<UInt8> {
  unsafe bytes.baseAddress ?? UnsafePointer(bitPattern: 1)!
}
