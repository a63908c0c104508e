// Paths that stand in patterns as they are, found at once: most requests are for one of them.

/// A table of paths without parameters, and the routes of each.
struct LiteralPaths: Sendable {
  private struct Slot: Sendable {
    var hash: UInt32 = 0
    var path = 0..<0
    /// Empty where the slot is.
    var routes = 0..<0
  }

  private var slots: [Slot]
  private var text: [UInt8] = []

  init(_ paths: [(path: [UInt8], routes: Range<Int>)]) {
    // At most half of them are taken, so that there is an empty one to end each search.
    let size = 1 << (Int.bitWidth - (paths.count * 2).leadingZeroBitCount)
    slots = Array(repeating: Slot(), count: size)
    for (path, routes) in paths {
      let hash = path.reduce(PathScan.noHash) { PathScan.hash($0, $1) }
      var index = Int(hash) & (size - 1)
      while !slots[index].routes.isEmpty { index = (index + 1) & (size - 1) }
      slots[index] = Slot(
        hash: hash, path: text.count..<(text.count + path.count), routes: routes)
      text += path
    }
  }

  /// The routes of a path; empty if there are none.
  func routes(of path: Span<UInt8>, hash: UInt32) -> Range<Int> {
    let slots = slots.span
    var index = Int(hash) & (slots.count - 1)
    while !slots[index].routes.isEmpty {
      if slots[index].hash == hash, equals(path, slots[index].path) { return slots[index].routes }
      index = (index + 1) & (slots.count - 1)
    }
    return 0..<0
  }

  private func equals(_ path: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard path.count == range.count else { return false }
    let text = text.span
    for index in path.indices where path[index] != text[range.lowerBound + index] { return false }
    return true
  }
}

/// One look at the path of a target.
struct PathScan {
  static let noHash: UInt32 = 2_166_136_261

  /// FNV-1a (Fowler, Noll, Vo), for tables of routes: those who know it can make requests for paths that share a slot
  /// with a route, which are compared with it and then not found.
  static func hash(_ hash: UInt32, _ byte: UInt8) -> UInt32 {
    (hash ^ UInt32(byte)) &* 16_777_619
  }

  /// Where the query begins, or the end.
  private(set) var end = 0
  private(set) var hash = Self.noHash

  init(_ target: Span<UInt8>) {
    while end < target.count {
      let byte = target[end]
      if byte == UInt8(ascii: "?") { return }
      hash = Self.hash(hash, byte)
      end += 1
    }
  }
}
