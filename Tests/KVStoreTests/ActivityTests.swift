import Glibc
import Testing
import Threads

@testable import KVStore

@Suite("What a store has done", .serialized)
struct ActivityTests {
  let directory = TemporaryDirectory()

  @Test("Routines, commits and how many share one, reads, and how long they took")
  func counts() throws {
    let store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], busyTimeout: .zero)
    try store.execute { try $0.add(.accounts, "a", "") }
    #expect(throws: StoreError.self) { try store.execute { try $0.add(.accounts, "a", "") } }
    for _ in 0..<3 { _ = try store.read { try $0.get(.accounts, "a") } }
    var activity = store.activity
    #expect(activity.routines == 2)
    #expect(activity.commits == 1)
    #expect(activity.routinesPerCommit == 1)
    #expect(activity.reads == 3)
    #expect(activity.routineTimes.count == 2)
    #expect(activity.commitTimes.count == 1)
    #expect(activity.routineTimes.longest <= activity.routineTimes.total)
    #expect(activity.readers == 0)
    #expect(activity.oldestSnapshot == .zero)

    _ = try together(
      in: store, (0..<5).map { index in { Int(try $0.overwrite(.accounts, "\(index)", "")) } })
    activity = store.activity
    #expect(activity.routines == 7)
    #expect(activity.commits == 2)
    #expect(activity.routinesPerCommit == 3)
    #expect(activity.cacheHits > 0)
  }

  @Test("Who waits and who reads now")
  func now() throws {
    let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    try store.read { snapshot in
      _ = try snapshot.count(.accounts)
      #expect(store.activity.readers == 1)
      #expect(store.activity.oldestSnapshot >= .zero)
    }
    let done = Event()
    try store.executor.run { _ in
      try startThread("waiting") {
        try store.execute { _ in }
        done.signal()
      }
      while store.activity.waitingCallers == 0 { sched_yield() }
    }
    done.wait()
    #expect(store.activity.waitingCallers == 0)
  }

  @Test("Durations are counted by their order of magnitude")
  func durations() {
    var counts = DurationCounts()
    #expect(counts.percentile(0.5) == .zero)
    for microseconds in [0, 1, 3, 5, 900] { counts.add(.microseconds(microseconds)) }
    counts.add(.seconds(100))
    #expect(counts.count == 6)
    #expect(Array(counts.counts.prefix(5)) == [1, 1, 1, 1, 0])
    #expect(counts.counts[10] == 1)
    #expect(counts.counts.last == 1)
    #expect(counts.percentile(0.5) == .microseconds(4))
    #expect(counts.percentile(1) == .seconds(100))
    #expect(counts.longest == .seconds(100))
    #expect(counts.total == .seconds(100) + .microseconds(909))
  }

  @Test("A routine that takes long is reported, on a thread of the store's")
  func slow() throws {
    let reports = Monitor<[String]>([])
    var configuration = StoreConfiguration()
    configuration.slowRoutine = .zero
    configuration.reportSlowRoutine = { slow in
      reports.withLock { $0.append("\(slow.duration > .zero) on \(Thread.currentName)") }
      reports.wakeAll()
    }
    let store = try Store.inMemory(tables: [.accounts], configuration: configuration)
    try store.execute { _ in }
    #expect(reports.wait { $0.isEmpty ? nil : $0 } == ["true on KVStore helper"])
  }

  @Test("A routine that takes too long is ended by its verbs, and by SQLite, and nothing is stored")
  func routineTimeLimit() throws {
    var configuration = StoreConfiguration()
    configuration.routineTimeLimit = .seconds(1)
    let store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], configuration: configuration)
    #expect(throws: StoreError.timeout) {
      try store.execute { storage in
        while true { try storage.overwrite(.accounts, "a", "") }
      }
    }
    // One statement that takes hours.
    try store.executor.run { database in
      try database.connection.execute(
        """
        CREATE TRIGGER slow BEFORE INSERT ON accounts WHEN NEW.key = 'slow' BEGIN
          SELECT count(*) FROM (
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000)
            SELECT i FROM n
          );
        END
        """)
    }
    #expect(throws: StoreError.timeout) {
      try store.execute { storage in
        try storage.add(.accounts, "b", "")
        try storage.add(.accounts, "slow", "")
      }
    }
    // The others are not to blame.
    let results = try together(
      in: store,
      (0..<5).map { index in
        { storage in
          Int(try storage.overwrite(.accounts, index == 2 ? "slow" : "\(index)", ""))
        }
      })
    for (index, result) in results.enumerated() where index != 2 { #expect(try result.get() == 0) }
    #expect(throws: StoreError.timeout) { try results[2].get() }
    #expect(try store.execute { try $0.listKeys(.accounts) } == ["0", "1", "3", "4"])
  }
}
