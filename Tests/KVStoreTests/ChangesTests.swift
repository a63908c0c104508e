import Testing
import Threads

@testable import KVStore

extension Table { fileprivate static let notes: Table = "notes" }

@Suite("The changes of a store", .serialized)
struct ChangesTests {
  let directory = TemporaryDirectory()
  let store: Store

  init() throws {
    store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts, .notes],
      busyTimeout: .milliseconds(20))
  }

  /// What has come so far, in short.
  private func read(_ changes: inout Changes) throws -> [String] {
    var lines: [String] = []
    while let event = try changes.next(within: .zero) {
      switch event {
      case .change(let change): lines.append("\(change.table) \(change.key) \(change.kind)")
      case .missed: lines.append("missed")
      }
    }
    return lines
  }

  @Test("Every verb that writes is told, in order, once it is committed")
  func verbs() throws {
    var changes = try store.changes()
    try store.execute { storage in
      try storage.add(.accounts, "a", "1")
      try storage.update(.accounts, "a", "2", ifCounter: 0)
      try storage.overwrite(.notes, "b", "3")
      try storage.increment(.notes, "n")
      try storage.modify(.notes, "b") { $0 = nil }
      try storage.restore(.notes, Row(key: "r", entry: Entry(value: [], counter: 7)))
      try storage.delete(.notes, "r")
      try storage.delete(.notes, "nobody")
      #expect(throws: StoreError.self) { try storage.add(.accounts, "a", "taken") }
      try storage.raise(.notes, "n", to: 0)
    }
    #expect(
      try read(&changes) == [
        "accounts a stored", "accounts a stored", "notes b stored", "notes n stored",
        "notes b deleted", "notes r stored", "notes r deleted",
      ])
  }

  @Test("Ranges tell each key that was deleted, and so does what has expired")
  func ranges() throws {
    try store.execute { storage in
      for key in ["a1", "a2", "b1"] { try storage.add(.accounts, key, "") }
      try storage.add(.notes, "old", "", expiresAt: 10)
    }
    var changes = try store.changes()
    try store.execute { try $0.delete(.accounts, in: .prefix("a")) }
    try store.execute { try $0.clear(.accounts) }
    try store.sweep(now: 11)
    #expect(
      try read(&changes) == [
        "accounts a1 deleted", "accounts a2 deleted", "accounts b1 deleted", "notes old deleted",
      ])
    #expect(try store.execute { try $0.listKeys(.accounts) } == [])
  }

  @Test("A routine that throws is not told, alone or among others")
  func throwing() throws {
    struct Refusal: Error {}
    var changes = try store.changes()
    #expect(throws: Refusal.self) {
      try store.execute { storage in
        try storage.add(.accounts, "alone", "")
        throw Refusal()
      }
    }
    _ = try together(
      in: store,
      (0..<5).map { index in
        { storage in
          try storage.add(.accounts, "\(index)", "")
          if index == 2 { throw Refusal() }
          return index
        }
      })
    #expect(
      try read(&changes)
        == [0, 1, 3, 4].map { "accounts \($0) stored" })
  }

  @Test("Only the table and the range that were asked for are told")
  func filter() throws {
    var changes = try store.changes(in: .accounts, .prefix("a"))
    try store.execute { storage in
      try storage.add(.notes, "a", "")
      try storage.add(.accounts, "b", "")
      try storage.add(.accounts, "ab", "")
    }
    #expect(try read(&changes) == ["accounts ab stored"])
    #expect(throws: StoreError.unknownTable("no")) { try store.changes(in: "no") }
  }

  @Test("A stream goes on after any number that it has had")
  func resume() throws {
    var changes = try store.changes()
    for key in ["a", "b", "c"] { try store.execute { try $0.add(.accounts, key, "") } }
    let first = try #require(try changes.next())
    var again = try store.changes(after: first.sequence)
    #expect(try read(&again) == ["accounts b stored", "accounts c stored"])
    #expect(try read(&changes) == ["accounts b stored", "accounts c stored"])
    #expect(changes.sequence == again.sequence)
    var fromHere = try store.changes(after: changes.sequence)
    #expect(try read(&fromHere) == [])
  }

  @Test("Who is too slow, or goes on from another opening of the store, is told what it missed")
  func missed() throws {
    var slow = try store.changes()
    for number in 0...Store.Limits.keptChanges {
      try store.execute { try $0.overwrite(.accounts, "\(number)", "") }
    }
    guard case .missed(let sequence) = try slow.next() else {
      Issue.record("nothing was missed")
      return
    }
    #expect(try slow.next(within: .zero) == nil)
    try store.execute { try $0.add(.accounts, "last", "") }
    #expect(try read(&slow) == ["accounts last stored"])
    var resumed = try store.changes(after: sequence)
    #expect(try read(&resumed) == ["accounts last stored"])

    try store.close()
    let reopened = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
    var old = try reopened.changes(after: sequence)
    #expect(try read(&old) == ["missed"])
    var future = try reopened.changes(after: .max)
    #expect(try read(&future) == ["missed"])
  }

  @Test("One that is just behind the oldest that is kept misses nothing")
  func keeps() throws {
    var changes = try store.changes()
    for number in 0..<Store.Limits.keptChanges {
      try store.execute { try $0.overwrite(.accounts, "\(number)", "") }
    }
    #expect(try read(&changes).count == Store.Limits.keptChanges)
  }

  @Test("A routine that changes too much at once is told as missed")
  func tooMuch() throws {
    try store.execute { storage in
      for number in 0...Store.Limits.keptChanges { try storage.add(.accounts, "\(number)", "") }
    }
    var changes = try store.changes()
    try store.execute { try $0.clear(.accounts) }
    #expect(try read(&changes) == ["missed"])
    #expect(try store.execute { try $0.count(.accounts) } == 0)
  }

  @Test("Who waits is woken by what it waits for, and finds it stored; 4 observers, 8 writers")
  func waiting() throws {
    let store = store
    let started = Monitor(0)
    try onThreads(12) { index in
      if index < 4 {
        var changes = try store.changes(in: .accounts, .prefix("\(index)"))
        started.withLock { $0 += 1 }
        started.wakeAll()
        var last: Int64 = 0
        for number in 0..<50 {
          guard case .change(let change) = try changes.next() else {
            Issue.record("something was missed")
            return
          }
          #expect(change.sequence > last)
          last = change.sequence
          #expect(change.key == "\(index) \(number)")
          #expect(try store.read { try $0.get(.accounts, change.key) } != nil)
        }
      } else {
        _ = started.wait { $0 == 4 ? true : nil }
        for number in 0..<50 where index < 8 {
          try store.execute { try $0.add(.accounts, "\(index - 4) \(number)", "") }
        }
        for number in 0..<50 where index >= 8 {
          try store.execute { try $0.add(.notes, "\(index) \(number)", "") }
        }
      }
    }
  }

  @Test("Who waits is told when the store is closed, after what was stored before")
  func closing() throws {
    let store = store
    let looked = Event()
    try startThread("closer") {
      looked.wait()
      try store.execute { try $0.add(.accounts, "last", "") }
      try store.close()
    }
    var changes = try store.changes()
    looked.signal()
    #expect(try changes.next() != nil)
    #expect(throws: StoreError.closed) { try changes.next() }
  }

  @Test("The same without keeping a thread; a task that is cancelled waits no longer")
  func asynchronous() async throws {
    let store = store
    let changes = try store.changes()
    let collector = Task {
      var keys: [String] = []
      for try await event in changes {
        if case .change(let change) = event { keys.append(change.key) }
      }
      return keys
    }
    for number in 0..<100 { try await store.execute { try $0.add(.accounts, "\(number)", "") } }
    let cancelled = Task { [changes] in
      var changes = try store.changes(in: .notes, after: changes.sequence)
      return try await changes.next()
    }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    try store.close()
    #expect(try await collector.value == (0..<100).map(String.init))
  }
}
