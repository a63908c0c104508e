import Testing
import Threads

@testable import KVStore

/// A round is 5,000 entries that come, expire and are swept.
@Suite("Entries that come and go", .serialized)
struct ChurnTests {
  private let directory = TemporaryDirectory()

  @Test("However many pass through a file beside those who read, it stays small")
  func churn() throws {
    let store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], durability: .normal)
    let isOver = Monitor(false)
    let reads = Monitor<[Int]>([])
    for reader in 0..<2 {
      try startThread("reader \(reader)") {
        var count = 0
        while !(isOver.withLock { $0 }) {
          try store.read { snapshot in
            let rows = try snapshot.scan(.accounts, limit: 50).rows
            precondition(rows.allSatisfy { $0.value.allSatisfy { $0 == 7 } })
          }
          count += 1
        }
        reads.withLock { $0.append(count) }
        reads.wakeAll()
      }
    }
    var most = Size()
    let result = Result { try pass(through: store, &most) }
    isOver.withLock { $0 = true }
    _ = reads.wait { $0.count == 2 ? true : nil }
    try result.get()
    #expect(try store.integrityCheck() == [])

    // At most 3,000 are there at once, with 1,000 bytes each on average.
    #expect(most.pages < 3_000 * 1_000 * 2, "\(most)")
    #expect(most.file < 3_000 * 1_000 * 2, "\(most)")
    // It is begun anew from 32 MiB on, and later if those who read are slow: on a busy machine that may take several tries.
    #expect(most.log < 256 << 20, "\(most)")
    try store.sweep(now: Timestamp(secondsSince1970: .max))
    try store.close()
    let last = try Store.statistics(at: directory.file("test.sqlite")).fileSizeInBytes
    #expect(last < 200_000)
    Proof.report(
      """
      churn: \(Proof.rounds * 5_000) entries, largest file \(most.file), largest log \(most.log), \
      most in use \(most.pages), at the end \(last) bytes; \(reads.withLock { $0.reduce(0, +) }) reads
      """)
  }

  private struct Size {
    var file = 0
    var log = 0
    var pages = 0
  }

  private func pass(through store: Store, _ most: inout Size) throws {
    var numbers = SplitMix64(seed: Proof.seeds.lowerBound)
    for step in 0..<(Proof.rounds * 5) {
      let (first, lengths) = (
        step * 1_000, (0..<1_000).map { _ in Int.random(in: 0...2_000, using: &numbers) }
      )
      try store.execute { storage in
        for (number, length) in lengths.enumerated() {
          // In no order, so that pages are freed all over the file.
          let key = "\((first + number) &* 7_919 % 1_000_003) \(first + number)"
          try storage.add(
            .accounts, key, [UInt8](repeating: 7, count: length),
            expiresAt: Timestamp(secondsSince1970: Int64(step + 1)))
        }
      }
      // What was added two steps before.
      try store.sweep(now: Timestamp(secondsSince1970: Int64(step)))
      let now = try store.statistics()
      most.file = max(most.file, now.fileSizeInBytes)
      most.log = max(most.log, now.logSizeInBytes)
      most.pages = max(most.pages, now.pages * now.pageSizeInBytes)
    }
  }
}
