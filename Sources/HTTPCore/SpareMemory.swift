// Memory of a head that nobody needs any more, for the next one.

/// The fields of a head that was handed back.
///
/// They are emptied only when they are used: by then whoever handed them back has let go of them, and emptying them
/// in place copies nothing. Whoever kept the head keeps it unchanged, and new memory is allocated instead.
struct SpareMemory: Equatable, Sendable {
  private var fields = Fields()
  /// Whether ``takeLines()`` has something to give.
  private(set) var hasLines = false

  init() {}

  init(_ fields: consuming Fields) {
    self.fields = fields
    hasLines = true
  }

  /// An empty array for field lines.
  mutating func takeLines() -> [FieldLine] {
    hasLines = false
    var taken: [FieldLine] = []
    swap(&taken, &fields.lines)
    taken.removeAll(keepingCapacity: true)
    return taken
  }

  /// An array that begins with a copy of a head's bytes; what is behind them belongs to nobody.
  mutating func takeStorage(copying head: Span<UInt8>) -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &fields.storage)
    if taken.count < head.count {
      // Some room for longer heads, so that few are too long for what is there.
      taken = Array(repeating: 0, count: (head.count + 255) / 256 * 256)
    }
    taken.overwrite(copying: head)
    return taken
  }

  /// Which memory one has makes no difference to a conversation.
  static func == (left: SpareMemory, right: SpareMemory) -> Bool { true }
}
