// When entries that have expired are deleted without anybody asking.
//
// With a transaction that writes anyway, once a second, and when nobody uses the store. A step is small, so that nobody
// waits for long; as long as steps find as much as they may, each transaction takes one.

import Threads

/// Whose turn it is to be swept, and when.
struct ExpirySweep {
  /// How many entries a step deletes at most.
  static var entriesPerStep: Int { 100 }

  /// How long nothing is done after a step that left nothing.
  private static var pause: Duration { .seconds(1) }

  /// Expiries before September 2001 are no wall times of a program that runs now: another clock's, or a test's. They are
  /// left alone, unless the store's own clock says that it is as early.
  private static var earliest: Timestamp { 1_000_000_000 }

  private let tables: [Table]
  private let clock: @Sendable () -> Timestamp
  private var index = 0
  private var nextTime = MonotonicTime.now() + pause

  /// How many tables in a row were found without an expired entry.
  private var cleanTables = 0

  /// - Parameters:
  ///   - tables: The tables to sweep; none for not sweeping.
  ///   - clock: Gives the time.
  init(_ tables: [Table], clock: @escaping @Sendable () -> Timestamp) {
    self.tables = tables
    self.clock = clock
  }

  /// Whether it is time for a step.
  var isDue: Bool { !tables.isEmpty && MonotonicTime.lastTick() >= nextTime }

  /// What the next step is about: entries of a table that expired in this time.
  var next: (table: Table, expired: Range<Timestamp>) {
    let now = clock()
    let earliest = now < Self.earliest ? 1 : Self.earliest
    return (tables[index], earliest..<max(now, earliest))
  }

  /// Takes note of what a step found.
  ///
  /// - Returns: Whether there may be more.
  @discardableResult
  mutating func stepFound(_ count: Int) -> Bool {
    if count >= Self.entriesPerStep {
      cleanTables = 0
      return true
    }
    cleanTables = count == 0 ? cleanTables + 1 : 1
    index = (index + 1) % tables.count
    if cleanTables < tables.count { return true }
    wait()
    return false
  }

  /// Does nothing for a while.
  mutating func wait() {
    cleanTables = 0
    nextTime = .lastTick() + Self.pause
  }
}
