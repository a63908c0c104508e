import CSQLite
import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

/// Where the store of a history is.
enum HistoryPlace: CaseIterable, Sendable {
  case file, memory

  func open(in directory: TemporaryDirectory) throws -> Store {
    switch self {
    case .file: try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    case .memory: try Store.inMemory(tables: [.accounts])
    }
  }
}

/// A round is one history of 16 threads. See `History` for what is asked of it.
@Suite("One order of all calls explains what each of 16 threads saw", .serialized)
struct HistoryTests {
  static let threads = 16

  /// Makes one history after the other, each in a store of its own.
  private func rounds(
    _ name: String, _ place: HistoryPlace,
    _ body: (_ store: Store, _ history: History, _ seed: UInt64) throws -> Void
  ) throws {
    let seeds = Proof.seeds
    var calls = 0
    for seed in seeds {
      let directory = TemporaryDirectory()
      try withExtendedLifetime(directory) {
        let store = try place.open(in: directory)
        let history = History()
        try body(store, history, seed)
        let again = "FREETSER_PROOF_SEED=\(seed) FREETSER_PROOF_ROUNDS=1"
        try #require(history.fault == nil, "\(again)")
        try #require(try store.integrityCheck() == [], "\(again)")
        calls += history.all.count
        try store.close()
      }
    }
    Proof.report("\(name) in \(place): seeds \(seeds), \(calls) calls in order")
  }

  // MARK: One number

  @Test(
    "A number is as large as there were successful changes, and each change made one value of it",
    arguments: HistoryPlace.allCases)
  func counter(place: HistoryPlace) throws {
    try rounds("counter", place) { store, history, seed in
      let changes = Atomic(0)
      try onThreads(Self.threads) { thread in
        var numbers = SplitMix64(seed: seed &* 31 &+ UInt64(thread))
        for _ in 0..<20 {
          let kind = Int.random(in: 0..<7, using: &numbers)
          do {
            try Self.count(kind, in: store, history)
            if kind < 4 { changes.add(1, ordering: .relaxed) }
          } catch is Abandoned {
          } catch StoreError.staleCounter, StoreError.entryExists {
          }
        }
      }
      let entry = try store.read { try $0.get(.accounts, "n") }
      let count = changes.load(ordering: .relaxed)
      #expect(entry?.text == "\(count)", "seed \(seed)")
      #expect(entry?.counter == Int64(count - 1), "seed \(seed)")
    }
  }

  /// Adds 1 in one of four ways, or fails at it, or looks.
  private static func count(_ kind: Int, in store: Store, _ history: History) throws {
    switch kind {
    case 0:
      try history.record {
        Seen(state: Int(try store.execute { try $0.increment(.accounts, "n") }))
      }
    case 1:
      try history.record {
        try store.execute { storage in
          try storage.modify(.accounts, "n") { value in
            let number = number(value) + 1
            value = Array("\(number)".utf8)
            return Seen(state: number)
          }
        }
      }
    case 2:
      // Of those who have read the same, one succeeds.
      try history.record {
        let before = try store.read { try $0.get(.accounts, "n") }
        let number = number(before?.value) + 1
        try store.execute { storage in
          if let before {
            try storage.update(.accounts, "n", "\(number)", ifCounter: before.counter)
          } else {
            try storage.add(.accounts, "n", "\(number)")
          }
        }
        return Seen(state: number)
      }
    case 3:
      try history.record {
        try store.execute { storage in
          let number = number(try storage.get(.accounts, "n")?.value) + 1
          try storage.overwrite(.accounts, "n", "\(number)")
          return Seen(state: number)
        }
      }
    case 4:
      try store.execute { storage in
        try storage.increment(.accounts, "n")
        throw Abandoned()
      }
    case 5:
      try history.record {
        let entry = try store.execute { try $0.get(.accounts, "n") }
        return Seen(state: number(entry?.value), isChange: false)
      }
    default:
      try history.record {
        let entry = try store.read { try $0.get(.accounts, "n") }
        return Seen(state: number(entry?.value), isChange: false)
      }
    }
  }

  private static func number(_ value: [UInt8]?) -> Int {
    value.map { Int(String(decoding: $0, as: UTF8.self))! } ?? 0
  }

  // MARK: A sum

  @Test(
    "Transfers keep the sum in every snapshot, and each snapshot is the state after one of them",
    arguments: HistoryPlace.allCases)
  func transfers(place: HistoryPlace) throws {
    let accounts = 8
    try rounds("transfers", place) { store, history, seed in
      try store.execute { storage in
        for account in 0..<accounts { try storage.add(.accounts, "\(account)", "100") }
      }
      try onThreads(Self.threads) { thread in
        var numbers = SplitMix64(seed: seed &* 31 &+ UInt64(thread))
        for _ in 0..<20 {
          let (from, to) = (
            Int.random(in: 0..<accounts, using: &numbers),
            Int.random(in: 0..<accounts, using: &numbers)
          )
          let amount = Int64.random(in: 1...60, using: &numbers)
          do {
            if thread < 4 {
              try history.record {
                Seen(
                  state: try store.read { try Self.look(at: $0) { sched_yield() } }, isChange: false
                )
              }
              continue
            }
            try history.record {
              try store.execute { storage in
                // Half-way, where only the routine itself may see it.
                try storage.increment(.accounts, "\(to)", by: amount)
                if try storage.increment(.accounts, "\(from)", by: -amount) < 0 {
                  throw Abandoned()
                }
                try storage.increment(.accounts, "transfers")
                return Seen(state: try Self.look(at: storage))
              }
            }
          } catch is Abandoned, is History.Absurdity {
          }
        }
      }
    }
  }

  /// - Parameter pause: Lets others write between two verbs, which is not to be seen.
  /// - Returns: How many transfers there have been.
  private static func look(
    at reader: borrowing some StorageReader & ~Copyable, pause: () -> Void = {}
  ) throws -> Int {
    let rows = try reader.scan(.accounts, limit: 100).rows
    let sum = rows.reduce(0) { $0 + ($1.key == "transfers" ? 0 : number($1.value)) }
    guard sum == 800 && rows.allSatisfy({ number($0.value) >= 0 }) else {
      throw History.Absurdity(text: "the sum \(sum) in \(rows)")
    }
    pause()
    var again = 0
    for row in rows where row.key != "transfers" {
      again += number(try reader.get(.accounts, row.key)?.value)
    }
    if again != 800 { throw History.Absurdity(text: "another sum in the same snapshot: \(again)") }
    return number(try reader.get(.accounts, "transfers")?.value)
  }

  // MARK: Decisions

  @Test(
    "Of routines that look at two entries, or at a range, and write if nobody has, one alone writes",
    arguments: HistoryPlace.allCases)
  func writeSkew(place: HistoryPlace) throws {
    let contests = 25
    try rounds("write skew", place) { store, history, seed in
      let wins = Monitor<[String: Int]>([:])
      try onThreads(Self.threads) { thread in
        for contest in 0..<contests {
          let prefix = "\(contest) "
          let own =
            contest.isMultiple(of: 2) ? (thread.isMultiple(of: 2) ? "x" : "y") : "\(thread)"
          let isWon = try history.record {
            try store.execute { storage in
              // Both read both, and write one each; or each adds its own to a range that it found empty.
              let isTaken =
                contest.isMultiple(of: 2)
                ? try storage.getMany(.accounts, [prefix + "x", prefix + "y"]) != [nil, nil]
                : try storage.count(.accounts, in: .prefix(prefix)) > 0
              if !isTaken { try storage.add(.accounts, prefix + own, "") }
              return Seen(state: try storage.count(.accounts), isChange: !isTaken)
            }
          }.isChange
          if isWon { wins.withLock { $0[prefix, default: 0] += 1 } }
        }
      }
      let count = wins.withLock { $0 }
      #expect(count.count == contests && count.values.allSatisfy { $0 == 1 }, "\(count)")
      #expect(try store.read { try $0.count(.accounts) } == contests)
    }
  }

  // MARK: Lists

  @Test(
    "Every list that is seen is the beginning of the last one, in all snapshots in the same order",
    arguments: HistoryPlace.allCases)
  func lists(place: HistoryPlace) throws {
    try rounds("lists", place) { store, history, seed in
      try Lists(store, history, seed).run()
    }
  }

  @Test(
    "The same where every fifth commit fails: what threw is never seen, and nothing else is lost",
    arguments: HistoryPlace.allCases)
  func listsWithFailingCommits(place: HistoryPlace) throws {
    try rounds("lists, failing commits", place) { store, history, seed in
      try store.executor.run { database in
        _ = unsafe sqlite3_commit_hook(
          database.connection.handle,
          { _ in
            commits.add(1, ordering: .relaxed).newValue.isMultiple(of: 5) ? 1 : 0
          }, nil)
      }
      let failures = try Lists(store, history, seed).run()
      #expect(failures > 0, "seed \(seed)")
    }
  }
}

/// How many commits were begun that may fail.
private let commits = Atomic(0)
