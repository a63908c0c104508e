import Glibc
import Testing

@testable import KVStore

@Suite("Sweeping out what has expired")
struct SweepTests {
  let directory = TemporaryDirectory()
  private var path: String { directory.file("test.sqlite") }

  @Test("sweep deletes all that expired before now, in all tables, and nothing else")
  func all() throws {
    let store = try Store(path: path, tables: ["a", "b"])
    try store.execute { storage in
      for number in 0..<1_000 {
        try storage.add("a", "old \(number)", "", expiresAt: 10)
        try storage.add("a", "new \(number)", "", expiresAt: 20)
      }
      try storage.add("b", "old", "", expiresAt: 10)
      try storage.add("b", "never", "")
      try storage.add("b", "also never", "", expiresAt: -1)
    }
    #expect(try store.sweep(now: 10) == 0)
    #expect(try store.sweep(now: 11) == 1_001)
    #expect(try store.sweep(now: 20) == 0)
    #expect(try store.read { try $0.count("a") } == 1_000)
    #expect(try store.read { try $0.listKeys("b") } == ["also never", "never"])
    #expect(try store.sweep(now: 21) == 1_000)
    #expect(try store.sweep(now: Timestamp(secondsSince1970: .max)) == 0)
    #expect(try store.integrityCheck() == [])
  }

  @Test("In a routine: as many as it likes")
  func some() throws {
    let store = try Store.inMemory(tables: [.accounts])
    try store.execute { storage in
      for number in 0..<10 { try storage.add(.accounts, "\(number)", "", expiresAt: 1) }
    }
    func sweep(_ limit: Int) throws -> Int {
      try store.execute { try $0.sweep(.accounts, now: 2, limit: limit) }
    }
    #expect(try sweep(4) == 4)
    #expect(try sweep(0) == 1)
    #expect(try sweep(100) == 5)
    #expect(try sweep(100) == 0)
  }

  @Test("Expired entries are found by the index, also in a file of freetser for Python")
  func usesIndex() throws {
    do {
      let connection = try SQLiteConnection(.file(path))
      try connection.execute(
        """
        CREATE TABLE "accounts" (
            key TEXT PRIMARY KEY, counter INTEGER NOT NULL, expiration INTEGER NOT NULL,
            value BLOB NOT NULL
        ) STRICT;
        INSERT INTO accounts VALUES ('ada', 0, 5, x'');
        """)
    }
    let store = try Store(path: path, tables: [.accounts])
    let steps = try store.executor.run { database in
      let plan = try SQLiteStatement(
        "EXPLAIN QUERY PLAN SELECT rowid FROM accounts WHERE expiration > 0 AND expiration < 9",
        on: database.connection)
      var steps: [String] = []
      try plan.forEachRow { steps.append($0.text(at: 3)) }
      return steps
    }
    #expect(steps.count == 1 && steps[0].contains("INDEX accounts expiration"), "\(steps)")
    #expect(try store.sweep(now: 6) == 1)
  }

  @Test("A file through which many entries pass stays small, and becomes so again")
  func churn() throws {
    let store = try Store(path: path, tables: [.accounts], durability: .normal)
    let value = [UInt8](repeating: 7, count: 1_000)
    var largest = 0
    for round in 0..<20 {
      try store.execute { storage in
        for number in 0..<1_000 {
          try storage.add(
            .accounts, "\(round) \(number)", value,
            expiresAt: Timestamp(secondsSince1970: Int64(round + 1)))
        }
      }
      // What was added two rounds before.
      try store.sweep(now: Timestamp(secondsSince1970: Int64(round)))
      let statistics = try store.statistics()
      largest = max(largest, statistics.pages * statistics.pageSizeInBytes)
    }
    // 1 MB a round; three rounds are there at once.
    #expect(largest < 6_000_000)
    #expect(try store.sweep(now: 1_000) > 0)
    try store.close()
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    #expect(status.st_size < 200_000)
  }
}
