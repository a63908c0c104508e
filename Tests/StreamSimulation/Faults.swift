// What goes wrong on a simulated connection, and when.

/// How attempts of the server end other than it would like best.
package struct Faults: Sendable {
  /// How much of what could be moved is.
  package enum Portion: CaseIterable, Sendable {
    case all
    case oneByte
    /// From one byte to all.
    case any

    /// How many of so many bytes.
    package func of(_ count: Int, using generator: inout SeededGenerator) -> Int {
      switch self {
      case .all: count
      case .oneByte: min(1, count)
      case .any: count == 0 ? 0 : .random(in: 1...count, using: &generator)
      }
    }
  }

  /// What happens at one step.
  package enum Event: Hashable, Sendable {
    /// A signal comes first.
    case interrupted
    /// An attempt moves nothing though it could, or a wait ends for nothing.
    case nothing
    /// The client resets the connection.
    case reset
    /// The client ends its half.
    case end
    /// The client closes, whatever it has not read.
    case close
    /// The client does nothing for so many seconds.
    case stall(seconds: Int)
  }

  package var receiving = Portion.all
  package var sending = Portion.all
  /// One attempt in so many is interrupted, or fruitless; `nil` for none.
  package var fruitlessOneIn: UInt64?
  /// What happens at the server's steps, which are counted from 1: each attempt is one, and each wait.
  package var events: [Int: Event] = [:]

  package init() {}
}
