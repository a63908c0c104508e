import Glibc
import Testing

@testable import KVStore

@Suite("Expiry")
struct ExpiryTests {
  let store: Store

  init() throws { store = try Store.inMemory(tables: [.accounts]) }

  struct Row: CustomTestStringConvertible {
    var expiresAt: Timestamp?
    var now: Timestamp?
    var isAlive: Bool
    var testDescription: String {
      let (expiry, time) = (expiresAt?.secondsSince1970, now?.secondsSince1970)
      return "expires \(expiry.map(String.init) ?? "never"), now \(time.map(String.init) ?? "-")"
    }
  }

  static let rows = [
    Row(expiresAt: nil, now: nil, isAlive: true),
    Row(expiresAt: nil, now: 1_000, isAlive: true),
    Row(expiresAt: 100, now: nil, isAlive: true),
    Row(expiresAt: 100, now: 99, isAlive: true),
    Row(expiresAt: 100, now: 100, isAlive: true),
    Row(expiresAt: 100, now: 101, isAlive: false),
    Row(expiresAt: 1, now: 2, isAlive: false),
    Row(expiresAt: 0, now: 1_000, isAlive: true),
    Row(expiresAt: -1, now: 1_000, isAlive: true),
    Row(expiresAt: 100, now: 0, isAlive: true),
    Row(expiresAt: 100, now: -5, isAlive: true),
    Row(expiresAt: Timestamp(secondsSince1970: .max), now: 1_000, isAlive: true),
  ]

  @Test("get leaves out what expired before now, and nothing else", arguments: rows)
  func get(row: Row) throws {
    try store.execute { storage in
      try storage.add(.accounts, "ada", "1", expiresAt: row.expiresAt)
      #expect(try (storage.get(.accounts, "ada", now: row.now) != nil) == row.isAlive)
      #expect(try storage.get(.accounts, "ada") != nil, "an expired entry is still there")
      #expect(try storage.listKeys(.accounts) == ["ada"])
    }
  }

  @Test("add replaces what expired before now, with counter 0, and nothing else", arguments: rows)
  func addOver(row: Row) throws {
    try store.execute { storage in
      try storage.add(.accounts, "ada", "old")
      try storage.update(.accounts, "ada", "old", ifCounter: 0, expiresAt: row.expiresAt)
      if row.isAlive {
        #expect(throws: StoreError.entryExists(table: .accounts, key: "ada")) {
          try storage.add(.accounts, "ada", "new", expiresAt: 5_000, now: row.now)
        }
        #expect(
          try storage.get(.accounts, "ada") == Entry(value: Array("old".utf8), counter: 1))
      } else {
        try storage.add(.accounts, "ada", "new", expiresAt: 5_000, now: row.now)
        #expect(
          try storage.get(.accounts, "ada") == Entry(value: Array("new".utf8), counter: 0))
        #expect(try storage.get(.accounts, "ada", now: 5_000) != nil)
        #expect(try storage.get(.accounts, "ada", now: 5_001) == nil)
      }
    }
  }

  @Test("add refuses an entry that would have expired already, and nothing else", arguments: rows)
  func addExpired(row: Row) throws {
    try store.execute { storage in
      if row.isAlive {
        try storage.add(.accounts, "ada", "1", expiresAt: row.expiresAt, now: row.now)
      } else {
        let (expiresAt, now) = (try #require(row.expiresAt), try #require(row.now))
        #expect(throws: StoreError.alreadyExpired(expiresAt: expiresAt, now: now)) {
          try storage.add(.accounts, "ada", "1", expiresAt: expiresAt, now: now)
        }
      }
      #expect(try (storage.get(.accounts, "ada") != nil) == row.isAlive)
    }
  }

  @Test(
    "Changes ignore the old expiry, count on, and set the new one",
    arguments: [
      "update", "tryUpdate", "overwrite",
    ])
  func changes(verb: String) throws {
    try store.execute { storage in
      try storage.add(.accounts, "ada", "1", expiresAt: 100)
      #expect(try storage.get(.accounts, "ada", now: 101) == nil)
      try change(storage, counter: 0, expiresAt: 200)
      #expect(try storage.get(.accounts, "ada", now: 200)?.counter == 1)
      #expect(try storage.get(.accounts, "ada", now: 201) == nil)
      try change(storage, counter: 1, expiresAt: nil)
      #expect(try storage.get(.accounts, "ada", now: 1_000_000)?.counter == 2)
    }

    @Sendable func change(
      _ storage: borrowing Storage, counter: Int64, expiresAt: Timestamp?
    ) throws {
      switch verb {
      case "update":
        try storage.update(.accounts, "ada", "2", ifCounter: counter, expiresAt: expiresAt)
      case "tryUpdate":
        #expect(
          try storage.tryUpdate(.accounts, "ada", "2", ifCounter: counter, expiresAt: expiresAt))
      default: try storage.overwrite(.accounts, "ada", "2", expiresAt: expiresAt)
      }
    }
  }

  @Test("delete finds expired entries too")
  func delete() throws {
    try store.execute { storage in
      try storage.add(.accounts, "ada", "1", expiresAt: 1)
      #expect(try storage.get(.accounts, "ada", now: 2) == nil)
      #expect(try storage.delete(.accounts, "ada"))
    }
  }

  @Test("The clock is the system's and timestamps are in its order")
  func clock() {
    let before = Timestamp(secondsSince1970: Int64(time(nil)))
    let now = Timestamp.now()
    let after = Timestamp(secondsSince1970: Int64(time(nil)))
    #expect(before <= now && now <= after)
  }
}
