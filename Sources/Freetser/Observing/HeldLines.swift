// Lines of the access log about answers that have not been sent.
//
// Answers to requests that were sent ahead are gathered, and leave together. So do the lines about them, just before: whoever logs
// takes the queue's lock, and the memory in which its lines wait, from another processor's thread that has just logged too. Once
// for all the requests sent ahead that takes little; for each it took an eighth of the rate.

/// Lines of one connection that go to their queue together.
struct HeldLines {
  /// Whose lines they are; `nil` if there are none.
  private var queue: LogQueue?
  private var bytes: [UInt8] = []
  private var count = 0

  /// Whether the next line is about an answer that is gathered, and is to wait here.
  var areOpen = false

  var isEmpty: Bool { count == 0 }

  /// So many are held, and so many bytes of them; then they go by themselves.
  private static let mostLines = 64
  private static let mostBytes = 16_384

  /// So much memory is kept for the next ones, also while the connection is idle. In bytes.
  private static let keptMemory = 4_096

  /// Adds a line for a queue, of at most so many bytes.
  @inline(__always)
  mutating func append(
    upTo size: Int, for queue: LogQueue, _ make: (inout OutputSpan<UInt8>) -> Void
  ) {
    let isFull = count >= min(Self.mostLines, queue.capacity) || bytes.count >= Self.mostBytes
    if isFull || count > 0 && self.queue !== queue { release() }
    if count == 0 { self.queue = queue }
    bytes.append(addingCapacity: size, initializingWith: make)
    count += 1
  }

  /// Lets them go to their queue.
  // Not inlined, as it is for requests that were sent ahead alone.
  @inline(never)
  mutating func release() {
    queue.take()?.append(bytes.span, lines: count)
    bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptMemory)
    count = 0
  }
}
