// Keeps the log from growing without end.
//
// SQLite begins the log anew when all of it is in the file and nobody reads what is only in the log. So snapshots that are
// too old are ended. And where readers follow each other without a gap, none of which would need what is old, SQLite finds
// no moment for it: then one is made.

import Threads

/// What is done about the log after a commit.
struct LogTending {
  private let busyTimeout: Duration
  /// How many pages the log may have before a moment without readers is made to use it anew.
  private let pagesForRestart: Int
  private var nextRestart: Int
  private var nextLook = MonotonicTime.now()

  init(busyTimeout: Duration, pagesForRestart: Int) {
    self.busyTimeout = busyTimeout
    self.pagesForRestart = pagesForRestart
    nextRestart = pagesForRestart
  }

  /// Whether the log of this connection may soon be copied and used anew, if no snapshot needs it.
  func isLong(_ connection: SQLiteConnection) -> Bool {
    connection.logPages >= min(connection.logPagesToCopy, pagesForRestart) / 2
  }

  /// Looks after the log of this connection, which has just committed.
  ///
  /// - Returns: How many snapshots it has ended.
  mutating func tend(_ connection: SQLiteConnection, readers: ReadPool) -> Int {
    let now = MonotonicTime.lastTick()
    var ended = 0
    if now >= nextLook {
      nextLook = now + .seconds(1)
      ended = readers.endSnapshots(begunBefore: now + (.zero - Store.Limits.snapshotAge))
    }
    // It was begun anew without us.
    if connection.logPages < pagesForRestart { nextRestart = pagesForRestart }
    guard connection.logPages >= nextRestart else { return ended }
    // The longer the log, the longer it may take: in the end longer than those who read.
    let limit = Duration.microseconds(5 * connection.logPages)
    let isDone = readers.whileNobodyReads(within: limit) {
      connection.restartLog(busyTimeout: busyTimeout)
    }
    nextRestart = isDone ? pagesForRestart : connection.logPages + pagesForRestart
    return ended
  }
}
