// When a handler's time is over, and who then answers its client: the handler or the watch, never both.
//
// One number says it all, and each of the two changes it by one exchange (compare-and-exchange) with what it has seen.
// The handler that returns in time makes it 0, and its response is sent. The watch that comes first makes it -1 and
// answers; whatever the handler gives then is thrown away. A response that is written piece by piece cannot be replaced
// any more, so the watch cuts it instead.
//
// Whoever finds that the watch was first waits for it to have answered, before it ends the stream.
//
// A descriptor that is used again is never hit: whoever acts on a stream holds it, and it is closed when nobody does.

import Synchronization
import Threads
import Transport

/// The deadline of one connection's handler, for one exchange after the other.
final class HandlerDeadline: Sendable {
  /// The deadline in nanoseconds above two bits; 0 for none, and -1 once it has passed.
  private let number = Atomic<Int64>(0)
  private let stream: any ServedStream
  /// Whether the watch, having claimed the exchange, has answered.
  private let hasAnswered = Monitor(false)

  /// The handler has begun a response that it still writes.
  private static let isWriting: Int64 = 1
  /// The answer to the request has no body.
  private static let isHead: Int64 = 2

  init(_ stream: any ServedStream) {
    self.stream = stream
  }

  /// Whose handler it is.
  var peer: Address { stream.peer }

  /// When the time is over; `nil` if it is not limited.
  var time: MonotonicTime? {
    let number = number.load(ordering: .relaxed)
    return number > 0 ? MonotonicTime(nanoseconds: number >> 2) : nil
  }

  /// From here on the handler has until `time`, or any time; what has passed stays so.
  func set(_ time: MonotonicTime?, isHead: Bool) {
    change { number in
      guard let time else { return 0 }
      // What does not fit between the bits is 70 years away.
      return min(time.nanoseconds, .max >> 2) << 2 | (isHead ? Self.isHead : 0)
        | number & Self.isWriting
    }
  }

  /// The handler has returned.
  ///
  /// - Parameter stillWrites: Whether it gave a response that it goes on to write: then the deadline stays.
  /// - Returns: Whether the client is still to be answered.
  func handlerReturned(stillWrites: Bool) -> Bool {
    if change({ stillWrites && $0 != 0 ? $0 | Self.isWriting : 0 }) { return true }
    _ = hasAnswered.wait { $0 ? () : nil }
    return false
  }

  /// Ends the exchange if its time is over.
  ///
  /// - Returns: Whether it has just ended.
  func expire(at now: MonotonicTime) -> Bool {
    let seen = number.load(ordering: .relaxed)
    guard seen > 0, MonotonicTime(nanoseconds: seen >> 2) <= now else { return false }
    guard
      number.compareExchange(expected: seen, desired: -1, ordering: .acquiringAndReleasing)
        .exchanged
    else { return false }
    answer(isForHead: seen & Self.isHead != 0, isBegun: seen & Self.isWriting != 0)
    hasAnswered.withLock { $0 = true }
    hasAnswered.wakeAll()
    return true
  }

  private func answer(isForHead: Bool, isBegun: Bool) {
    let answer = Refusal.handlerOverdue.readyMade(isForHead: isForHead)
    // There is room for it, unless the client takes nothing: all that was gathered has been sent.
    let isSent =
      !isBegun && (try? stream.attemptSend(answer.span, Span())) == .moved(answer.count)
    stream.shutdown(isSent ? .sending : .both)
  }

  /// - Returns: `false` if the time has passed: nothing is changed then.
  @discardableResult
  private func change(_ next: (Int64) -> Int64) -> Bool {
    var seen = number.load(ordering: .relaxed)
    while seen >= 0 {
      let (exchanged, found) = number.compareExchange(
        expected: seen, desired: next(seen), ordering: .acquiringAndReleasing)
      if exchanged { return true }
      seen = found
    }
    return false
  }
}
