import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

/// A clock that a test sets.
private final class TestClock: Sendable {
  private let seconds: Atomic<Int64>

  init(_ now: Timestamp) { seconds = Atomic(now.secondsSince1970) }

  var now: Timestamp {
    get { Timestamp(secondsSince1970: seconds.load(ordering: .relaxed)) }
    set { seconds.store(newValue.secondsSince1970, ordering: .relaxed) }
  }
}

@Suite("What has expired goes by itself", .serialized)
struct AutomaticExpiryTests {
  let directory = TemporaryDirectory()
  private let clock = TestClock(2_000_000_000)

  private func open(idleTime: Duration) throws -> Store {
    var configuration = StoreConfiguration()
    configuration.idleTime = idleTime
    configuration.clock = { [clock] in clock.now }
    return try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], configuration: configuration)
  }

  @Test("When nobody uses the store; what is alive stays, and what expired before 2001 too")
  func idle() throws {
    let store = try open(idleTime: .milliseconds(1))
    var changes = try store.changes()
    try store.execute { storage in
      for number in 0..<250 {
        try storage.add(.accounts, "old \(number)", "", expiresAt: 2_000_000_100)
      }
      try storage.add(.accounts, "alive", "", expiresAt: 2_000_000_200)
      try storage.add(.accounts, "for ever", "")
      try storage.add(.accounts, "another clock's", "", expiresAt: 17)
    }
    clock.now = 2_000_000_200
    var deleted = 0
    while deleted < 250, case .change(let change) = try changes.next() {
      if change.kind == .deleted {
        #expect(change.key.hasPrefix("old"))
        deleted += 1
      }
    }
    #expect(
      try store.read { try $0.listKeys(.accounts) } == ["alive", "another clock's", "for ever"])
    #expect(store.activity.removedEntries == 250)
    // That one is left to whoever asks for it.
    #expect(try store.sweep(now: 18) == 1)
  }

  @Test("With routines that run anyway, some each time")
  func withRoutines() throws {
    let store = try open(idleTime: .seconds(3_600))
    try store.execute { storage in
      for number in 0..<250 {
        try storage.add(.accounts, "old \(number)", "", expiresAt: 2_000_000_100)
      }
    }
    clock.now = 2_000_000_200
    // It looks once a second; then every routine takes some with it.
    while try store.execute({ try $0.count(.accounts) }) == 250 { sched_yield() }
    #expect(try store.execute { try $0.count(.accounts) } == 50)
    #expect(try store.execute { try $0.count(.accounts) } == 0)
  }

  @Test("A routine that throws does not bring them back for long, and is not disturbed")
  func throwing() throws {
    struct Refusal: Error {}
    let store = try open(idleTime: .seconds(3_600))
    try store.execute { try $0.add(.accounts, "old", "", expiresAt: 2_000_000_100) }
    clock.now = 2_000_000_200
    var isThere = true
    while isThere {
      #expect(throws: Refusal.self) { try store.execute { _ in throw Refusal() } }
      isThere = try store.execute { try $0.count(.accounts) } == 1
    }
  }

  @Test("Not if the program does not want it")
  func switchedOff() throws {
    var configuration = StoreConfiguration()
    configuration.removesExpired = false
    configuration.idleTime = .milliseconds(1)
    let store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], configuration: configuration)
    try store.execute { try $0.add(.accounts, "old", "", expiresAt: 1_500_000_000) }
    #expect(try store.executor.run { $0.tidy() } == false)
    #expect(try store.execute { try $0.count(.accounts) } == 1)
  }

  @Test("A file of which a large part is free gets shorter when nobody uses it")
  func givesBack() throws {
    let store = try open(idleTime: .milliseconds(1))
    try store.execute { storage in
      for number in 0..<2_500 {
        try storage.add(
          .accounts, "\(number)", [UInt8](repeating: 1, count: 4_000), expiresAt: 2_000_000_100)
      }
    }
    let before = try store.statistics()
    clock.now = 2_000_000_200
    var after = before
    repeat { after = try store.statistics() } while after.pages > before.pages / 2
    #expect(after.freePages <= max(1_000, after.pages / 4) + 500)
  }
}
