import Synchronization
import Testing
import Threads

@testable import KVStore

/// A round is 2,500 routines of several verbs each, with a seed of its own, and two threads that read beside.
@Suite("Random routines against a dictionary", .serialized)
struct ModelTests {
  private static let routinesPerRound = 2_500

  @Test("Routines and reads beside give what the model gives, over errors and re-opened files")
  func routines() throws {
    let seeds = Proof.seeds
    var (verbs, reads) = (0, 0)
    for seed in seeds {
      let run = ModelRun(seed: seed)
      do { try run.go(routines: Self.routinesPerRound) } catch {
        Issue.record("FREETSER_PROOF_SEED=\(seed) FREETSER_PROOF_ROUNDS=1: \(error)")
        return
      }
      verbs += run.verbs
      reads += run.reads
    }
    Proof.report(
      """
      model: seeds \(seeds), \(seeds.count * Self.routinesPerRound) routines with \(verbs) verbs, \
      \(reads) reads beside
      """)
  }
}

/// What a routine is to do, and whether it is to throw.
private struct Plan {
  var verbs: [Verb]
  /// Throws at its end.
  var isAbandoned: Bool
  /// Throws what a verb refuses with; otherwise it catches that.
  var stopsAtRefusal: Bool

  init(_ choice: inout ModelChoice) {
    verbs = (0..<choice.number(1...6)).map { _ in choice.verb() }
    isAbandoned = choice.happens(onceIn: 4)
    stopsAtRefusal = choice.happens(onceIn: 2)
  }

  /// Does the verbs, keeping what they give.
  func run(_ perform: (Verb) -> Outcome, keeping outcomes: (Outcome) -> Void) throws {
    for verb in verbs {
      let outcome = perform(verb)
      outcomes(outcome)
      if stopsAtRefusal, case .refusal(let error) = outcome { throw error }
    }
    if isAbandoned { throw Abandoned() }
  }
}

/// One store and one model, to which the same is done.
private final class ModelRun {
  private let seed: UInt64
  private let directory = TemporaryDirectory()
  private var choice: ModelChoice
  private var model = ModelStore(tables: ModelChoice.tables)
  private(set) var verbs = 0
  private(set) var reads = 0

  private struct Difference: Error { var text: String }

  init(seed: UInt64) {
    self.seed = seed
    choice = ModelChoice(seed: seed)
  }

  private func open() throws -> Store {
    try Store(
      path: directory.file("test.sqlite"), tables: ModelChoice.tables, durability: .normal)
  }

  func go(routines: Int) throws {
    var store = try open()
    let known = KnownStates(store, model)
    let watched = try startWatchers(of: known)
    defer {
      known.end()
      _ = watched.wait { $0.count == 2 ? true : nil }
    }
    for step in 0..<routines {
      try run(Plan(&choice), on: store, step, known)
      if choice.happens(onceIn: 100) { try sweep(store, step, known) }
      if choice.happens(onceIn: 500) { try store.compact() }
      if choice.happens(onceIn: 100) {
        try store.close()
        store = try open()
        known.reopened(store)
      }
      if step.isMultiple(of: 50) { try compareAll(of: store, "step \(step)") }
    }
    try compareAll(of: store, "the end")
    let problems = try store.integrityCheck()
    if problems != [] { throw Difference(text: "\(problems)") }
    known.end()
    for (count, faults) in watched.wait(for: { $0.count == 2 ? $0 : nil })! {
      reads += count
      if let fault = faults.first { throw Difference(text: fault) }
    }
  }

  private func startWatchers(of known: KnownStates) throws -> Monitor<[(Int, [String])]> {
    let results = Monitor<[(Int, [String])]>([])
    for watcher in 0..<2 {
      let choice = ModelChoice(seed: ~seed &+ UInt64(watcher))
      try startThread("watcher \(watcher)") {
        let result = try known.watch(as: watcher, choice)
        results.withLock { $0.append(result) }
        results.wakeAll()
      }
    }
    return results
  }

  private func run(_ plan: Plan, on store: Store, _ step: Int, _ known: KnownStates) throws {
    // What should come of it.
    var changed = model
    var expected: [Outcome] = []
    let prediction = Result {
      try plan.run {
        $0.perform(on: &changed)
      } keeping: {
        expected.append($0)
      }
    }
    verbs += expected.count
    if case .success = prediction {
      model = changed
      known.begin(changed)
    }

    // What came of it.
    let outcomes = Monitor<[Outcome]>([])
    let result = Result {
      try store.execute { storage in
        for verb in plan.verbs {
          let outcome = verb.perform(on: storage)
          outcomes.withLock { $0.append(outcome) }
          if plan.stopsAtRefusal, case .refusal(let error) = outcome { throw error }
        }
        if plan.isAbandoned { throw Abandoned() }
      }
    }
    known.acknowledge()
    let found = outcomes.withLock { $0 }
    guard found == expected else {
      throw Difference(text: "step \(step): \(plan) gave \(found) instead of \(expected)")
    }
    guard result.end == prediction.end else {
      throw Difference(text: "step \(step): \(plan) ended with \(result), not \(prediction)")
    }
  }

  /// Also outside of routines, and in all tables.
  private func sweep(_ store: Store, _ step: Int, _ known: KnownStates) throws {
    let now = choice.time()
    var count = 0
    // Each table is swept in a routine of its own, and all is there to be seen between them.
    for table in ModelChoice.tables {
      count += try model.sweep(table, now: now)
      known.begin(model)
    }
    let found = try store.sweep(now: now)
    known.acknowledge()
    if found != count { throw Difference(text: "step \(step): swept \(found), not \(count)") }
  }

  /// Everything in the store, expirations too.
  private func compareAll(of store: Store, _ moment: String) throws {
    let rows = try store.executor.run { database in
      var rows: [Table: [[UInt8]: ModelStore.Row]] = [:]
      for table in ModelChoice.tables {
        let statement = try SQLiteStatement(
          "SELECT key, value, counter, expiration FROM \(table)", on: database.connection)
        try statement.forEachRow { row in
          rows[table, default: [:]][Array(row.text(at: 0).utf8)] = ModelStore.Row(
            value: row.bytes(at: 1), counter: row.number(at: 2), expiration: row.number(at: 3))
        }
      }
      return rows
    }
    if rows != model.contents {
      throw Difference(text: "\(moment): \(rows) instead of \(model.contents)")
    }
  }
}

extension Result where Success == Void, Failure == any Error {
  /// How it ended, to be compared.
  fileprivate var end: Outcome {
    .of {
      try get()
      return .done
    }
  }
}

/// SQLite's own look at the file.
func checkIntegrity(of store: Store) throws {
  let verdict = try store.executor.run { database in
    try SQLiteStatement("PRAGMA integrity_check", on: database.connection)
      .firstRow { $0.text(at: 0) } ?? nil
  }
  #expect(verdict == "ok")
}
