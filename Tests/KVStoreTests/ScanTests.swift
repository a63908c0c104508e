import CSQLite
import Testing

@testable import KVStore

@Suite("Scans")
struct ScanTests {
  let store: Store

  init() throws {
    store = try .inMemory(tables: [.accounts])
    try store.execute { storage in
      for key in ["a", "ab", "abc", "b", "b\u{7f}", "b\u{e9}", "c", "\u{1F642}"] {
        try storage.add(.accounts, key, "value of \(key)")
      }
    }
  }

  private func keys(
    _ range: KeyRange, after cursor: String? = nil, backwards: Bool = false, limit: Int = 100
  ) throws -> [String] {
    let page = try store.read { snapshot in
      try snapshot.scan(
        .accounts, in: range, after: cursor, backwards: backwards, limit: limit)
    }
    return page.rows.map(\.key)
  }

  @Test("Ranges, in the order of the keys' bytes, and backwards")
  func ranges() throws {
    let all = ["a", "ab", "abc", "b", "b\u{7f}", "b\u{e9}", "c", "\u{1F642}"]
    let cases: [(KeyRange, [String])] = [
      (.all, all),
      (.prefix(""), all),
      (.prefix("a"), ["a", "ab", "abc"]),
      (.prefix("b"), ["b", "b\u{7f}", "b\u{e9}"]),
      (.prefix("b\u{7f}"), ["b\u{7f}"]),
      (.prefix("\u{1F642}"), ["\u{1F642}"]),
      (.prefix("x"), []),
      (.from("abc"), ["abc", "b", "b\u{7f}", "b\u{e9}", "c", "\u{1F642}"]),
      (.before("b"), ["a", "ab", "abc"]),
      (.between("ab", and: "b\u{7f}"), ["ab", "abc", "b"]),
      (.between("b", and: "a"), []),
      (.between("b", and: "b"), []),
    ]
    for (range, expected) in cases {
      #expect(try keys(range) == expected, "\(range)")
      #expect(try keys(range, backwards: true) == expected.reversed(), "\(range)")
      #expect(try store.read { try $0.count(.accounts, in: range) } == expected.count, "\(range)")
    }
  }

  @Test(
    "Pages of every size give the same, on and back, also when the row at the cursor goes",
    arguments: 1...9)
  func pages(limit: Int) throws {
    for range in [KeyRange.all, .prefix("b"), .from("abc"), .before("c")] {
      for backwards in [false, true] {
        let expected = try keys(range, backwards: backwards)
        var found: [String] = []
        var cursor: String?
        repeat {
          let page = try store.read { snapshot in
            try snapshot.scan(
              .accounts, in: range, after: cursor, backwards: backwards, limit: limit)
          }
          #expect(page.rows.count <= limit)
          found += page.rows.map(\.key)
          cursor = page.cursor
          // As a client would who works one page off.
          if let last = page.rows.last {
            try store.execute { storage in
              try storage.delete(.accounts, last.key)
              try storage.add(.accounts, last.key, last.value)
            }
          }
        } while cursor != nil
        #expect(found == expected, "\(range) \(backwards)")
      }
    }
  }

  @Test("A cursor outside the range skips nothing and gives nothing twice")
  func foreignCursor() throws {
    #expect(try keys(.prefix("b"), after: "a") == ["b", "b\u{7f}", "b\u{e9}"])
    #expect(try keys(.prefix("b"), after: "c") == [])
    #expect(try keys(.prefix("b"), after: "c", backwards: true) == ["b\u{e9}", "b\u{7f}", "b"])
    #expect(try keys(.prefix("b"), after: "a", backwards: true) == [])
  }

  @Test("Rows tell value, counter and expiry; expired ones are left out if there is a time")
  func rows() throws {
    try store.execute { storage in
      try storage.clear(.accounts)
      try storage.add(.accounts, "a", "1", expiresAt: 100)
      try storage.overwrite(.accounts, "b", "2")
      try storage.overwrite(.accounts, "b", "3")
      #expect(
        try storage.scan(.accounts, limit: 10)
          == Page(
            rows: [
              Row(key: "a", entry: Entry(value: [49], counter: 0), expiresAt: 100),
              Row(key: "b", entry: Entry(value: [51], counter: 1)),
            ], cursor: nil))
      #expect(try storage.scan(.accounts, limit: 10, now: 100).rows.count == 2)
      #expect(try storage.scan(.accounts, limit: 10, now: 101).rows.map(\.key) == ["b"])
      #expect(try storage.count(.accounts, in: .all, now: 101) == 1)
      #expect(
        try storage.getMany(.accounts, ["b", "x", "a"], now: 101)
          == [Entry(value: [51], counter: 1), nil, nil])
    }
  }

  @Test("A page ends when its values come to a mebibyte, and the next goes on there")
  func largeValues() throws {
    let value = [UInt8](repeating: 1, count: 400_000)
    try store.execute { storage in
      try storage.clear(.accounts)
      for number in 0..<10 { try storage.add(.accounts, "\(number)", value) }
    }
    try store.read { snapshot in
      let page = try snapshot.scan(.accounts, limit: 100)
      #expect(page.rows.count == 3)
      #expect(page.cursor == "2")
      var seen: [String] = []
      try snapshot.forEach(.accounts) { row in
        seen.append(row.key)
        return row.key != "7"
      }
      #expect(seen == (0...7).map(String.init))
    }
  }

  @Test("A routine that changes what it goes over sees what is behind the row it is at")
  func changedMeanwhile() throws {
    try store.execute { storage in
      try storage.clear(.accounts)
      for number in 100..<300 { try storage.add(.accounts, "\(number)", "") }
      var seen = 0
      try storage.forEach(.accounts) { row in
        seen += 1
        try storage.delete(.accounts, row.key)
        return true
      }
      #expect(seen == 200)
      #expect(try storage.count(.accounts) == 0)
    }
  }

  @Test("Deleting a range deletes just that, and tells how many")
  func deleteRange() throws {
    func delete(_ range: KeyRange) throws -> Int {
      try store.execute { try $0.delete(.accounts, in: range) }
    }
    #expect(try delete(.prefix("b")) == 3)
    #expect(try delete(.prefix("b")) == 0)
    #expect(try keys(.all) == ["a", "ab", "abc", "c", "\u{1F642}"])
    #expect(try delete(.between("ab", and: "c")) == 2)
    #expect(try delete(.all) == 3)
    #expect(try keys(.all) == [])
  }

  @Test("A limit below 1 counts as 1")
  func smallLimit() throws {
    for limit in [0, -1, .min] { #expect(try keys(.all, limit: limit) == ["a"]) }
  }

  @Test(
    "Keys that are not UTF-8, which others have written, are passed over, on and back",
    arguments: ["E4", "FC"])
  func foreignKeys(first: String) throws {
    try store.executor.run { database in
      for number in 10..<90 {
        try database.connection.execute(
          "INSERT INTO accounts VALUES (CAST(x'\(first)\(number)' AS TEXT), 0, 0, x'')")
      }
    }
    let all = ["a", "ab", "abc", "b", "b\u{7f}", "b\u{e9}", "c", "\u{1F642}"]
    for backwards in [false, true] {
      var seen: [String] = []
      try store.read { snapshot in
        try snapshot.forEach(.accounts, backwards: backwards) { row in
          seen.append(row.key)
          return true
        }
      }
      #expect(seen == (backwards ? all.reversed() : all))
      #expect(try keys(.all, backwards: backwards, limit: 7).count == 7)
    }
    #expect(try store.read { try $0.count(.accounts) } == 88)
    #expect(try store.execute { try $0.delete(.accounts, in: .all) } == 88)
  }

  @Test("A scan that could not be prepared once is prepared later")
  func preparedLater() throws {
    try store.executor.run { database in
      _ = unsafe sqlite3_set_authorizer(
        database.connection.handle, { _, _, _, _, _, _ in SQLITE_DENY }, nil)
    }
    #expect(throws: StoreError.self) { try store.execute { try $0.scan(.accounts, limit: 1) } }
    try store.executor.run { database in
      _ = unsafe sqlite3_set_authorizer(database.connection.handle, nil, nil)
    }
    #expect(try store.execute { try $0.scan(.accounts, limit: 1) }.rows.count == 1)
  }
}
