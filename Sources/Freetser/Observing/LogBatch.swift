// The lines that wait to be written together.

import HTTPCore

/// Lines, one behind the other, and how many there may be.
struct LogBatch {
  private(set) var bytes: [UInt8] = []
  /// How many lines there are.
  private(set) var count = 0
  private let capacity: Int

  /// How long the lines may be on average, if there are as many as may be. In bytes.
  private static let roomForLine = 1_024

  /// So much memory is kept from one batch to the next: a quarter of it is 10 ms of a million accesses a second, of 100 bytes each. In
  /// bytes.
  private static let keptMemory = 1 << 22

  /// An empty batch for so many lines.
  init(capacity: Int) {
    self.capacity = capacity
  }

  private var maximumSize: Int { Self.roomForLine * capacity }

  /// Whether there is room for more, of so many bytes together. What comes first may be as long as it likes.
  func hasRoom(for size: Int, lines: Int = 1) -> Bool {
    count == 0 || count + lines <= capacity && bytes.count + size <= maximumSize
  }

  /// Whether there are so many lines, or such long ones, that they are not to wait for more.
  var isHalfFull: Bool { 2 * count >= capacity || 2 * bytes.count >= maximumSize }

  /// Adds lines of at most so many bytes together.
  @inline(__always)
  mutating func append(
    upTo size: Int, lines: Int, _ make: (inout OutputSpan<UInt8>) -> Void
  ) {
    bytes.append(addingCapacity: size, initializingWith: make)
    count += lines
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
