// The verbs of a routine, as values: to be done to a store and to the model.

@testable import KVStore

/// A verb with its arguments.
enum Verb: Sendable {
  case read(Reading)
  case add(Table, String, [UInt8], expiresAt: Timestamp?, now: Timestamp?)
  case update(Table, String, [UInt8], counter: Int64, expiresAt: Timestamp?)
  case tryUpdate(Table, String, [UInt8], counter: Int64, expiresAt: Timestamp?)
  case overwrite(Table, String, [UInt8], expiresAt: Timestamp?)
  case delete(Table, String)
  case deleteRange(Table, KeyRange)
  case clear(Table)
  case sweep(Table, now: Timestamp)
  case restore(Table, Row)
  case modify(Table, String, Change, now: Timestamp?)
  case increment(Table, String, by: Int64, expiresAt: Timestamp?, now: Timestamp?)
  case raise(Table, String, to: Int64, now: Timestamp?)
  case lower(Table, String, to: Int64, now: Timestamp?)

  /// What the closure does that `modify` is given.
  enum Change: Sendable {
    case append(UInt8)
    case replace([UInt8])
    case remove
    case leave
    /// Changes the value and throws.
    case abandon

    func apply(to value: inout [UInt8]?) throws {
      switch self {
      case .append(let byte): value = (value ?? []) + [byte]
      case .replace(let other): value = other
      case .remove: value = nil
      case .leave: break
      case .abandon:
        value = [0]
        throw Abandoned()
      }
    }
  }
}

extension Verb {
  func perform(on storage: borrowing Storage) -> Outcome {
    if case .read(let reading) = self { return reading.perform(on: storage) }
    do {
      return try write(to: storage)
    } catch {
      return .of { throw error }
    }
  }

  private func write(to storage: borrowing Storage) throws -> Outcome {
    switch self {
    case .read: break
    case .add(let table, let key, let value, let expiresAt, let now):
      try storage.add(table, key, value, expiresAt: expiresAt, now: now)
    case .update(let table, let key, let value, let counter, let expiresAt):
      try storage.update(table, key, value, ifCounter: counter, expiresAt: expiresAt)
    case .tryUpdate(let table, let key, let value, let counter, let expiresAt):
      return .answer(
        try storage.tryUpdate(table, key, value, ifCounter: counter, expiresAt: expiresAt))
    case .overwrite(let table, let key, let value, let expiresAt):
      return .number(try storage.overwrite(table, key, value, expiresAt: expiresAt))
    case .delete(let table, let key): return .answer(try storage.delete(table, key))
    case .deleteRange(let table, let range):
      return .number(Int64(try storage.delete(table, in: range)))
    case .clear(let table): try storage.clear(table)
    case .sweep(let table, let now): return .number(Int64(try storage.sweep(table, now: now)))
    case .restore(let table, let row): try storage.restore(table, row)
    case .modify(let table, let key, let change, let now):
      return .value(
        try storage.modify(table, key, now: now) { value in
          let before = value
          try change.apply(to: &value)
          return before
        })
    case .increment(let table, let key, let amount, let expiresAt, let now):
      return .number(
        try storage.increment(table, key, by: amount, expiresAt: expiresAt, now: now))
    case .raise(let table, let key, let least, let now):
      return .number(try storage.raise(table, key, to: least, now: now))
    case .lower(let table, let key, let most, let now):
      return .number(try storage.lower(table, key, to: most, now: now))
    }
    return .done
  }

  func perform(on model: inout ModelStore) -> Outcome {
    if case .read(let reading) = self { return reading.perform(on: model) }
    do {
      return try write(to: &model)
    } catch {
      return .of { throw error }
    }
  }

  private func write(to model: inout ModelStore) throws -> Outcome {
    switch self {
    case .read: break
    case .add(let table, let key, let value, let expiresAt, let now):
      try model.add(table, key, value, expiresAt: expiresAt, now: now)
    case .update(let table, let key, let value, let counter, let expiresAt):
      guard
        try model.tryUpdate(table, key, value, ifCounter: counter, expiresAt: expiresAt)
      else { throw StoreError.staleCounter(table: table, key: key, expected: counter) }
    case .tryUpdate(let table, let key, let value, let counter, let expiresAt):
      return .answer(
        try model.tryUpdate(table, key, value, ifCounter: counter, expiresAt: expiresAt))
    case .overwrite(let table, let key, let value, let expiresAt):
      return .number(try model.overwrite(table, key, value, expiresAt: expiresAt))
    case .delete(let table, let key): return .answer(try model.delete(table, key))
    case .deleteRange(let table, let range):
      return .number(Int64(try model.delete(table, in: range)))
    case .clear(let table): try model.clear(table)
    case .sweep(let table, let now): return .number(Int64(try model.sweep(table, now: now)))
    case .restore(let table, let row): try model.restore(table, row)
    case .modify(let table, let key, let change, let now):
      return .value(try model.modify(table, key, now: now, change.apply))
    case .increment(let table, let key, let amount, let expiresAt, let now):
      return .number(
        try model.changeNumber(
          table, key, expiresAt: expiresAt, now: now
        ) { number throws(StoreError) in
          let (sum, overflow) = (number ?? 0).addingReportingOverflow(amount)
          if overflow { throw .numberOverflow(table: table, key: key) }
          return sum
        })
    case .raise(let table, let key, let least, let now):
      return .number(
        try model.changeNumber(table, key, now: now) { max($0 ?? least, least) })
    case .lower(let table, let key, let most, let now):
      return .number(try model.changeNumber(table, key, now: now) { min($0 ?? most, most) })
    }
    return .done
  }
}
