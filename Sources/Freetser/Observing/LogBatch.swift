// The lines that wait to be written together.

import HTTPCore

/// Lines in the order they came, of which the first ones may have been taken.
struct LogBatch {
  /// What belongs to the lines, one behind the other.
  private var bytes: [UInt8] = []
  private var entries: [Entry] = []
  /// How many lines were taken, and how many bytes belong to those.
  private var taken = (lines: 0, bytes: 0)

  private struct Entry {
    /// How many of the bytes are its own.
    var size: Int
    /// What the line is to be made of; `nil` if the bytes are the line.
    var record: AccessRecord?
  }

  /// So much memory is kept from one batch to the next, for bytes and for entries each: that of 10 ms of a busy server's
  /// accesses. In bytes.
  private static let keptMemory = 1 << 19

  /// How many lines there are, taken ones too.
  var count: Int { entries.count }
  /// How many are left.
  var left: Int { entries.count - taken.lines }
  /// How much memory they take. In bytes.
  var size: Int { bytes.count + entries.count * MemoryLayout<Entry>.stride }

  /// Adds a line, or what it is to be made of.
  mutating func append(_ own: Span<UInt8>, for record: AccessRecord?) {
    bytes.append(copying: own)
    entries.append(Entry(size: own.count, record: record))
  }

  /// Removes all lines, and leaves memory for the next ones.
  mutating func removeAll() {
    taken = (0, 0)
    bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptMemory)
    let size = entries.capacity * MemoryLayout<Entry>.stride
    entries.removeAll(keepingCapacity: size <= Self.keptMemory)
  }

  /// Takes lines until they have so many bytes together, and appends them to a text.
  mutating func takeLines(
    upTo size: Int, _ writer: inout AccessLineWriter, into text: inout [UInt8]
  ) {
    while left > 0, text.count < size {
      let entry = entries[taken.lines]
      let place = taken.bytes..<(taken.bytes + entry.size)
      taken = (taken.lines + 1, place.upperBound)
      let own = bytes.span.extracting(place)
      if let record = entry.record {
        writer.append(record, own, to: &text)
      } else {
        text.append(copying: own)
      }
    }
  }
}
