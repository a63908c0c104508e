// What a store has done since it was opened, in numbers.

import Threads

extension Store {
  /// What the store has done since it was opened, and what goes on now. It waits for nobody.
  public var activity: StoreActivity {
    var activity = counts.withLock { $0 }
    activity.waitingCallers = executor.waitingCallers
    guard let readers else { return activity }
    let reading = readers.activity
    activity.reads = reading.reads
    activity.readers = reading.readers
    activity.oldestSnapshot = reading.oldest.map { .lastTick() - $0 } ?? .zero
    return activity
  }
}

/// Counts of what a store has done since it was opened.
public struct StoreActivity: Equatable, Sendable {
  /// The routines that were run by `execute`, those that threw among them; each run counts.
  public var routines = 0
  /// The transactions that were committed with routines in them.
  public var commits = 0
  /// The routines whose transactions were committed.
  public var committedRoutines = 0
  /// How many routines shared a commit, on average; 0 before the first.
  public var routinesPerCommit: Double {
    commits == 0 ? 0 : Double(committedRoutines) / Double(commits)
  }
  /// How long routines took, without their waiting and without the commit.
  public var routineTimes = DurationCounts()
  /// How long commits took.
  public var commitTimes = DurationCounts()
  /// The reading routines that were run by `read`, and what else read beside, as backups; those of a store in memory do not
  /// count.
  public var reads = 0
  /// The snapshots that were ended since they were too old.
  public var endedSnapshots = 0
  /// The entries that were deleted without anybody asking, as they had expired.
  public var removedEntries = 0
  /// How often the connection that writes found a page in its cache, as of the last second in which it wrote.
  public var cacheHits = 0
  /// How often it had to read one from the file.
  public var cacheMisses = 0

  /// The callers that wait now.
  public var waitingCallers = 0
  /// Those that read now.
  public var readers = 0
  /// How old the oldest snapshot is that somebody reads now; zero if nobody does.
  public var oldestSnapshot: Duration = .zero
}

/// Durations, counted by their order of magnitude.
public struct DurationCounts: Equatable, Sendable {
  /// How many there were of less than 1 µs, then of less than 2, 4, 8 µs and so on; the last are the longer ones.
  public private(set) var counts = [Int](repeating: 0, count: 26)
  /// All of them together.
  public private(set) var total: Duration = .zero
  /// The longest.
  public private(set) var longest: Duration = .zero

  /// None yet.
  public init() {}

  /// How many there were.
  public var count: Int { counts.reduce(0, +) }

  /// What the count at this place stops at, which is less than `counts.count - 1`.
  public static func limit(at index: Int) -> Duration { .microseconds(1 << index) }

  /// A duration that this part of all, from 0 to 1, did not exceed, to within a factor of 2; zero if there were none.
  public func percentile(_ part: Double) -> Duration {
    let rank = Int((Double(count) * part).rounded(.up))
    var sum = 0
    for (index, count) in counts.enumerated() where count > 0 {
      sum += count
      guard sum >= rank else { continue }
      return index < counts.count - 1 ? min(Self.limit(at: index), longest) : longest
    }
    return .zero
  }

  /// Counts one more.
  package mutating func add(_ duration: Duration) {
    let microseconds = UInt64(max(0, duration.inNanoseconds / 1_000))
    counts[min(UInt64.bitWidth - microseconds.leadingZeroBitCount, counts.count - 1)] += 1
    total += duration
    longest = max(longest, duration)
  }
}
