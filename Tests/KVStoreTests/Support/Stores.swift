// Stores that do not wait for long, and do nothing that a test does not ask for.

@testable import KVStore

extension Store {
  /// Opens a store that nothing happens in by itself.
  ///
  /// - Parameters:
  ///   - path: Where the file is.
  ///   - tables: The tables.
  ///   - durability: What an acknowledged change survives.
  ///   - busyTimeout: How long it waits for others.
  ///   - lockPatience: How long it waits for another store; `nil` for `busyTimeout`.
  ///   - queueLimit: How many may wait in line.
  ///   - logPagesForRestart: How many pages the log may have before it is begun anew.
  convenience init(
    path: String, tables: [Table], durability: Durability = .full, busyTimeout: Duration,
    lockPatience: Duration? = nil, queueLimit: Int = Limits.waitingCallers,
    logPagesForRestart: Int = 8_192
  ) throws(StoreError) {
    var configuration = StoreConfiguration()
    configuration.removesExpired = false
    configuration.patience = busyTimeout
    configuration.openingPatience = lockPatience ?? busyTimeout
    configuration.queueLimit = queueLimit
    configuration.logPagesForRestart = logPagesForRestart
    try self.init(
      path: path, tables: tables, durability: durability, configuration: configuration)
  }
}
