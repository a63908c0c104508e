import CSQLite
import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

private struct Refusal: Error, Equatable {}

/// How often a commit was begun, in the store whose connection it was told to.
private let commits = Atomic(0)

@Suite("Routines that wait share a commit, and nothing else", .serialized)
struct GroupCommitTests {
  let directory = TemporaryDirectory()
  let store: Store

  init() throws {
    store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], busyTimeout: .milliseconds(20))
  }

  private func adds(_ key: String) -> @Sendable (borrowing Storage) throws -> Int {
    { storage in
      let before = try storage.count(.accounts)
      try storage.add(.accounts, key, key)
      return before
    }
  }

  private var keys: [String] {
    get throws { try store.read { try $0.listKeys(.accounts) } }
  }

  private func countCommits() throws {
    commits.store(0, ordering: .relaxed)
    try store.executor.run { database in
      _ = unsafe sqlite3_commit_hook(
        database.connection.handle,
        { _ in
          commits.add(1, ordering: .relaxed)
          return 0
        }, nil)
    }
  }

  @Test("Twenty routines are stored with one commit, each seeing those before it")
  func oneCommit() throws {
    try countCommits()
    let results = try together(in: store, (0..<20).map { adds("key \($0 + 10)") })
    #expect(try results.map { try $0.get() } == Array(0..<20))
    #expect(commits.load(ordering: .relaxed) == 1)
    #expect(try keys == (0..<20).map { "key \($0 + 10)" })
  }

  @Test("One that throws takes back its own changes, and nobody else's")
  func oneThrows() throws {
    try countCommits()
    let results = try together(
      in: store,
      [
        adds("a"),
        { storage in
          try storage.add(.accounts, "b", "")
          try storage.delete(.accounts, "a")
          throw Refusal()
        },
        { storage in
          try storage.add(.accounts, "a", "")  // is there: the delete was taken back
          return 0
        },
        adds("c"),
      ])
    #expect(try results[0].get() == 0)
    #expect(throws: Refusal()) { try results[1].get() }
    #expect(throws: StoreError.entryExists(table: .accounts, key: "a")) { try results[2].get() }
    #expect(try results[3].get() == 1)
    #expect(try keys == ["a", "c"])
    #expect(commits.load(ordering: .relaxed) == 1)
  }

  @Test("A commit that fails reaches all whose changes it held; those who only looked look again")
  func commitFails() throws {
    try store.executor.run {
      try $0.connection.execute(
        """
        PRAGMA foreign_keys = ON;
        CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER orphan AFTER INSERT ON accounts WHEN new.key = 'bad'
        BEGIN INSERT INTO child VALUES (1); END;
        """)
    }
    let runs = Atomic(0)
    let results = try together(
      in: store,
      [
        adds("a"),
        { storage in
          runs.add(1, ordering: .relaxed)
          return try storage.count(.accounts)
        },
        adds("bad"),
        { storage in
          // What it complains about is not there in the end.
          if try storage.get(.accounts, "bad") != nil { throw Refusal() }
          return 7
        },
      ])
    for index in [0, 2] {
      let error = #expect(throws: StoreError.self) { try results[index].get() }
      guard case .sqlite(code: 787, message: _) = error else {  // SQLITE_CONSTRAINT_FOREIGNKEY
        Issue.record("another error: \(String(describing: error))")
        continue
      }
    }
    #expect(try results[1].get() == 0)
    #expect(runs.load(ordering: .relaxed) == 2)
    #expect(try results[3].get() == 7)
    #expect(try keys == [])
  }

  @Test("Where SQLite ends the transaction, the others run again, each alone")
  func transactionEnds() throws {
    let large = [UInt8](repeating: 1, count: 1_000_000)
    try store.executor.run { try $0.connection.execute("PRAGMA max_page_count = 100") }
    let runs = Atomic(0)
    let results = try together(
      in: store,
      [
        { storage in
          runs.add(1, ordering: .relaxed)
          try storage.add(.accounts, "a", "")
          return try storage.count(.accounts)
        },
        { storage in
          try? storage.add(.accounts, "large", large)  // hides it
          return 0
        },
        adds("b"), adds("c"),
      ])
    #expect(try results[0].get() == 1)
    #expect(runs.load(ordering: .relaxed) == 2)
    #expect(throws: StoreError.full) { try results[1].get() }
    #expect(try results[2].get() == 1)
    #expect(try results[3].get() == 2)
    #expect(try keys == ["a", "b", "c"])
  }

  @Test("A routine that makes an error of its own of SQLite's gets its own, alone and with others")
  func translatedFailure() throws {
    let large = [UInt8](repeating: 1, count: 1_000_000)
    try store.executor.run { try $0.connection.execute("PRAGMA max_page_count = 100") }
    let translates: @Sendable (borrowing Storage) throws -> Int = { storage in
      do {
        try storage.add(.accounts, "large", large)
        return 0
      } catch StoreError.full {
        throw Refusal()
      }
    }
    #expect(throws: Refusal()) { try store.execute(translates) }
    let alone = try together(in: store, [translates])
    #expect(throws: Refusal()) { try alone[0].get() }
    let results = try together(in: store, [adds("a"), translates, adds("b")])
    #expect(throws: Refusal()) { try results[1].get() }
    #expect(try keys == ["a", "b"])
  }

  @Test("A BEGIN that fails reaches all who wait, once")
  func beginFails() throws {
    let other = try SQLiteConnection(.file(directory.file("test.sqlite")))
    try other.execute("BEGIN IMMEDIATE")
    let results = try together(in: store, [adds("a"), adds("b"), adds("c")])
    for result in results { #expect(throws: StoreError.busy) { try result.get() } }
    try other.execute("COMMIT")
    try store.execute { try $0.add(.accounts, "d", "") }
    #expect(try keys == ["d"])
  }

  @Test(
    "Transfers between accounts from 16 threads keep the sum, whoever looks, and however many fail")
  func transfers() throws {
    try store.execute { storage in
      for account in 0..<10 { try storage.add(.accounts, "\(account)", "100") }
    }
    let store = store
    try onThreads(16) { thread in
      var numbers = SplitMix64(seed: UInt64(thread))
      for round in 0..<100 {
        let from = Int.random(in: 0..<10, using: &numbers)
        let to = Int.random(in: 0..<10, using: &numbers)
        let amount = Int64.random(in: 1...50, using: &numbers)
        try? store.execute { storage in
          try storage.increment(.accounts, "\(from)", by: -amount)
          // Half-way, where only the routine itself may see it.
          if try Int64(storage.get(.accounts, "\(from)")!.text!)! < 0 { throw Refusal() }
          try storage.increment(.accounts, "\(to)", by: amount)
        }
        if round.isMultiple(of: 5) {
          let sum = try store.read { snapshot in
            try snapshot.scan(.accounts, limit: 100).rows.reduce(0) { $0 + Int($1.text!)! }
          }
          precondition(sum == 1_000, "the sum is \(sum)")
        }
      }
    }
    let balances = try store.read { try $0.scan(.accounts, limit: 100) }.rows.map { Int($0.text!)! }
    #expect(balances.reduce(0, +) == 1_000)
    #expect(balances.allSatisfy { $0 >= 0 })
  }
}
