// What a store's transactions cost: routines a second, by durability and number of callers.

import Foundation
import KVStore

@main
struct StoreBenchmark {
  static let rowCount = 100_000
  static let value = [UInt8](repeating: UInt8(ascii: "v"), count: 100)

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 2 else {
      print(
        "usage: store-benchmark DIRECTORY [SECONDS]   (the directory is on the disk to measure)")
      exit(2)
    }
    let seconds = arguments.count > 2 ? Double(arguments[2]) ?? 2 : 2
    let directory = URL(filePath: arguments[1]).appending(path: "store-benchmark-\(getpid())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }

    print("durability  routine     1 thread   8 threads  64 threads   a second")
    for durability in [Durability.normal, .full] {
      let store = try Store(
        path: directory.appending(path: "\(durability).sqlite").path, tables: ["rows"],
        durability: durability)
      try store.execute { storage in
        for row in 0..<rowCount { try storage.add("rows", key(row), value) }
      }
      try measure("\(durability)", "get", seconds) { row in
        try store.execute { try $0.get("rows", key(row))?.value.count ?? 0 }
      }
      try measure("\(durability)", "overwrite", seconds) { row in
        try store.execute { try $0.overwrite("rows", key(row), value) }
        return 1
      }
      try store.close()
    }
  }

  static func key(_ row: Int) -> String { "key-\(row)" }

  static func measure(
    _ durability: String, _ name: String, _ seconds: Double,
    _ routine: @escaping @Sendable (Int) throws -> Int
  ) throws {
    var line = durability.padding(toLength: 12, withPad: " ", startingAt: 0)
    line += name.padding(toLength: 9, withPad: " ", startingAt: 0)
    for threads in [1, 8, 64] {
      line += String(format: "%11.0f ", run(threads, seconds, routine))
    }
    print(line)
  }

  /// Routines a second when so many threads call one after the other, random rows each.
  static func run(
    _ threads: Int, _ seconds: Double, _ routine: @escaping @Sendable (Int) throws -> Int
  ) -> Double {
    let finished = DispatchGroup()
    let total = Total()
    let begin = ContinuousClock.now
    let end = begin + .seconds(seconds)
    for _ in 0..<threads {
      finished.enter()
      Thread.detachNewThread {
        var calls = 0
        while ContinuousClock.now < end {
          precondition(try! routine(.random(in: 0..<rowCount)) > 0)
          calls += 1
        }
        total.add(calls)
        finished.leave()
      }
    }
    finished.wait()
    return Double(total.value) / ((ContinuousClock.now - begin) / .seconds(1))
  }
}

/// A number that many threads add to.
final class Total: @unchecked Sendable {
  // @unchecked: `sum` is touched under the lock only.
  private let lock = NSLock()
  private var sum = 0

  var value: Int { lock.withLock { sum } }
  func add(_ number: Int) { lock.withLock { sum += number } }
}
