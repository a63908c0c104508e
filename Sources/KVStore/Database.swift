// The connection that writes, with the statements of each table.

import Threads

/// What the executor lends to one thread at a time: it is not safe for several at once.
///
/// `Database+Transactions.swift` runs routines on it; here is what their verbs do.
final class Database {
  let connection: SQLiteConnection
  let configuration: StoreConfiguration
  private(set) var tables: [Table: TableStatements] = [:]
  private(set) var transactionStatements: TransactionStatements?

  /// Those who read beside; whoever writes ends snapshots that are too old.
  var readers: ReadPool?
  /// In memory there is one connection, and this reads on it.
  private var ownReader: SnapshotReader?

  /// Which thread runs a routine.
  let routineThread = RoutineThread()
  /// Who is told of what is committed.
  let feed = ChangeFeed()
  /// What others may look at meanwhile.
  let activity = Monitor(StoreActivity())
  /// Has a routine reported that was slow.
  let report: @Sendable (SlowRoutine) -> Void

  /// When to look at how well the cache does, which is in `activity`.
  var nextCacheCount = MonotonicTime.now()

  var log: LogTending
  var expiry: ExpirySweep

  // MARK: The transaction that is going on

  /// The first failure of SQLite's, as opposed to a refusal of a verb, in this transaction.
  ///
  /// SQLite may have ended the transaction with it, and then anything more would be stored for good
  /// at once. So after it no verb runs and nothing is committed.
  var failure: StoreError?
  /// What the routine that is running has done in a transaction that it shares; `nil` in one of its own.
  var share: Share?
  /// What it has written.
  var written = WriteRecord(for: .nobody)
  /// How many entries were deleted in it as they had expired.
  var removed = 0
  /// How many rows the connection had changed when it began.
  var changesBefore: Int64 = 0
  /// When the routine that is running has taken too long.
  var deadline = MonotonicTime.distantFuture
  /// Why no transaction can ever begin again.
  var breakdown: StoreError?

  enum Share {
    case onlyRead
    /// It has opened its savepoint.
    case written
  }

  init(
    location: Location, tables: [Table], durability: Durability,
    configuration: StoreConfiguration, report: @escaping @Sendable (SlowRoutine) -> Void
  ) throws(StoreError) {
    self.configuration = configuration
    self.report = report
    log = LogTending(
      busyTimeout: configuration.patience, pagesForRestart: configuration.logPagesForRestart)
    expiry = ExpirySweep(configuration.removesExpired ? tables : [], clock: configuration.clock)
    try checkNames(of: tables)
    connection = try SQLiteConnection(location)
    connection.setBusyTimeout(configuration.patience)
    // Look before touching: a file that is refused stays as it is.
    if connection.isReadOnly { throw .readOnly }
    try connection.takeWriterLock(waitingFor: configuration.openingPatience)
    try connection.checkFormat()
    try connection.checkEncoding()
    for table in tables { _ = try connection.has(table) }
    try connection.configure(durability: durability, busyTimeout: configuration.patience)
    try connection.makeMissing(tables)
    try connection.offerNotes()
    transactionStatements = try TransactionStatements(on: connection)
    for table in tables {
      self.tables[table] = try TableStatements(table, on: connection)
    }
    if configuration.routineTimeLimit != nil { connection.watchDeadline() }
  }

  // The connection goes last: then it closes the file at once, and gives the writer's lock back behind it.
  deinit {
    letGoOfStatements()
  }

  /// Runs a reading routine, in memory, where there is no other connection.
  func read(_ routine: (borrowing Snapshot) throws -> Void) throws {
    if let breakdown { throw breakdown }
    let reader = try ownReader ?? SnapshotReader(on: connection, Array(tables.keys))
    ownReader = reader
    return try reader.read(routine)
  }

  /// Closes the file, between transactions.
  func close() throws(StoreError) {
    letGoOfStatements()
    try connection.close()
  }

  private func letGoOfStatements() {
    tables = [:]
    ownReader = nil
    transactionStatements = nil
  }

  /// Runs the SQL of a verb; `verb` throws only what SQLite failed at.
  private func run<R>(
    on table: Table, _ verb: (TableStatements) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    if let failure { throw failure }
    guard let statements = tables[table] else { throw .unknownTable(table) }
    do throws(StoreError) {
      if deadline < .distantFuture, MonotonicTime.lastTick() > deadline { throw .timeout }
      return try verb(statements)
    } catch {
      let cause = error.isInterrupt && deadline < .distantFuture ? .timeout : error
      failure = cause
      throw cause
    }
  }

  /// Runs the SQL of a verb that writes.
  private func write<R>(
    on table: Table, _ verb: (TableStatements) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try run(on: table) { (statements) throws(StoreError) in
      if share == .onlyRead {
        try transactionStatements?.savepoint.run()
        share = .written
      }
      return try verb(statements)
    }
  }
}

extension Database: WriteTransaction {
  func row(_ table: Table, _ key: String, now: Timestamp?) throws(StoreError) -> Row? {
    try run(on: table) { (table) throws(StoreError) in try table.reads.row(key, now: now) }
  }

  func count(_ table: Table, _ range: KeyRange, now: Timestamp?) throws(StoreError) -> Int {
    try run(on: table) { (table) throws(StoreError) in try table.reads.count(range, now: now) }
  }

  func fill(
    _ rows: inout [Row], from table: Table, _ range: KeyRange, after cursor: String?,
    backwards: Bool, limit: Int, now: Timestamp?
  ) throws(StoreError) -> String? {
    try run(on: table) { (table) throws(StoreError) in
      try table.reads.fill(
        &rows, range, after: cursor, backwards: backwards, limit: limit, now: now)
    }
  }

  func keys(_ table: Table) throws(StoreError) -> [String] {
    try run(on: table) { (table) throws(StoreError) in try table.reads.keys() }
  }

  func insert(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?, now: Timestamp?
  ) throws(StoreError) -> Bool {
    let isAdded = try write(on: table) { (table) throws(StoreError) in
      try table.insert(key, value, expiresAt: expiresAt, now: now)
    }
    if isAdded { note(table, key, value, expiresAt) }
    return isAdded
  }

  func update(
    _ table: Table, _ key: String, _ value: [UInt8], ifCounter counter: Int64,
    expiresAt: Timestamp?
  ) throws(StoreError) -> Bool {
    let isUpdated = try write(on: table) { (table) throws(StoreError) in
      try table.update(key, value, ifCounter: counter, expiresAt: expiresAt)
    }
    if isUpdated { note(table, key, value, expiresAt) }
    return isUpdated
  }

  func upsert(
    _ table: Table, _ key: String, _ value: [UInt8], expiresAt: Timestamp?
  ) throws(StoreError) -> Int64? {
    let counter = try write(on: table) { (table) throws(StoreError) in
      try table.upsert(key, value, expiresAt: expiresAt)
    }
    if counter != nil { note(table, key, value, expiresAt) }
    return counter
  }

  func restore(_ table: Table, _ row: Row) throws(StoreError) {
    try write(on: table) { (table) throws(StoreError) in try table.restore(row) }
    note(table, row.key, row.value, row.expiresAt)
  }

  func delete(_ table: Table, _ key: String) throws(StoreError) -> Bool {
    let isDeleted = try write(on: table) { (table) throws(StoreError) in try table.delete(key) }
    if isDeleted { noteDeleted(table, key) }
    return isDeleted
  }

  func delete(_ table: Table, _ range: KeyRange) throws(StoreError) -> Int {
    try write(on: table) { (statements) throws(StoreError) in
      guard written.audience != .nobody else { return try statements.delete(range) }
      return try statements.delete(range) { noteDeleted(table, $0) }
    }
  }

  func deleteExpired(
    _ table: Table, before now: Timestamp, limit: Int
  ) throws(StoreError) -> Int {
    // The earliest expiry there is; 0 is none.
    try deleteExpired(table, in: 1..<max(now, 1), limit: limit)
  }

  /// Deletes some of the entries that expired in this time.
  func deleteExpired(
    _ table: Table, in time: Range<Timestamp>, limit: Int
  ) throws(StoreError) -> Int {
    try write(on: table) { (statements) throws(StoreError) in
      guard written.audience != .nobody else {
        return try statements.deleteExpired(in: time, limit: limit)
      }
      return try statements.deleteExpired(in: time, limit: limit) { noteDeleted(table, $0) }
    }
  }

  /// Whether an entry expired in this time.
  func hasExpired(_ table: Table, in time: Range<Timestamp>) throws(StoreError) -> Bool {
    try run(on: table) { (table) throws(StoreError) in try table.reads.hasExpired(in: time) }
  }

  private func note(_ table: Table, _ key: String, _ value: [UInt8], _ expiresAt: Timestamp?) {
    written.note(
      Write(table: table, key: key, kind: .stored, value: value, expiresAt: expiresAt))
  }

  private func noteDeleted(_ table: Table, _ key: String) {
    written.note(Write(table: table, key: key, kind: .deleted, value: nil, expiresAt: nil))
  }
}
