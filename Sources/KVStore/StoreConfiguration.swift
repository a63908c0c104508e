// What a program may choose about its store, with the defaults.

/// How a store behaves, beside its ``Durability``.
public struct StoreConfiguration: Sendable {
  /// Whether entries that have expired are deleted without anybody asking: a few with each transaction, once a second, and
  /// the rest when nobody uses the store. Default `true`.
  ///
  /// Expiries before September 2001 are left alone: they cannot be wall times. With `false` only ``Store/sweep(now:)`` and
  /// ``Storage/sweep(_:now:limit:)`` delete what has expired.
  public var removesExpired = true

  /// What the time is, for `removesExpired` alone: the verbs of a routine are told the time. Default: the system's clock.
  public var clock: @Sendable () -> Timestamp = { Timestamp.now() }

  /// How long a routine may take before its verbs throw `.timeout`, also one that is running, and nothing of it is stored.
  /// Default: as long as it likes.
  ///
  /// It is looked at by verbs, and while SQLite works. What a routine does between them cannot be ended.
  public var routineTimeLimit: Duration?

  /// From which duration on a routine is reported to `reportSlowRoutine`. Default 100 ms.
  public var slowRoutine: Duration = .milliseconds(100)

  /// Told of each routine that took longer than `slowRoutine`, afterwards, on a thread of the store's that nobody waits for.
  /// Default: nobody is.
  public var reportSlowRoutine: (@Sendable (SlowRoutine) -> Void)?

  /// Runs each routine twice and takes back what the first run did, to find routines that must not run more than once.
  /// Default `false`.
  ///
  /// For tests. If both runs do not write the same, do not return the same, or only one of them throws, `execute` throws
  /// `.rehearsalDiffered`, and nothing is stored. What they return is compared by `==` if it is `Equatable`, and otherwise
  /// by its description.
  public var rehearsesRoutines = false

  /// How long to wait for another store that has the file open, when opening. Default 5 s.
  public var openingPatience: Duration = .seconds(5)

  /// How long to wait for programs without stores, as Python's freetser, that are writing. Default 5 s.
  public var patience: Duration = .seconds(5)

  // For tests of our own.
  var queueLimit = Store.Limits.waitingCallers
  var logPagesForRestart = 8_192  // 32 MiB
  /// How long nobody uses the store before what has expired is looked for.
  var idleTime: Duration = .seconds(2)

  /// The defaults.
  public init() {}
}

extension StoreConfiguration {
  /// Tells of a slow routine: not by whoever runs it, who has others to run. If there is no thread for it, nobody is told.
  func report(on threads: WorkingThreads) -> @Sendable (SlowRoutine) -> Void {
    guard let reportSlowRoutine else { return { _ in } }
    return { slow in threads.do(.init(run: { reportSlowRoutine(slow) }, refuse: { _ in })) }
  }
}

/// A routine that held up the others.
public struct SlowRoutine: Sendable {
  /// How long it took, without waiting for its turn and without the commit.
  public var duration: Duration
}

extension SlowRoutine: CustomStringConvertible {
  /// One line for a log.
  public var description: String { "a routine of the store took \(duration)" }
}
