// Bytes received and not yet consumed, in memory that follows what a connection is doing.

/// What a connection has received and nobody has consumed yet.
///
/// It holds 4 KiB to begin with, which is what an idle connection costs. While the peer sends faster
/// than that it doubles, up to its limit; ``giveBackMemory()`` ends that.
public struct ReceiveBuffer: Sendable {
  /// A small request fits, and ten thousand idle connections hold 40 MB.
  static let initialCapacity = 4096

  // Unread bytes are `bytes[start...]`; those before are consumed and wait to be overwritten.
  @usableFromInline private(set) var bytes: [UInt8] = []
  @usableFromInline private(set) var start = 0
  // How many bytes `bytes` is used for: what it has room for may be a little more.
  private(set) var capacity: Int
  private let limit: Int

  /// An empty buffer.
  ///
  /// - Parameter limitInBytes: How many unread bytes it may come to hold. Python's freetser read
  ///   64 KiB at a time, which is the default here.
  public init(limitInBytes: Int = 65_536) {
    precondition(limitInBytes > 0, "a receive buffer needs room for at least one byte")
    limit = limitInBytes
    capacity = min(ReceiveBuffer.initialCapacity, limitInBytes)
    bytes.reserveCapacity(capacity)
  }

  /// How many bytes are unread.
  public var count: Int { bytes.count - start }

  /// Whether no byte is unread.
  public var isEmpty: Bool { count == 0 }

  // Inlinable, as what `body` returns is otherwise copied by what is found out about its type while the program runs.
  /// Lends the unread bytes, oldest first.
  @inlinable public func withUnread<Result: ~Copyable, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(bytes.span.extracting(start...))
  }

  /// Drops the oldest `count` unread bytes.
  public mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= self.count, "only unread bytes can be consumed")
    start += count
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
    }
  }

  /// Receives what is there, waiting for at least one byte, straight into free space.
  ///
  /// - Returns: How many bytes came; 0 when the peer has ended its half.
  /// - Throws: ``TransportError/bufferFull(limitInBytes:)``, and what
  ///   ``Socket/receive(into:)`` throws.
  public mutating func receive(from socket: borrowing Socket) throws(TransportError) -> Int {
    try fill { (output) throws(TransportError) in try socket.receive(into: &output) }
  }

  /// The same, with `receive` for what receives.
  package mutating func fill(
    _ receive: (inout OutputSpan<UInt8>) throws(TransportError) -> Int
  ) throws(TransportError) -> Int {
    // A receive into the last few bytes would be a system call for little.
    if capacity - bytes.count < (capacity + 3) / 4 { makeRoom() }
    let room = capacity - bytes.count
    guard room > 0 else { throw .bufferFull(limitInBytes: limit) }
    var received = 0
    try bytes.append(addingCapacity: room) { (output) throws(TransportError) in
      received = try receive(&output)
    }
    // Everything there was room for came: there is probably more.
    if received == room, capacity < limit { grow() }
    return received
  }

  /// Goes back to 4 KiB, or to what the unread bytes need.
  ///
  /// Call it where a connection becomes idle; it costs a comparison when there is nothing to give
  /// back.
  public mutating func giveBackMemory() {
    guard capacity > ReceiveBuffer.initialCapacity else { return }
    move(to: max(count, min(ReceiveBuffer.initialCapacity, limit)))
  }

  /// Moves the bytes down where that frees at least half, and grows otherwise.
  ///
  /// Moving more often would be most of the work; only at the limit is any free byte worth it.
  private mutating func makeRoom() {
    if start >= (capacity + 1) / 2 || (bytes.count == limit && start > 0) {
      bytes.removeSubrange(..<start)
      start = 0
    } else if capacity < limit {
      grow()
    }
  }

  private mutating func grow() {
    move(to: min(capacity * 2, limit))
  }

  private mutating func move(to newCapacity: Int) {
    var moved: [UInt8] = []
    moved.reserveCapacity(newCapacity)
    moved.append(contentsOf: bytes[start...])
    (bytes, start, capacity) = (moved, 0, newCapacity)
  }
}
