// Lists that many threads append to and look at, which shows the order of what they did.

import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

/// Four lists. Who appends to one, or to two at once, and who looks, sees all four.
struct Lists {
  private static let keys = (0..<4).map { "list \($0)" }
  /// Bytes of an element, which is the number of who appended it.
  private static let width = 4

  private let store: Store
  private let history: History
  private let seed: UInt64

  init(_ store: Store, _ history: History, _ seed: UInt64) {
    self.store = store
    self.history = history
    self.seed = seed
  }

  /// Makes the history, and looks at it in the light of the lists as they are in the end.
  ///
  /// - Returns: How many calls failed because a commit did.
  @discardableResult
  func run() throws -> Int {
    let appended = Monitor<[Set<UInt32>]>(Array(repeating: [], count: Self.keys.count))
    let failures = Atomic(0)
    try onThreads(HistoryTests.threads) { thread in
      var numbers = SplitMix64(seed: seed &* 31 &+ UInt64(thread))
      for number in 0..<20 {
        let element = UInt32(thread * 1_000 + number)
        let lists = Set(
          (0..<Int.random(in: 1...2, using: &numbers)).map { _ in
            Int.random(in: 0..<Self.keys.count, using: &numbers)
          })
        do {
          switch Int.random(in: 0..<10, using: &numbers) {
          case 0..<5:
            try append(element, to: lists)
            appended.withLock { all in lists.forEach { all[$0].insert(element) } }
          case 5: try abandon(element, lists)
          case 6..<9:
            try history.record {
              Self.seen(
                try store.read { try Self.look(at: $0) { sched_yield() } }, isChange: false)
            }
          default:
            try history.record {
              Self.seen(try store.execute { try Self.look(at: $0) }, isChange: false)
            }
          }
        } catch is Abandoned {
        } catch StoreError.sqlite(code: 531, message: _) {  // SQLITE_CONSTRAINT_COMMITHOOK
          failures.add(1, ordering: .relaxed)
        }
      }
    }
    try check(appended.withLock { $0 })
    return failures.load(ordering: .relaxed)
  }

  /// The length of all lists is the number of the state: it grows with each change.
  private static func seen(_ lists: [[UInt8]], isChange: Bool = true) -> Seen {
    let length = lists.reduce(0) { $0 + $1.count / width }
    return Seen(state: length, isChange: isChange, details: lists)
  }

  /// - Parameter pause: Lets others write between two verbs, which is not to be seen.
  private static func look(
    at reader: borrowing some StorageReader & ~Copyable, pause: () -> Void = {}
  ) throws -> [[UInt8]] {
    let first = try reader.getMany(.accounts, Array(keys[..<2]))
    pause()
    return try (first + reader.getMany(.accounts, Array(keys[2...]))).map { $0?.value ?? [] }
  }

  private func append(_ element: UInt32, to lists: Set<Int>) throws {
    try history.record {
      Self.seen(
        try store.execute { storage in
          try Self.append(element, to: lists, in: storage)
          return try Self.look(at: storage)
        })
    }
  }

  /// Appends where nobody is to see it.
  private func abandon(_ element: UInt32, _ lists: Set<Int>) throws {
    try store.execute { storage in
      try Self.append(element, to: lists, in: storage)
      throw Abandoned()
    }
  }

  private static func append(
    _ element: UInt32, to lists: Set<Int>, in storage: borrowing Storage
  ) throws {
    for list in lists {
      try storage.modify(.accounts, keys[list]) { value in
        value = (value ?? []) + (0..<width).map { UInt8(truncatingIfNeeded: element >> ($0 * 8)) }
      }
    }
  }

  private func check(_ appended: [Set<UInt32>]) throws {
    let last = try store.read { try Self.look(at: $0) }
    for (list, expected) in zip(last, appended) {
      let found = stride(from: 0, to: list.count, by: Self.width).map { start in
        list[start..<start + Self.width].reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
      // What was acknowledged is there once, and nothing that was not.
      try #require(found.sorted() == expected.sorted(), "seed \(seed)")
    }
    var lengths = last.map { _ in 0 }
    for seen in history.all.map(\.seen).sorted(by: { $0.state < $1.state }) {
      try #require(zip(seen.details, last).allSatisfy { $1.starts(with: $0) }, "seed \(seed)")
      // No two who looked saw changes in another order: then each would have a list that is longer.
      let next = seen.details.map(\.count)
      try #require(zip(lengths, next).allSatisfy { $0 <= $1 }, "seed \(seed): \(seen)")
      lengths = next
    }
  }
}
