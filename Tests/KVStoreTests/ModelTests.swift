import Synchronization
import Testing

@testable import KVStore

/// A verb with its arguments, to be done to the store and to the model.
private enum Verb: Sendable {
  case get(Table, String, now: Int64?)
  case add(Table, String, [UInt8], expiration: Int64, now: Int64?)
  case update(Table, String, [UInt8], counter: Int64, expiration: Int64)
  case tryUpdate(Table, String, [UInt8], counter: Int64, expiration: Int64)
  case overwrite(Table, String, [UInt8], expiration: Int64)
  case delete(Table, String)
  case listKeys(Table)
  case clear(Table)
  case scan(Table, KeyRange, after: String?, backwards: Bool, limit: Int, now: Int64?)
  case count(Table, KeyRange, now: Int64?)
  case deleteRange(Table, KeyRange)
  case increment(Table, String, by: Int64, now: Int64?)
}

/// What a verb gave; keys as bytes, since equal strings may differ in them.
private enum Outcome: Equatable, Sendable {
  case done
  case answer(Bool)
  case entry(Entry?)
  case keys([[UInt8]])
  case rows([Row], isLast: Bool)
  case number(Int64)
  case refusal(StoreError)
}

extension Verb {
  func perform(on storage: borrowing Storage) -> Outcome {
    func time(_ seconds: Int64) -> Timestamp { Timestamp(secondsSince1970: seconds) }
    do throws(StoreError) {
      switch self {
      case .get(let table, let key, let now):
        return .entry(try storage.get(table, key, now: now.map(time)))
      case .add(let table, let key, let value, let expiration, let now):
        try storage.add(
          table, key, value, expiresAt: expiration == 0 ? nil : time(expiration),
          now: now.map(time))
      case .update(let table, let key, let value, let counter, let expiration):
        try storage.update(
          table, key, value, ifCounter: counter, expiresAt: time(expiration))
      case .tryUpdate(let table, let key, let value, let counter, let expiration):
        return .answer(
          try storage.tryUpdate(
            table, key, value, ifCounter: counter, expiresAt: time(expiration)))
      case .overwrite(let table, let key, let value, let expiration):
        try storage.overwrite(table, key, value, expiresAt: time(expiration))
      case .delete(let table, let key): return .answer(try storage.delete(table, key))
      case .listKeys(let table):
        return .keys(try storage.listKeys(table).map { Array($0.utf8) })
      case .clear(let table): try storage.clear(table)
      case .scan(let table, let range, let cursor, let backwards, let limit, let now):
        let page = try storage.scan(
          table, in: range, after: cursor, backwards: backwards, limit: limit,
          now: now.map(time))
        return .rows(page.rows, isLast: page.cursor == nil)
      case .count(let table, let range, let now):
        return .number(Int64(try storage.count(table, in: range, now: now.map(time))))
      case .deleteRange(let table, let range):
        return .number(Int64(try storage.delete(table, in: range)))
      case .increment(let table, let key, let amount, let now):
        return .number(
          try storage.increment(table, key, by: amount, now: now.map(time)))
      }
      return .done
    } catch {
      return .refusal(error)
    }
  }

  func perform(on model: inout ModelStore) -> Outcome {
    switch self {
    case .get(let table, let key, let now): return .entry(model.get(table, key, now: now))
    case .add(let table, let key, let value, let expiration, let now):
      return model.add(table, key, value, expiration: expiration, now: now)
        .map(Outcome.refusal) ?? .done
    case .update(let table, let key, let value, let counter, let expiration):
      let updated = model.update(table, key, value, ifCounter: counter, expiration: expiration)
      return updated
        ? .done : .refusal(.staleCounter(table: table, key: key, expected: counter))
    case .tryUpdate(let table, let key, let value, let counter, let expiration):
      return .answer(
        model.update(table, key, value, ifCounter: counter, expiration: expiration))
    case .overwrite(let table, let key, let value, let expiration):
      model.overwrite(table, key, value, expiration: expiration)
    case .delete(let table, let key): return .answer(model.delete(table, key))
    case .listKeys(let table): return .keys(model.listKeys(table).map { Array($0.utf8) })
    case .clear(let table): model.clear(table)
    case .scan(let table, let range, let cursor, let backwards, let limit, let now):
      let rows = model.rows(table, in: range, after: cursor, backwards: backwards, now: now)
      return .rows(Array(rows.prefix(limit)), isLast: rows.count < limit)
    case .count(let table, let range, let now):
      let rows = model.rows(table, in: range, after: nil, backwards: false, now: now)
      return .number(Int64(rows.count))
    case .deleteRange(let table, let range):
      let rows = model.rows(table, in: range, after: nil, backwards: false, now: nil)
      for row in rows { _ = model.delete(table, row.key) }
      return .number(Int64(rows.count))
    case .increment(let table, let key, let amount, let now):
      return model.increment(table, key, by: amount, now: now)
        .map(Outcome.number) ?? .refusal(.notANumber(table: table, key: key))
    }
    return .done
  }

  /// Few keys and few times, so that they meet often.
  static func random(using numbers: inout SplitMix64) -> Verb {
    let table = Self.tables.randomElement(using: &numbers)!
    let key = Self.keys.randomElement(using: &numbers)!
    let value = (0..<Int.random(in: 0...8, using: &numbers)).map { _ in
      UInt8.random(in: 0...255, using: &numbers)
    }
    let counter = Int64.random(in: 0...3, using: &numbers)
    let expiration = Int64.random(in: -1...4, using: &numbers)
    let now = Bool.random(using: &numbers) ? Int64.random(in: 0...5, using: &numbers) : nil
    let ranges: [KeyRange] = [
      .all, .prefix(key), .from(key), .before(key),
      .between(key, and: Self.keys.randomElement(using: &numbers)!),
    ]
    let range = ranges.randomElement(using: &numbers)!
    switch Int.random(in: 0..<140, using: &numbers) {
    case 100..<120:
      return .scan(
        table, range,
        after: Bool.random(using: &numbers) ? Self.keys.randomElement(using: &numbers)! : nil,
        backwards: .random(using: &numbers), limit: .random(in: 1...4, using: &numbers), now: now)
    case 120..<127: return .count(table, range, now: now)
    case 127..<130: return .deleteRange(table, range)
    case 130..<140: return .increment(table, key, by: counter - 1, now: now)
    case 0..<20: return .get(table, key, now: now)
    case 20..<40: return .add(table, key, value, expiration: expiration, now: now)
    case 40..<55: return .update(table, key, value, counter: counter, expiration: expiration)
    case 55..<70: return .tryUpdate(table, key, value, counter: counter, expiration: expiration)
    case 70..<80: return .overwrite(table, key, value, expiration: expiration)
    case 80..<90: return .delete(table, key)
    case 90..<99: return .listKeys(table)
    default: return .clear(table)
    }
  }

  static let tables: [Table] = ["first", "second"]
  static let keys = ["a", "b", "B", "\u{e9}", "e\u{301}", "\u{1F642}", " ", "key with 'quotes\""]
}

@Suite("Random routines against a dictionary", .serialized)
struct ModelTests {
  private struct Abandoned: Error {}

  @Test(
    "2,000 routines give what the model gives, over errors and re-opened files",
    arguments: [1, 2, 3, UInt64.random(in: 4...UInt64.max)])
  func routines(seed: UInt64) throws {
    let directory = TemporaryDirectory()
    let path = directory.file("test.sqlite")
    func open() throws -> Store {
      try Store(path: path, tables: Verb.tables, durability: .normal)
    }

    var numbers = SplitMix64(seed: seed)
    var model = ModelStore()
    var store = try open()
    for step in 0..<2_000 {
      let verbs = (0..<Int.random(in: 1...6, using: &numbers)).map { _ in
        Verb.random(using: &numbers)
      }
      let isAbandoned = Int.random(in: 0..<4, using: &numbers) == 0
      let stopsAtRefusal = Bool.random(using: &numbers)

      // What should come of it.
      var changed = model
      var expected: [Outcome] = []
      var thrown: (any Error)?
      for verb in verbs where thrown == nil {
        let outcome = verb.perform(on: &changed)
        expected.append(outcome)
        if stopsAtRefusal, case .refusal(let error) = outcome { thrown = error }
      }
      if isAbandoned, thrown == nil { thrown = Abandoned() }
      if thrown == nil { model = changed }

      // What came of it.
      let outcomes = Outcomes()
      let result = Result {
        try store.execute { storage in
          for verb in verbs {
            let outcome = verb.perform(on: storage)
            outcomes.append(outcome)
            if stopsAtRefusal, case .refusal(let error) = outcome { throw error }
          }
          if isAbandoned { throw Abandoned() }
        }
      }
      try #require(outcomes.all == expected, "seed \(seed), step \(step), \(verbs)")
      switch (result, thrown) {
      case (.success, nil): break
      case (.failure(let error as StoreError), let thrown as StoreError):
        try #require(error == thrown, "seed \(seed), step \(step), \(verbs)")
      case (.failure(let error), _):
        try #require(
          error is Abandoned && thrown is Abandoned, "seed \(seed), step \(step), \(verbs)")
      case (.success, .some(let thrown)):
        Issue.record("seed \(seed), step \(step): \(thrown) did not arrive")
        return
      }

      if Int.random(in: 0..<100, using: &numbers) == 0 {
        if Bool.random(using: &numbers) { try store.close() }
        store = try Store.inMemory(tables: [])  // lets go of the other
        store = try open()
      }
      if step.isMultiple(of: 50) {
        try #require(try rows(of: store) == model.contents, "seed \(seed), step \(step)")
      }
    }
    #expect(try rows(of: store) == model.contents, "seed \(seed), at the end")
    try checkIntegrity(of: store)
  }

  /// Everything in the store, expirations too.
  private func rows(of store: Store) throws -> [Table: [[UInt8]: ModelStore.Row]] {
    try store.executor.run { database in
      var rows: [Table: [[UInt8]: ModelStore.Row]] = [:]
      for table in Verb.tables {
        let statement = try SQLiteStatement(
          "SELECT key, value, counter, expiration FROM \(table)", on: database.connection)
        try statement.forEachRow { row in
          rows[table, default: [:]][Array(row.text(at: 0).utf8)] = ModelStore.Row(
            value: row.bytes(at: 1), counter: row.number(at: 2), expiration: row.number(at: 3))
        }
      }
      return rows
    }
  }
}

/// What a routine saw, kept also when it throws.
private final class Outcomes: Sendable {
  private let list = Mutex<[Outcome]>([])
  var all: [Outcome] { list.withLock { $0 } }
  func append(_ outcome: Outcome) { list.withLock { $0.append(outcome) } }
}

/// SQLite's own look at the file.
func checkIntegrity(of store: Store) throws {
  let verdict = try store.executor.run { database in
    try SQLiteStatement("PRAGMA integrity_check", on: database.connection)
      .firstRow { $0.text(at: 0) } ?? nil
  }
  #expect(verdict == "ok")
}
