// What many threads saw of one store, and whether one order explains all of it.

import Synchronization
import Threads

/// What a call saw.
struct Seen: Sendable {
  /// Which state: states have numbers in the order in which they were made.
  var state: Int
  /// Whether the call made that state.
  var isChange = true
  /// More of it, for the test that made the history.
  var details: [[UInt8]] = []
}

/// A call, as its caller saw it.
struct Observation: Sendable {
  /// On the history's clock, before the call began and after it ended.
  var began: Int
  var ended: Int
  var seen: Seen
}

/// Calls of many threads, in no order.
final class History: Sendable {
  /// Steps at the beginning and the end of each call.
  private let clock = Atomic(0)
  private let observations = Monitor<[Observation]>([])
  private let absurdities = Monitor<[Absurdity]>([])

  /// What one call saw, and what no state can be.
  struct Absurdity: Error { var text: String }

  var all: [Observation] { observations.withLock { $0 } }

  /// Makes a call and keeps what it saw; a call that throws has no place in the history, but an ``Absurdity`` is kept.
  ///
  /// - Returns: What `call` returned.
  @discardableResult
  func record(_ call: () throws -> Seen) throws -> Seen {
    let began = clock.add(1, ordering: .sequentiallyConsistent).newValue
    let seen: Seen
    do { seen = try call() } catch let absurdity as Absurdity {
      absurdities.withLock { $0.append(absurdity) }
      throw absurdity
    }
    let ended = clock.add(1, ordering: .sequentiallyConsistent).newValue
    observations.withLock { $0.append(Observation(began: began, ended: ended, seen: seen)) }
    return seen
  }

  /// What is wrong with the history if the first state was number 0, and each state was made by one change.
  ///
  /// Sorted by the states they saw, each change before those who only looked, the calls are in an order in which they
  /// could have been made one at a time. What is left to see is that this order respects real time: no call ended before
  /// one began that comes earlier.
  var fault: String? {
    if let absurdity = absurdities.withLock({ $0.first }) { return absurdity.text }
    let inOrder = all.sorted {
      ($0.seen.state, $0.seen.isChange ? 0 : 1) < ($1.seen.state, $1.seen.isChange ? 0 : 1)
    }
    var state = 0
    /// When the latest of those began that made this state or come before it, and of those who looked at it. The latter
    /// may be in any order.
    var (latestBegin, latestLook) = (0, 0)
    for call in inOrder {
      if call.seen.isChange {
        if call.seen.state == state { return "two made the same state: \(call)" }
        state = call.seen.state
        latestBegin = max(latestBegin, latestLook, call.began)
      } else {
        latestLook = max(latestLook, call.began)
      }
      if call.seen.state != state { return "seen, but never made: \(call)" }
      if call.ended < latestBegin { return "ended before one began that comes earlier: \(call)" }
    }
    return nil
  }
}
