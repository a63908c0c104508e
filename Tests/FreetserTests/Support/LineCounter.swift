// Reads a pipe on a thread of its own until its other end is closed.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

final class LineCounter: Sendable {
  private let state = Monitor((bytes: [UInt8](), hasEnded: false))

  func read(from descriptor: Int32) throws {
    try Thread.startDetached(name: "reader") { [state] in
      var piece = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = readOnce(descriptor, &piece)
        guard count > 0 else { break }
        let bytes = piece[..<count]
        state.withLock { $0.bytes += bytes }
      }
      state.withLock { $0.hasEnded = true }
      state.wakeAll()
    }
  }

  /// Everything that came, once the other end is closed.
  var text: String {
    let bytes = state.wait { $0.hasEnded ? $0.bytes : nil } ?? []
    return String(decoding: bytes, as: UTF8.self)
  }
}

private func readOnce(_ descriptor: Int32, _ piece: inout [UInt8]) -> Int {
  let capacity = piece.count
  return unsafe read(descriptor, &piece, capacity)
}
