// The lines that wait to be written together.

import HTTPCore

/// Lines, one behind the other.
struct LogBatch {
  private(set) var bytes: [UInt8] = []
  /// How many lines there are.
  private(set) var count = 0

  /// So much memory is kept from one batch to the next: that of 10 ms of a busy server's accesses. In bytes.
  private static let keptMemory = 1 << 19

  /// Adds a line.
  mutating func append(_ line: Span<UInt8>) {
    bytes.append(copying: line)
    count += 1
  }

  /// Removes all lines, and leaves memory for the next ones.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptMemory)
    count = 0
  }

  /// How many lines end behind so many bytes.
  func lines(behind written: Int) -> Int {
    bytes[written...].count { $0 == UInt8(ascii: "\n") }
  }
}
