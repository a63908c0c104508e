// Threads that begin together, what they take, and which rows they take.

import Foundation

/// How many keys are used: the first so many, if the command says so.
let keyCount = CommandLine.arguments.count > 4 ? Int(CommandLine.arguments[4])! : 100_000

/// What a program prints.
struct Result {
  let nanoseconds: Int
  /// The same for all programs.
  let sum: Int
  /// By how many KiB the most memory ever resident grew.
  let growth: Int

  init(_ time: Duration, sum: Int, growth: Int = 0) {
    nanoseconds = Int(time / .nanoseconds(1))
    self.sum = sum
    self.growth = growth
  }
}

/// Runs so many threads, each of which prepares before the clock runs; then all begin at once.
func time(
  on threads: Int, _ prepare: @escaping @Sendable () throws -> Void,
  _ work: @escaping @Sendable (RandomRows) throws -> Int
) throws -> Result {
  let ready = DispatchGroup()
  let finished = DispatchGroup()
  let start = DispatchSemaphore(value: 0)
  let total = Total()
  for thread in 0..<threads {
    ready.enter()
    finished.enter()
    Thread.detachNewThread {
      do {
        try prepare()
        ready.leave()
        start.wait()
        total.add(try work(RandomRows(thread: thread)))
        finished.leave()
      } catch {
        fatalError("\(error)")
      }
    }
  }
  ready.wait()
  let time = ContinuousClock().measure {
    for _ in 0..<threads { start.signal() }
    finished.wait()
  }
  return Result(time, sum: total.value)
}

/// The rows that a thread takes, one after the other; the C programs take the same ones.
struct RandomRows: Sendable {
  private var state: UInt64
  private let keys = UInt64(keyCount)

  init(thread: Int) { state = UInt64(thread) + 1 }

  mutating func next() -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % keys)
  }
}

func mostResidentKiB() -> Int {
  guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
    return 0
  }
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
}

/// A number that many threads add to.
final class Total: @unchecked Sendable {
  // @unchecked: `sum` is touched under the lock only.
  private let lock = NSLock()
  private var sum = 0

  var value: Int { lock.withLock { sum } }
  func add(_ number: Int) { lock.withLock { sum += number } }
}

/// What the first to come does, while the others wait.
final class Once: @unchecked Sendable {
  // @unchecked: `isDone` is touched under the lock only.
  private let lock = NSLock()
  private var isDone = false

  func run(_ work: () throws -> Void) rethrows {
    try lock.withLock {
      if isDone { return }
      try work()
      isDone = true
    }
  }
}
