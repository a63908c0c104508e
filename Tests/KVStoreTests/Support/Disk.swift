// What a disk holds, and what it may hold after the power was cut.

/// Files as the system shows them, and as the disk has them.
///
/// Only what was synced is sure to be on the disk. Of the rest any part may be there, in sectors of 512
/// bytes. So it is with the names: one that was made or taken away is sure once the directory was synced,
/// which SQLite does with the first sync of a new journal or log.
struct Disk: Sendable {
  private struct File: Sendable {
    var synced: [UInt8] = []
    var changes: [Change] = []
    /// Whether the next sync is one of the directory too.
    var syncsDirectory = false
  }

  fileprivate enum Change: Sendable {
    case write([UInt8], at: Int)
    case truncate(to: Int)
  }

  /// By what `open` returned. A file that is deleted stays in the array.
  private var files: [File] = []
  private var names: [String: Int] = [:]
  private var syncedNames: [String: Int] = [:]
  /// How often something was synced.
  private(set) var syncs = 0

  /// Finds a file, or makes one.
  mutating func open(_ name: String, syncsDirectory: Bool) -> Int {
    if names[name] == nil {
      names[name] = files.count
      files.append(File())
    }
    let id = names[name]!
    if syncsDirectory { files[id].syncsDirectory = true }
    return id
  }

  mutating func delete(_ name: String, syncsDirectory: Bool) {
    names[name] = nil
    if syncsDirectory {
      syncedNames = names
      syncs += 1
    }
  }

  mutating func write(_ bytes: [UInt8], to id: Int, at offset: Int) {
    files[id].changes.append(.write(bytes, at: offset))
  }

  mutating func truncate(_ id: Int, to size: Int) { files[id].changes.append(.truncate(to: size)) }

  mutating func sync(_ id: Int) {
    syncs += 1
    for change in files[id].changes { files[id].synced.apply(change) }
    files[id].changes = []
    if files[id].syncsDirectory { syncedNames = names }
    files[id].syncsDirectory = false
  }

  /// The files after a cut, with nothing but what was synced.
  var synced: [String: [UInt8]] { syncedNames.mapValues { files[$0].synced } }

  /// The files after a cut, with some of what was not synced.
  func torn(_ numbers: inout SplitMix64) -> [String: [UInt8]] {
    // Now nearly nothing, now nearly all.
    let share = Double.random(in: 0...1, using: &numbers)
    func happens() -> Bool { Double.random(in: 0..<1, using: &numbers) < share }

    var found: [String: [UInt8]] = [:]
    for name in Set(names.keys).union(syncedNames.keys).sorted() {
      guard let id = happens() ? names[name] : syncedNames[name] else { continue }
      var bytes = files[id].synced
      for change in files[id].changes {
        for part in change.sectors where happens() { bytes.apply(part) }
      }
      found[name] = bytes
    }
    return found
  }
}

extension Disk.Change {
  /// The change in parts that are there whole or not at all.
  fileprivate var sectors: [Self] {
    guard case .write(let bytes, let offset) = self else { return [self] }
    var parts: [Self] = []
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + 512 - (offset + start) % 512)
      parts.append(.write(Array(bytes[start..<end]), at: offset + start))
      start = end
    }
    return parts
  }
}

extension [UInt8] {
  fileprivate mutating func apply(_ change: Disk.Change) {
    switch change {
    case .write(let bytes, let offset):
      let missing = offset + bytes.count - count
      if missing > 0 { self += [UInt8](repeating: 0, count: missing) }
      replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    case .truncate(let size):
      if size < count { removeLast(count - size) }
    }
  }
}
