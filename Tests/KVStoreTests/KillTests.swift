import Glibc
import Testing
import Threads

@testable import KVStore

/// A round is the life of a process, from its start to its end by `kill -9`. Ten lives go through each file.
@Suite("Killed at any moment", .serialized)
struct KillTests {
  private static let livesPerFile = 10

  @Test(
    "What was acknowledged is there, nothing is half there, and the file is sound",
    arguments: [Durability.full, .normal])
  func killed(durability: Durability) async throws {
    let seeds = Proof.seeds
    let isFull = durability == .full
    var tally = Tally()
    var file = Series(seed: seeds.lowerBound)
    for (round, seed) in seeds.enumerated() {
      let life = round % Self.livesPerFile
      if life == 0 {
        tally.add(file.journal)
        file = Series(seed: seed)
      }
      var numbers = SplitMix64(seed: seed)
      let (lines, yields) = Self.moment(&numbers)
      let killer = try Killer(pipe: file.pipe(life), afterLines: lines, yields: yields)
      await #expect(processExitsWith: .signal(SIGKILL), "seed \(seed)") {
        [
          path = file.path as String, pipe = file.pipe(life) as String,
          isFull = isFull as Bool, first = file.journal.seed as UInt64, life = life as Int
        ] in
        try DoomedChild(
          path: path, journal: pipe, durability: isFull ? .full : .normal, seed: first, life: life
        ).run()
      }
      let heard = killer.linesHeard()
      tally.lives += 1
      if heard.count == 1 { tally.whileOpening += 1 }
      do {
        try file.check(heard, inPlace: .random(using: &numbers), &tally)
      } catch {
        Issue.record(
          "FREETSER_PROOF_SEED=\(file.journal.seed), life \(life), \(heard.count) lines: \(error)")
        return
      }
    }
    tally.add(file.journal)
    Proof.report("kill -9, \(durability): seeds \(seeds), \(tally)")
  }

  /// When the process is killed: now and then while it opens the file.
  private static func moment(_ numbers: inout SplitMix64) -> (lines: Int, yields: Int) {
    if Int.random(in: 0..<4, using: &numbers) == 0 {
      return (1, .random(in: 0...400, using: &numbers))
    }
    return (.random(in: 1...1_000, using: &numbers), .random(in: 0...1_000, using: &numbers))
  }
}

/// A file through which several lives go, and what is known of it.
private struct Series {
  var journal: KillJournal
  private let directory = TemporaryDirectory()
  private let copies = TemporaryDirectory()

  init(seed: UInt64) { journal = KillJournal(seed: seed) }

  var path: String { directory.file("test.sqlite") }
  func pipe(_ life: Int) -> String { directory.file("journal \(life)") }

  /// Opens what the process left, or a copy of it: then the next process finds what this one left.
  mutating func check(_ lines: [Substring], inPlace: Bool, _ tally: inout Tally) throws {
    let log = contents(of: path + "-wal")
    tally.largestLog = max(tally.largestLog, log.count)
    var path = path
    if !inPlace {
      let copy = copies.file("test.sqlite")
      for ending in ["", "-wal"] {
        unsafe unlink(copy + ending)
        append(contents(of: path + ending), to: copy + ending)
      }
      path = copy
    }
    let store = try Store(path: path, tables: Job.tables)
    let problems = try store.integrityCheck()
    if problems != [] { throw KillJournal.Disagreement(text: "\(problems)") }
    try journal.close(lines, KillJournal.Contents(store))
    try store.close()
  }
}

/// What was seen in all lives.
private struct Tally: CustomStringConvertible {
  var lives = 0
  var whileOpening = 0
  var acknowledged = 0
  var underWayDone = 0
  var underWayUndone = 0
  var largestLog = 0

  mutating func add(_ journal: KillJournal) {
    acknowledged += journal.acknowledged
    underWayDone += journal.underWayDone
    underWayUndone += journal.underWayUndone
  }

  var description: String {
    """
    \(lives) lives, \(whileOpening) killed while opening, \(acknowledged) routines acknowledged and there, \
    of those under way \(underWayDone) there and \(underWayUndone) not, largest log \(largestLog) bytes
    """
  }
}
