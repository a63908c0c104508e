// GRDB's pool, used as its documentation has it: reads on a pool of connections, one writer, cached statements.

import Foundation
import GRDB

private let select = "SELECT expiration, counter, value FROM rows WHERE key = ?"
private let upsert = """
  INSERT INTO rows (key, value, counter, expiration) VALUES (?, ?, 0, 0)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value, counter = counter + 1, expiration = excluded.expiration
  WHERE counter < 9223372036854775807
  """
private let keys = (0..<keyCount).map { "key-\($0)" }
private let value = Data(repeating: UInt8(ascii: "v"), count: 100)

/// `grdb-store ROW FILE COUNT [KEYS]` does what the C programs do, and prints the same three numbers.
@main
struct GRDBStore {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 4, let count = Int(arguments[3]) else {
      print("usage: grdb-store ROW FILE COUNT [KEYS]   (Benchmarks/run makes the file)")
      exit(2)
    }
    let row = arguments[1]
    let pool = try opened(arguments[2], isFull: row.hasPrefix("full"))
    // As the others do, so that there is a log to look into.
    try pool.write { try overwrite($0, keys[0]) }
    let result =
      switch row {
      case "read-1": try time(on: 1, readAll(pool)) { try read(pool, count, from: $0) }
      case "read-2": try time(on: 2, readAll(pool)) { try read(pool, count, from: $0) }
      case "gets": try time(on: 1, readAll(pool)) { try getMany(pool, count, from: $0) }
      case "normal-1", "full-1":
        try time(on: 1, readAllToWrite(pool)) { try overwrite(pool, count, from: $0) }
      case "full-64":
        try time(on: 64, readAllToWrite(pool)) { try overwrite(pool, count, from: $0) }
      case "scan": try timeScan(of: pool)
      default: fatalError("no row is called \(row)")
      }
    print(result.nanoseconds, result.sum, result.growth)
    try pool.close()
  }

  private static func opened(_ file: String, isFull: Bool) throws -> DatabasePool {
    var configuration = Configuration()
    // As much as ours has for the one that writes, and for each that reads.
    configuration.prepareDatabase {
      try $0.execute(sql: "PRAGMA cache_size = \($0.configuration.readonly ? -16_000 : -64_000)")
    }
    let pool = try DatabasePool(path: file, configuration: configuration)
    // GRDB sets NORMAL.
    if isFull {
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
    }
    return pool
  }

  private static func readAll(_ pool: DatabasePool) -> @Sendable () throws -> Void {
    { try pool.read(getAll) }
  }

  private static func readAllToWrite(_ pool: DatabasePool) -> @Sendable () throws -> Void {
    let once = Once()
    return { try once.run { try pool.write(getAll) } }
  }

  @Sendable private static func getAll(_ database: Database) throws {
    for key in keys { _ = try get(database, key) }
  }

  private static func get(_ database: Database, _ key: String) throws -> Int {
    let statement = try database.cachedStatement(sql: select)
    guard let row = try Row.fetchOne(statement, arguments: [key]) else { return 0 }
    let expiration: Int64 = row[0]
    let counter: Int64 = row[1]
    let value: Data = row[2]
    precondition(expiration == 0 && counter >= 0)
    return value.count
  }

  private static func read(
    _ pool: DatabasePool, _ count: Int, from random: RandomRows
  ) throws -> Int {
    var random = random
    var sum = 0
    for _ in 0..<count {
      let key = keys[random.next()]
      sum += try pool.read { try get($0, key) }
    }
    return sum
  }

  private static func getMany(
    _ pool: DatabasePool, _ count: Int, from random: RandomRows
  ) throws -> Int {
    try pool.read { database in
      var random = random
      var sum = 0
      for _ in 0..<count { sum += try get(database, keys[random.next()]) }
      return sum
    }
  }

  private static func overwrite(_ database: Database, _ key: String) throws {
    let statement = try database.cachedStatement(sql: upsert)
    try statement.execute(arguments: [key, value])
    precondition(database.changesCount == 1)
  }

  private static func overwrite(
    _ pool: DatabasePool, _ count: Int, from random: RandomRows
  ) throws -> Int {
    var random = random
    for _ in 0..<count {
      let key = keys[random.next()]
      try pool.write { try overwrite($0, key) }
    }
    return count
  }

  private static func timeScan(of pool: DatabasePool) throws -> Result {
    let resident = mostResidentKiB()
    var sum = 0
    let time = try ContinuousClock().measure {
      try pool.read { database in
        let rows = try Row.fetchCursor(
          database, sql: "SELECT key, expiration, counter, value FROM rows ORDER BY key")
        while let row = try rows.next() {
          let key: String = row[0]
          let expiration: Int64 = row[1]
          let counter: Int64 = row[2]
          let value: Data = row[3]
          precondition(!key.isEmpty && expiration == 0 && counter >= 0)
          sum += value.count
        }
      }
    }
    return Result(time, sum: sum, growth: mostResidentKiB() - resident)
  }
}
