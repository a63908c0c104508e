// Copies bytes into arrays, and into room that is made for them, as whole blocks.
//
// A loop over a span that appends byte by byte costs ten times as much,
// and the standard library has no safe form of this copy. Each pointer is used inside the closure it is lent to.

extension Array where Element == UInt8 {
  /// A copy of the span's bytes.
  package init(copying span: Span<UInt8>) {
    self = unsafe span.withUnsafeBufferPointer { bytes in unsafe Array(bytes) }
  }

  /// Makes this array a copy of the span's bytes, in the memory that it has if that is enough.
  ///
  /// Emptying it first costs more than writing over bytes that are as many, which is what one client's heads mostly
  /// are.
  mutating func replaceAll(copying span: Span<UInt8>) {
    let kept = Swift.min(count, span.count)
    unsafe span.extracting(first: kept).withUnsafeBytes { source in
      unsafe withUnsafeMutableBytes { bytes in unsafe bytes.copyMemory(from: source) }
    }
    if kept < count { removeLast(count - kept) }
    if kept < span.count { append(copying: span.extracting(droppingFirst: kept)) }
  }

  /// Appends a copy of the span's bytes.
  package mutating func append(copying span: Span<UInt8>) {
    unsafe span.withUnsafeBufferPointer { bytes in unsafe append(contentsOf: bytes) }
  }

  /// Appends a literal's bytes.
  mutating func append(literal: StaticString) {
    unsafe append(
      contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// Appends a text's bytes.
  mutating func append(text: String) {
    append(copying: text.utf8.span)
  }
}

extension OutputSpan where Element == UInt8 {
  /// Appends a copy of the span's bytes, for which there is room.
  package mutating func append(copying span: Span<UInt8>) {
    precondition(span.count <= freeCapacity, "there is room for what is copied")
    guard span.count > 0 else { return }
    unsafe span.withUnsafeBufferPointer { source in
      unsafe withUnsafeMutableBufferPointer { room, filled in
        unsafe (room.baseAddress! + filled).initialize(
          from: source.baseAddress!, count: source.count)
        filled += source.count
      }
    }
  }

  /// Appends the `count` lowest bytes of a word, the lowest first, for which there is room. At most 8.
  @inlinable @inline(__always)
  package mutating func append(_ word: UInt64, lowest count: Int) {
    precondition(0...8 ~= count && count <= freeCapacity, "there is room for what is copied")
    unsafe withUnsafeMutableBufferPointer { room, filled in
      let end = unsafe UnsafeMutableRawPointer(room.baseAddress! + filled)
      if room.count - filled >= 8 {
        // All eight at once: those that are not meant are written over by what comes next.
        unsafe end.storeBytes(of: word.littleEndian, as: UInt64.self)
      } else {
        for place in 0..<count {
          unsafe end.storeBytes(
            of: UInt8(truncatingIfNeeded: word >> (8 * place)), toByteOffset: place, as: UInt8.self)
        }
      }
      filled += count
    }
  }

  /// Appends a literal's bytes, for which there is room: a few machine instructions, as its length is known.
  @inlinable @inline(__always)
  package mutating func append(literal: StaticString) {
    let count = literal.utf8CodeUnitCount
    precondition(count <= freeCapacity, "there is room for what is copied")
    unsafe withUnsafeMutableBufferPointer { room, filled in
      unsafe (room.baseAddress! + filled).initialize(from: literal.utf8Start, count: count)
      filled += count
    }
  }
}
