// The head that was read last: memory for the next one, which mostly has the same fields.
//
// With each request a client says again what it is and what it takes, often byte for byte. If all fields are the same as
// last time, and all are there when the first of them is looked at, they are compared, and not taken apart and checked
// again. What is found is the same, as it depends on the bytes and the limits alone.

/// What is kept of the last head that was read on a connection.
///
/// Its arrays are changed where they are if whoever was given the head has let go of it. Whoever kept it keeps it
/// unchanged, and new memory is allocated instead.
@usableFromInline struct LastHead: Equatable, Sendable {
  private var storage: [UInt8] = []
  private var lines: [FieldLine] = []
  /// What is known of its fields; `nil` once their lines' memory was taken.
  private var fields: Known?
  /// How many heads had other fields than the one before them, or were not compared with it.
  @usableFromInline private(set) var changes = 0

  private struct Known {
    /// Where they begin; they end with the head.
    var start: Int
    let facts: ProtocolFields
  }

  /// What the fields say about the protocol; `nil` if nothing is known of them any more.
  var facts: ProtocolFields? { fields?.facts }

  /// Where a head ends whose fields begin at `start`, if they are the same.
  func end(of head: Span<UInt8>, withFieldsFrom start: Int) -> Int? {
    guard let fields else { return nil }
    let end = start + storage.count - fields.start
    guard end <= head.count else { return nil }
    let known = storage.span.extracting(droppingFirst: fields.start)
    return head.extracting(start..<end).isSame(as: known) ? end : nil
  }

  /// The lines of the same fields in a head where they begin at `start`.
  mutating func lines(from start: Int) -> [FieldLine] {
    if let known = fields?.start, known != start {
      fields?.start = start
      for index in lines.indices { lines[index].move(by: start - known) }
    }
    return lines
  }

  /// An empty array for the lines of other fields.
  mutating func takeMemoryForLines() -> [FieldLine] {
    fields = nil
    var taken: [FieldLine] = []
    swap(&taken, &lines)
    taken.removeAll(keepingCapacity: true)
    return taken
  }

  /// Keeps a head that was read.
  ///
  /// - Returns: Its fields, in a copy of its bytes.
  mutating func keep(
    _ head: Span<UInt8>, _ new: consuming [FieldLine], _ facts: ProtocolFields
  ) -> Fields {
    if fields == nil { changes += 1 }
    storage.replaceAll(copying: head)
    lines = new
    // Without fields there is the empty line alone.
    fields = Known(start: lines.first?.name.lowerBound ?? head.count - 2, facts: facts)
    return Fields(storage: storage, lines: lines)
  }

  /// What one has read before makes no difference to a conversation.
  @usableFromInline static func == (left: LastHead, right: LastHead) -> Bool { true }
}
