// Runs a routine as a transaction: all of it is stored, or nothing.

/// The connection, the statements of each table, and the transaction that is going on.
///
/// Not safe for several threads at once: ``Executor`` lends it to one at a time.
final class Database {
  let connection: SQLiteConnection
  private var tables: [Table: TableStatements] = [:]
  private var transactionStatements: TransactionStatements?

  /// The first failure of SQLite's, as opposed to a refusal of a verb, in this transaction.
  ///
  /// SQLite may have ended the transaction with it, and then anything more would be stored for good
  /// at once. So after it no verb runs and nothing is committed.
  private var failure: StoreError?

  /// Why no transaction can ever begin again.
  private var breakdown: StoreError?

  init(
    location: Location, tables: [Table], durability: Durability, busyTimeout: Duration
  ) throws(StoreError) {
    try checkNames(of: tables)
    connection = try SQLiteConnection(location)
    connection.setBusyTimeout(busyTimeout)
    // Look before touching: a file that is refused stays as it is.
    if connection.isReadOnly { throw .readOnly }
    try connection.checkEncoding()
    for table in tables { _ = try connection.has(table) }
    try connection.configure(durability: durability, busyTimeout: busyTimeout)
    try connection.makeMissing(tables)
    transactionStatements = try TransactionStatements(on: connection)
    for table in tables {
      self.tables[table] = try TableStatements(table, on: connection)
    }
  }

  /// Runs `routine` in a transaction of its own.
  func transaction<R>(_ routine: (borrowing Storage) throws -> R) throws -> R {
    if let breakdown { throw breakdown }
    guard let transactionStatements else { throw StoreError.closed }
    try transactionStatements.begin.run()
    failure = nil
    do {
      let result = try routine(Storage(self))
      if let failure { throw failure }
      try transactionStatements.commit.run()
      return result
    } catch {
      rollBack(with: transactionStatements)
      throw error
    }
  }

  /// Runs the SQL of a verb; `verb` throws only what SQLite failed at.
  func run<R>(
    on table: Table, _ verb: (TableStatements) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    if let failure { throw failure }
    guard let statements = tables[table] else { throw .unknownTable(table) }
    do throws(StoreError) {
      return try verb(statements)
    } catch {
      failure = error
      throw error
    }
  }

  /// Closes the file, between transactions.
  func close() throws(StoreError) {
    tables = [:]
    transactionStatements = nil
    try connection.close()
  }

  private func rollBack(with statements: TransactionStatements) {
    guard connection.isInTransaction else { return }  // SQLite has done it by itself.
    do throws(StoreError) {
      try statements.rollback.run()
    } catch {
      if connection.isInTransaction { breakdown = .rollbackFailed(error) }
    }
  }
}

private final class TransactionStatements {
  let begin: SQLiteStatement
  let commit: SQLiteStatement
  let rollback: SQLiteStatement

  init(on connection: SQLiteConnection) throws(StoreError) {
    // IMMEDIATE takes the write lock now: later it might be refused in the middle of the routine.
    begin = try SQLiteStatement("BEGIN IMMEDIATE", on: connection)
    commit = try SQLiteStatement("COMMIT", on: connection)
    rollback = try SQLiteStatement("ROLLBACK", on: connection)
  }
}
