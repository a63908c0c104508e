// The lines that wait to be written together.

import HTTPCore

/// Lines in the order they came.
struct LogBatch {
  /// What belongs to the lines, one behind the other.
  private var bytes: [UInt8] = []
  private var entries: [Entry] = []

  private struct Entry {
    /// How many of the bytes are its own.
    var size: Int
    /// What the line is to be made of; `nil` if the bytes are the line.
    var record: AccessRecord?
  }

  /// So much memory is kept from one batch to the next, for bytes and for entries each: that of 10 ms of a busy server's
  /// accesses. In bytes.
  private static let keptMemory = 1 << 19

  /// How many lines there are.
  var count: Int { entries.count }
  /// How many bytes belong to them.
  var size: Int { bytes.count }

  /// Adds a line, or what it is to be made of.
  mutating func append(_ line: Span<UInt8>, _ record: AccessRecord?) {
    bytes.append(copying: line)
    entries.append(Entry(size: line.count, record: record))
  }

  /// Removes all lines, and leaves memory for the next ones.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptMemory)
    let size = entries.capacity * MemoryLayout<Entry>.stride
    entries.removeAll(keepingCapacity: size <= Self.keptMemory)
  }

  /// Makes the lines from one on, until they have so many bytes together.
  ///
  /// - Parameters:
  ///   - place: The first line, and where its bytes begin; moved past those that were made.
  ///   - text: What they are appended to.
  func makeLines(
    from place: inout (line: Int, byte: Int), untilSize size: Int, _ accessLine: inout AccessLine,
    into text: inout [UInt8]
  ) {
    while place.line < entries.count, text.count < size {
      let entry = entries[place.line]
      let own = bytes.span.extracting(place.byte..<(place.byte + entry.size))
      if let record = entry.record {
        accessLine.append(record, own, to: &text)
      } else {
        text.append(copying: own)
      }
      place.line += 1
      place.byte += entry.size
    }
  }
}
