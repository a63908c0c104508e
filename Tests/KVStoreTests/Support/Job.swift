// What a thread of a doomed process has done next. Who knows seed, thread and number knows what that is.

@testable import KVStore

/// A routine that changes several entries, in tables that must always agree.
struct Job: Sendable {
  static let left: Table = "left"
  static let right: Table = "right"
  static let sessions: Table = "sessions"
  static let tables = [left, right, sessions]

  static let threads = 8
  /// Numbers rise from life to life, so that none comes twice.
  static let numbersPerLife = 1_000_000

  enum Work: Sendable {
    /// Writes one slot, in both tables.
    case write(slot: Int, size: Int)
    case delete(slot: Int)
    /// Empties one slot and writes another.
    case move(from: Int, to: Int, size: Int)
    /// Empties all of the thread's slots.
    case deleteAll
    /// Writes in one of the tables, and throws.
    case abandon(slot: Int, size: Int)
    /// Adds an entry that expires, for somebody to sweep.
    case session(expiresAt: Int64)
  }

  let thread: Int
  let number: Int
  let work: Work

  init(seed: UInt64, thread: Int, number: Int) {
    self.thread = thread
    self.number = number
    var numbers = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(number * Self.threads + thread))
    func random(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &numbers) }
    let (slot, other) = (random(0...7), random(0...7))
    // Some take several pages, so that the log is copied into the file now and then.
    let size = random(0...9) == 0 ? random(5_000...40_000) : random(10...300)
    switch random(0...19) {
    case 0..<9: work = .write(slot: slot, size: size)
    case 9..<12: work = .delete(slot: slot)
    case 12..<15: work = .move(from: slot, to: other, size: size)
    case 15: work = .deleteAll
    case 16: work = .abandon(slot: slot, size: size)
    default:
      let life = number / Self.numbersPerLife
      work = .session(expiresAt: Int64(Self.firstTime(ofLife: life) + random(-10...40)))
    }
  }

  /// Time as the jobs have it: that of each life is behind that of the one before.
  static func firstTime(ofLife life: Int) -> Int { (life + 1) * 1_000 }

  /// The number that an entry holds; 0 if there is none.
  static func number(_ entry: Entry?) -> Int { entry?.text.flatMap { Int($0) } ?? 0 }

  static func prefix(ofThread thread: Int) -> String { "slot \(thread) " }
  static func key(ofThread thread: Int, slot: Int) -> String {
    "\(prefix(ofThread: thread))\(slot)"
  }
  private func key(_ slot: Int) -> String { Self.key(ofThread: thread, slot: slot) }
  var sessionKey: String { "\(thread) \(number)" }

  /// The value that a job writes: its own name again and again, the end too.
  static func value(thread: Int, number: Int, size: Int) -> [UInt8] {
    let name = Array("<\(thread) \(number)>".utf8)
    var value: [UInt8] = []
    value.reserveCapacity(size + name.count)
    while value.count < size { value += name }
    return value
  }

  func run(_ storage: borrowing Storage) throws {
    switch work {
    case .write(let slot, let size): try write(slot, size, storage)
    case .delete(let slot): try empty(slot, storage)
    case .move(let from, let to, let size):
      try empty(from, storage)
      try write(to, size, storage)
    case .deleteAll:
      for table in [Self.left, Self.right] {
        try storage.delete(table, in: .prefix(Self.prefix(ofThread: thread)))
      }
    case .abandon(let slot, let size):
      try storage.overwrite(
        Self.left, key(slot), Self.value(thread: thread, number: number, size: size))
      throw Abandoned()
    case .session(let expiresAt):
      try storage.add(
        Self.sessions, sessionKey, "", expiresAt: Timestamp(secondsSince1970: expiresAt))
    }
    // How many jobs were done, by all and by this thread, and which was the last.
    try storage.increment(Self.left, "total")
    try storage.increment(Self.right, "count \(thread)")
    try storage.overwrite(Self.left, "last \(thread)", "\(number)")
  }

  private func write(_ slot: Int, _ size: Int, _ storage: borrowing Storage) throws {
    let value = Self.value(thread: thread, number: number, size: size)
    for table in [Self.left, Self.right] { try storage.overwrite(table, key(slot), value) }
  }

  private func empty(_ slot: Int, _ storage: borrowing Storage) throws {
    for table in [Self.left, Self.right] { try storage.delete(table, key(slot)) }
  }

  /// What the thread has after the job.
  func apply(to share: inout Share) {
    func write(_ slot: Int, _ size: Int) {
      let value = Self.value(thread: thread, number: number, size: size)
      share.slots[key(slot)] = value
    }
    switch work {
    case .write(let slot, let size): write(slot, size)
    case .delete(let slot): share.slots[key(slot)] = nil
    case .move(let from, let to, let size):
      share.slots[key(from)] = nil
      write(to, size)
    case .deleteAll: share.slots = [:]
    case .abandon: return
    case .session: break
    }
    share.count += 1
    share.last = number
  }

  /// What one thread has in the store, but its sessions.
  struct Share: Equatable, Sendable {
    var slots: [String: [UInt8]] = [:]
    var count = 0
    var last: Int?
  }
}
