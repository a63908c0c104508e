// The verbs that read, as values: to be done to a store, in a routine or in a snapshot, and to the model.

@testable import KVStore

/// A verb that reads, with its arguments.
enum Reading: Sendable {
  case get(Table, String, now: Timestamp?)
  case getMany(Table, [String], now: Timestamp?)
  case listKeys(Table)
  case scan(Table, KeyRange, after: String?, backwards: Bool, limit: Int, now: Timestamp?)
  case forEach(Table, KeyRange, backwards: Bool, atMost: Int, now: Timestamp?)
  case count(Table, KeyRange, now: Timestamp?)
}

/// What a verb gave; keys as bytes too, since equal strings may differ in them.
enum Outcome: Equatable, Sendable {
  case done
  case answer(Bool)
  case number(Int64)
  case value([UInt8]?)
  case entries([Entry?])
  case keys([[UInt8]])
  case rows([Row], keys: [[UInt8]], cursor: [UInt8]?)
  case refusal(StoreError)
  /// The closure that was given to the verb threw.
  case abandoned
  /// None of these should come.
  case otherError(String)

  static func rows(_ rows: [Row], cursor: String? = nil) -> Outcome {
    .rows(rows, keys: rows.map { Array($0.key.utf8) }, cursor: cursor.map { Array($0.utf8) })
  }

  static func of(_ verb: () throws -> Outcome) -> Outcome {
    do {
      return try verb()
    } catch let error as StoreError {
      return .refusal(error)
    } catch is Abandoned {
      return .abandoned
    } catch {
      return .otherError("\(error)")
    }
  }
}

/// What a routine, or a closure in it, throws of its own.
struct Abandoned: Error {}

extension Reading {
  func perform(on reader: borrowing some StorageReader & ~Copyable) -> Outcome {
    do throws(StoreError) {
      switch self {
      case .get(let table, let key, let now):
        return .entries([try reader.get(table, key, now: now)])
      case .getMany(let table, let keys, let now):
        return .entries(try reader.getMany(table, keys, now: now))
      case .listKeys(let table):
        return .keys(try reader.listKeys(table).map { Array($0.utf8) })
      case .scan(let table, let range, let cursor, let backwards, let limit, let now):
        let page = try reader.scan(
          table, in: range, after: cursor, backwards: backwards, limit: limit, now: now)
        return .rows(page.rows, cursor: page.cursor)
      case .forEach(let table, let range, let backwards, let atMost, let now):
        return forEach(reader, table, range, backwards, atMost, now)
      case .count(let table, let range, let now):
        return .number(Int64(try reader.count(table, in: range, now: now)))
      }
    } catch {
      return .refusal(error)
    }
  }

  private func forEach(
    _ reader: borrowing some StorageReader & ~Copyable, _ table: Table, _ range: KeyRange,
    _ backwards: Bool, _ atMost: Int, _ now: Timestamp?
  ) -> Outcome {
    var rows: [Row] = []
    do {
      try reader.forEach(table, in: range, backwards: backwards, now: now) { row in
        rows.append(row)
        return rows.count < atMost
      }
      return .rows(rows)
    } catch {
      return .of { throw error }
    }
  }

  func perform(on model: ModelStore) -> Outcome {
    .of {
      switch self {
      case .get(let table, let key, let now):
        return .entries([try model.get(table, key, now: now)])
      case .getMany(let table, let keys, let now):
        return .entries(try keys.map { try model.get(table, $0, now: now) })
      case .listKeys(let table):
        return .keys(try model.listKeys(table).map { Array($0.utf8) })
      case .scan(let table, let range, let cursor, let backwards, let limit, let now):
        let all = try model.rows(
          table, in: range, after: cursor, backwards: backwards, now: now)
        let rows = Array(all.prefix(max(1, limit)))
        return .rows(rows, cursor: rows.count == max(1, limit) ? rows.last?.key : nil)
      case .forEach(let table, let range, let backwards, let atMost, let now):
        let rows = try model.rows(table, in: range, backwards: backwards, now: now)
        return .rows(Array(rows.prefix(atMost)))
      case .count(let table, let range, let now):
        return .number(Int64(try model.rows(table, in: range, now: now).count))
      }
    }
  }
}
