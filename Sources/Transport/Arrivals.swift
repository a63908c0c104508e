// Lets a connection's thread run where its client's bytes arrive.
//
// The processor that receives what comes for a socket wakes the thread that waits for it. Linux mostly leaves that thread on the
// processor where it ran before. If that is another one, to wake it often takes an interrupt, for which a virtual machine is left,
// and what was received lies in the other's cache. Linux brings the two together where one thread wakes few others, but network
// cards, and clients with many connections, wake many.
//
// So a thread goes there by itself, now and then: but not where the bytes of many more connections arrive than elsewhere, for
// example of all that a client of one thread has. There is enough to do without their threads.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How many connections' bytes arrive on which processor.
struct Arrivals {
  private let processors: ProcessorSet
  private var counts: [Int: Int] = [:]
  private var total = 0

  /// Arrivals on these processors.
  init(on processors: ProcessorSet) {
    self.processors = processors
  }

  /// Arrivals on those on which the calling thread may run; `nil` if these are not several, or if the system does not tell.
  static func forCurrentThread() -> Arrivals? {
    ProcessorSet.ofCurrentThread.flatMap { $0.count > 1 ? Arrivals(on: $0) : nil }
  }

  /// Of how many connections that are noted bytes arrive there.
  func count(on processor: Int) -> Int { counts[processor, default: 0] }

  /// Whether threads may go there: it has no more connections than would be its share if all were spread evenly, and a quarter,
  /// rounded up.
  func isForThreads(_ processor: Int) -> Bool {
    let quarters = 4 * processors.count
    return count(on: processor) <= (5 * total + quarters - 1) / quarters
  }

  /// Notes where a connection's bytes arrive.
  ///
  /// - Parameter last: What was noted last; `nil` if nothing is.
  /// - Returns: What is noted now; nothing if its thread may not run there.
  mutating func note(_ processor: Int, insteadOf last: Int?) -> Int? {
    if let last { forget(last) }
    guard processors.contains(processor) else { return nil }
    counts[processor, default: 0] += 1
    total += 1
    return processor
  }

  /// Forgets a connection whose bytes arrived there.
  mutating func forget(_ processor: Int) {
    counts[processor, default: 0] -= 1
    total -= 1
  }
}

extension Socket {
  /// The processor on which the last packet of the peer came in, be it an acknowledgement alone; `nil` where the system does not
  /// tell: Linux does for TCP.
  borrowing func arrivalProcessor() -> Int? {
    #if canImport(Darwin)
      return nil
    #else
      let number = try? descriptor.option(SOL_SOCKET, SO_INCOMING_CPU, "SO_INCOMING_CPU")
      return number.flatMap { $0 >= 0 ? Int($0) : nil }
    #endif
  }
}
