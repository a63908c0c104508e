// What the store's transactions cost: one row of Benchmarks/run, in a process of its own.

import Foundation
import KVStore

extension Table { fileprivate static let rows: Table = "rows" }

/// `store-benchmark ROW FILE COUNT [KEYS]` does what the C programs in StorePeers do, and prints the same three numbers.
@main
struct StoreBenchmark {
  static let keys = (0..<keyCount).map { "key-\($0)" }
  static let value = [UInt8](repeating: UInt8(ascii: "v"), count: 100)

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4, let count = Int(arguments[3]) else {
      print("usage: store-benchmark ROW FILE COUNT [KEYS]   (Benchmarks/run makes the file)")
      exit(2)
    }
    let row = arguments[1]
    let store = try Store(
      path: arguments[2], tables: [.rows], durability: row.hasPrefix("full") ? .full : .normal)
    // Programs that read have mostly written something since they began: without that there would be no log to look into.
    try store.execute { try $0.overwrite(.rows, keys[0], value) }
    let result =
      switch row {
      case "read-1": try time(on: 1, readAll(of: store)) { try read(store, count, from: $0) }
      case "read-2": try time(on: 2, readAll(of: store)) { try read(store, count, from: $0) }
      case "gets": try time(on: 1, readAll(of: store)) { try getMany(store, count, from: $0) }
      case "normal-1", "full-1":
        try time(on: 1, readAllToWrite(store)) { try overwrite(store, count, from: $0) }
      case "full-64":
        try time(on: 64, readAllToWrite(store)) { try overwrite(store, count, from: $0) }
      case "scan": try timeScan(of: store)
      default: fatalError("no row is called \(row)")
      }
    print(result.nanoseconds, result.sum, result.growth)
    try store.close()
  }

  // MARK: Rows

  static func read(_ store: Store, _ count: Int, from random: RandomRows) throws -> Int {
    var random = random
    var sum = 0
    for _ in 0..<count {
      let key = keys[random.next()]
      sum += try store.read { try $0.get(.rows, key)?.value.count ?? 0 }
    }
    return sum
  }

  static func getMany(_ store: Store, _ count: Int, from random: RandomRows) throws -> Int {
    var random = random
    return try store.read { snapshot in
      var sum = 0
      for _ in 0..<count { sum += try snapshot.get(.rows, keys[random.next()])?.value.count ?? 0 }
      return sum
    }
  }

  static func overwrite(_ store: Store, _ count: Int, from random: RandomRows) throws -> Int {
    var random = random
    for _ in 0..<count {
      let key = keys[random.next()]
      let counter = try store.execute { try $0.overwrite(.rows, key, value) }
      precondition(counter > 0, "every row was there")
    }
    return count
  }

  static func timeScan(of store: Store) throws -> Result {
    let resident = mostResidentKiB()
    var sum = 0
    let time = try ContinuousClock().measure {
      try store.read { snapshot in
        try snapshot.forEach(.rows) { row in
          precondition(!row.key.isEmpty && row.counter >= 0)
          sum += row.value.count
          return true
        }
      }
    }
    return Result(time, sum: sum, growth: mostResidentKiB() - resident)
  }

  // MARK: Before the clock runs

  /// Has every row in the cache of a connection that reads, one for each thread that comes at the same time.
  static func readAll(of store: Store) -> @Sendable () throws -> Void {
    { try store.read { for key in keys { _ = try $0.get(.rows, key) } } }
  }

  static func readAllToWrite(_ store: Store) -> @Sendable () throws -> Void {
    let once = Once()
    return {
      try once.run {
        try store.execute { storage in for key in keys { _ = try storage.get(.rows, key) } }
      }
    }
  }
}
