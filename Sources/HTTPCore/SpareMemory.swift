// Memory of a head that nobody needs any more, for the next one.

/// The arrays of a head that was handed back.
///
/// They are changed only when they are used: by then whoever handed them back has let go of them, and they are changed
/// where they are. Whoever kept the head keeps it unchanged, and new memory is allocated instead.
struct SpareMemory: Equatable, Sendable {
  private var storage: [UInt8] = []
  private var lines: [FieldLine] = []
  /// Whether ``takeLines()`` has something to give.
  private(set) var hasLines = false

  init() {}

  init(_ fields: consuming Fields) {
    storage = fields.storage
    lines = fields.lines
    hasLines = true
  }

  /// An empty array for field lines.
  mutating func takeLines() -> [FieldLine] {
    hasLines = false
    var taken: [FieldLine] = []
    swap(&taken, &lines)
    taken.removeAll(keepingCapacity: true)
    return taken
  }

  /// A copy of a head's bytes.
  mutating func takeStorage(copying head: Span<UInt8>) -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &storage)
    taken.replaceAll(copying: head)
    return taken
  }

  /// Which memory one has makes no difference to a conversation.
  static func == (left: SpareMemory, right: SpareMemory) -> Bool { true }
}
