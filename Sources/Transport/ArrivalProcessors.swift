// Lets a connection's thread run where its bytes arrive.
//
// What comes for a socket is received on the processor to which the network card, or another process of the machine, gave it; there
// the thread that waits is made ready. If it ran on another processor before, it stays on that one: to wake it takes an interrupt,
// for which a virtual machine is left, and what was received lies in the other one's cache. Linux brings the two together only
// where one thread wakes few others, and a network card or a client wakes many.
//
// So a thread goes there by itself, now and then, as long as no processor has much more than its share of the connections: one on
// which the bytes of all arrive has enough to do without their threads.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// On which processors the bytes of the connections arrive.
final class ArrivalProcessors: Sendable {
  private struct State {
    /// How many connections each has.
    var counts: [Int: Int] = [:]
    var total = 0
  }

  private let processors: Int
  private let state = Monitor(State())

  /// - Parameter processors: How many there are for the connections' threads.
  init(processors: Int) {
    self.processors = processors
  }

  /// Those of the calling thread; `nil` if there are not several, or if the system does not tell.
  static func ofCurrentThread() -> ArrivalProcessors? {
    #if canImport(Darwin)
      return nil
    #else
      let count = ProcessorSet.ofCurrentThread?.count ?? 1
      return count > 1 ? ArrivalProcessors(processors: count) : nil
    #endif
  }

  /// How many connections were noted and not forgotten.
  var connections: Int { state.withLock { $0.total } }

  /// Notes where a connection's bytes arrive, and where they did when that was noted last.
  ///
  /// - Returns: Whether its thread shall run there: the processor has no more than its share, and a quarter.
  func note(_ processor: Int, insteadOf last: Int?) -> Bool {
    state.withLock { state in
      if let last {
        state.counts[last, default: 0] -= 1
      } else {
        state.total += 1
      }
      state.counts[processor, default: 0] += 1
      return 4 * processors * state.counts[processor, default: 0] <= 5 * state.total
    }
  }

  /// Forgets a connection whose bytes arrived there.
  func forget(_ processor: Int) {
    state.withLock { state in
      state.counts[processor, default: 0] -= 1
      state.total -= 1
    }
  }
}

extension Socket {
  /// The processor on which the peer's last bytes arrived; `nil` if the system does not tell, as it does for TCP on Linux alone.
  borrowing func arrivalProcessor() -> Int? {
    #if canImport(Darwin)
      return nil
    #else
      let number = try? descriptor.option(SOL_SOCKET, SO_INCOMING_CPU, "SO_INCOMING_CPU")
      return number.flatMap { $0 >= 0 ? Int($0) : nil }
    #endif
  }
}
