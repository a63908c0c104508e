// How long the proofs of the store go on, and what their random numbers begin with.

import Glibc

/// The proofs are short in an ordinary run of the tests; `scripts/prove-store` makes them long.
enum Proof {
  /// FREETSER_PROOF_ROUNDS. What a round is, each proof says itself.
  static var rounds: Int { number("ROUNDS").map { Int(clamping: $0) } ?? 4 }

  /// One seed for each round, from FREETSER_PROOF_SEED on. A failure names its seed: with it, and with one round, the same
  /// choices are made again.
  static var seeds: Range<UInt64> {
    let first = number("SEED") ?? .random(in: 0...(1 << 48))
    return first..<(first + UInt64(rounds))
  }

  /// Says what was done, in a long run.
  static func report(_ line: String) {
    if number("ROUNDS") != nil { print(line) }
  }

  private static func number(_ name: String) -> UInt64? {
    guard let text = unsafe getenv("FREETSER_PROOF_\(name)") else { return nil }
    return unsafe UInt64(String(cString: text))
  }
}
