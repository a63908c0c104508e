import Glibc
import Testing

@testable import KVStore

private struct Refusal: Error, Equatable {}

@Suite("Putting a copy back")
struct RestoreTests {
  let directory = TemporaryDirectory()
  var path: String { directory.file("test.sqlite") }
  var copy: String { directory.file("copy.sqlite") }
  var kept: String { path + ".replaced" }

  /// A copy of a store with an "old" entry, and a store at `path` that has gone on since with a "new" one.
  init() throws {
    let store = try Store(path: path, tables: [.accounts], durability: .normal)
    try store.execute { storage in
      let value = [UInt8](repeating: 1, count: 3_000)
      for number in 0..<1_000 { try storage.add(.accounts, "filler \(number)", value) }
      for _ in 0..<3 { try storage.overwrite(.accounts, "old", "1", expiresAt: 4_000_000_000) }
    }
    try store.backup(to: copy)
    try store.execute { storage in
      try storage.clear(.accounts)
      try storage.add(.accounts, "new", "2")
    }
    try store.close()
  }

  private func keys(in path: String) throws -> [String] {
    try Store.read(at: path, tables: [.accounts]) { snapshot in
      try snapshot.listKeys(.accounts).filter { !$0.hasPrefix("filler") }
    }
  }

  private var names: [String] { directory.names.sorted() }

  @Test("The store is what the copy was, with counters and expiry, and what it was is kept")
  func replaces() throws {
    var steps: [Int] = []
    let before = contents(of: copy)
    try Store.restore(from: copy, to: path, replacing: true) { done, total in
      steps.append(done)
      #expect(done < total)
    }
    #expect(steps.count > 1 && steps == steps.sorted())
    #expect(contents(of: copy) == before)
    #expect(names == ["copy.sqlite", "test.sqlite", "test.sqlite.replaced"])
    #expect(try keys(in: kept) == ["new"])
    #expect(try Store.check(path: path) == [] && Store.check(path: kept) == [])
    let store = try Store(path: path, tables: [.accounts])
    let count = try store.read { try $0.count(.accounts) }
    #expect(count == 1_001)
    let rows = try store.read { try $0.scan(.accounts, in: .prefix("o"), limit: 9).rows }
    #expect(
      rows
        == [Row(key: "old", entry: Entry(value: [0x31], counter: 2), expiresAt: 4_000_000_000)])
    try store.execute { try $0.add(.accounts, "later", "") }
    #expect(try keys(in: path) == ["later", "old"])
  }

  @Test("Where there is no store, a new file is made, which is its owner's alone; nothing is kept")
  func newPlace() throws {
    let other = directory.file("other.sqlite")
    try Store.restore(from: copy, to: other)
    #expect(try keys(in: other) == ["old"])
    #expect(FileStatus(other)?.permissions == 0o600)
    #expect(names == ["copy.sqlite", "other.sqlite", "test.sqlite"])
    // The same where there is a file that holds nothing.
    let empty = directory.file("empty.sqlite")
    append([], to: empty)
    try Store.restore(from: copy, to: empty)
    #expect(try keys(in: empty) == ["old"])
    #expect(names == ["copy.sqlite", "empty.sqlite", "other.sqlite", "test.sqlite"])
  }

  @Test(
    "A store that is there is refused, or replaced as it is told, and keeps its permissions")
  func existing() throws {
    #expect(unsafe chmod(path, 0o640) == 0)
    #expect(throws: StoreError.fileExists(path: path)) { try Store.restore(from: copy, to: path) }
    #expect(try keys(in: path) == ["new"])
    try Store.restore(from: copy, to: path, replacing: true)
    #expect(FileStatus(path)?.permissions == 0o640)
    #expect(FileStatus(kept).map { $0.permissions & ~0o640 } == 0)
  }

  @Test("What was kept once is never replaced")
  func keptBefore() throws {
    try Store.restore(from: copy, to: path, replacing: true)
    let before = contents(of: kept)
    #expect(throws: StoreError.fileExists(path: kept)) {
      try Store.restore(from: copy, to: path, replacing: true)
    }
    #expect(contents(of: kept) == before)
    #expect(try keys(in: path) == ["old"])
  }

  @Test("A store that is open is refused, by the name of who has it")
  func open() throws {
    let store = try Store(path: path, tables: [.accounts])
    #expect(throws: StoreError.openElsewhere(path: path, processID: getpid())) {
      try Store.restore(from: copy, to: path, replacing: true, lockPatience: .zero) { _, _ in }
    }
    try store.execute { try $0.add(.accounts, "newer", "") }
    #expect(try keys(in: path) == ["new", "newer"])
    // Its file may be the copy, though.
    try Store.restore(from: path, to: directory.file("other.sqlite"))
    #expect(try keys(in: directory.file("other.sqlite")) == ["new", "newer"])
  }

  @Test(
    "Who reads the old store goes on with it; who reads next sees the new one"
  )
  func readers() throws {
    let (path, copy) = (path, copy)
    let reader = try SQLiteConnection.looking(into: path)
    try reader.execute("SELECT * FROM accounts")
    try Store.read(at: path, tables: [.accounts]) { snapshot in
      #expect(try snapshot.listKeys(.accounts) == ["new"])
      try Store.restore(from: copy, to: path, replacing: true)
      #expect(try snapshot.listKeys(.accounts) == ["new"])
      #expect(try keys(in: path) == ["old"])
      #expect(try snapshot.get(.accounts, "new")?.text == "2")
    }
    let store = try Store(path: path, tables: [.accounts])
    try store.execute { try $0.add(.accounts, "later", "") }
    let statement = try SQLiteStatement(
      "SELECT count(*) FROM accounts WHERE key IN ('old', 'later')", on: reader)
    #expect(try statement.firstRow { $0.number(at: 0) } == 2)
    #expect(try store.integrityCheck() == [])
  }

  @Test(
    "The log that a crash has left is part of what is replaced, not of the new store")
  func logOfACrash() async throws {
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let store = try Store(path: path, tables: [.accounts])
      try await store.execute { try $0.add(.accounts, "in the log", "") }
      kill(getpid(), SIGKILL)
    }
    #expect(names.contains("test.sqlite-wal") && names.contains("test.sqlite-lock"))
    try Store.restore(from: copy, to: path, replacing: true)
    #expect(names == ["copy.sqlite", "test.sqlite", "test.sqlite.replaced"])
    #expect(try keys(in: path) == ["old"])
    #expect(try keys(in: kept) == ["in the log", "new"])
  }

  @Test("A store that is damaged is replaced, and kept as damaged as it is")
  func damagedStore() throws {
    try Store.restore(from: copy, to: path, replacing: true)
    #expect(unsafe unlink(kept) == 0)
    overwritePages(of: path, from: 100)
    try Store.restore(from: copy, to: path, replacing: true)
    #expect(try Store.check(path: path) == [])
    #expect(try !Store.check(path: kept).isEmpty)
  }

  struct BadCopy: CustomTestStringConvertible {
    var testDescription: String
    /// Makes nonsense of a copy; there is none where it is not made.
    var spoil: @Sendable (_ path: String) throws -> Void
    var isExpected: @Sendable (StoreError) -> Bool
  }

  static let badCopies = [
    BadCopy(testDescription: "missing") {
      unsafe unlink($0)
    } isExpected: {
      if case .cannotOpen = $0 { true } else { false }
    },
    BadCopy(testDescription: "no database") { path in
      unsafe unlink(path)
      append(Array(String(repeating: "No database. ", count: 100).utf8), to: path)
    } isExpected: {
      if case .notADatabase = $0 { true } else { false }
    },
    BadCopy(testDescription: "no bytes") {
      unsafe unlink($0)
      append([], to: $0)
    } isExpected: {
      if case .cannotOpen(_, "it has no tables") = $0 { true } else { false }
    },
    BadCopy(testDescription: "cut off") {
      unsafe truncate($0, 500_000)
    } isExpected: {
      if case .corrupt = $0 { true } else { false }
    },
    BadCopy(testDescription: "damaged") {
      overwritePages(of: $0, from: 100)
    } isExpected: {
      if case .corrupt(let message) = $0 { message.contains("copy.sqlite\": ") } else { false }
    },
    BadCopy(testDescription: "of a later format") {
      try SQLiteConnection(.file($0)).execute("PRAGMA user_version = 2")
    } isExpected: {
      $0 == .newerFormat(version: 2)
    },
    BadCopy(testDescription: "UTF-16") {
      unsafe unlink($0)
      try SQLiteConnection(.file($0)).execute("PRAGMA encoding = 'UTF-16'; CREATE TABLE a (b)")
    } isExpected: {
      if case .cannotOpen(_, "its texts are not UTF-8") = $0 { true } else { false }
    },
  ]

  @Test("A copy that is none, or is spoiled, changes nothing", arguments: badCopies)
  func badCopy(row: BadCopy) throws {
    try row.spoil(copy)
    let before = (contents(of: path), names)
    for target in [path, directory.file("other.sqlite")] {
      let error = #expect(throws: StoreError.self) {
        try Store.restore(from: copy, to: target, replacing: true)
      }
      #expect(error.map(row.isExpected) == true, "\(String(describing: error))")
    }
    #expect((contents(of: path), names) == before)
  }

  @Test("A file that is something else, or the copy itself, is not replaced")
  func otherFiles() throws {
    let text = directory.file("text")
    append(Array(String(repeating: "No database. ", count: 100).utf8), to: text)
    let before = contents(of: text)
    #expect(throws: StoreError.notADatabase(path: text)) {
      try Store.restore(from: copy, to: text, replacing: true)
    }
    #expect(contents(of: text) == before)
    #expect(unsafe symlink(copy, directory.file("link")) == 0)
    for same in [copy, directory.file("link")] {
      #expect(throws: StoreError.fileExists(path: same)) {
        try Store.restore(from: copy, to: same, replacing: true)
      }
    }
    #expect(throws: StoreError.invalidPath("", .empty)) { try Store.restore(from: copy, to: "") }
    #expect(names == ["copy.sqlite", "link", "test.sqlite", "text"])
  }

  @Test(
    "A log whose file was taken away is not read into a new one, and not deleted",
    arguments: ["-wal", "-journal"])
  func logAlone(part: String) throws {
    let other = directory.file("other.sqlite")
    append([1, 2, 3], to: other + part)
    #expect(throws: StoreError.fileExists(path: other + part)) {
      try Store.restore(from: copy, to: other, replacing: true)
    }
    #expect(contents(of: other + part) == [1, 2, 3])
    #expect(names == ["copy.sqlite", "other.sqlite\(part)", "test.sqlite"])
  }

  @Test("What progress throws ends it: the store is as it was, and nothing is kept")
  func ended() throws {
    #expect(throws: Refusal()) {
      try Store.restore(from: copy, to: path, replacing: true) { _, _ in throw Refusal() }
    }
    #expect(try keys(in: path) == ["new"])
    #expect(names == ["copy.sqlite", "test.sqlite"])
    try Store.restore(from: copy, to: path, replacing: true)
    #expect(try keys(in: path) == ["old"])
  }

  @Test("Pages of another length are refused, but for a new file, which takes them over")
  func pageSize() throws {
    let other = try SQLiteConnection(.file(directory.file("other.sqlite")))
    try other.execute("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL")
    try other.makeMissing([.accounts])
    try other.execute("INSERT INTO accounts VALUES ('small', 0, 0, x'')")
    try other.close()
    let error = #expect(throws: StoreError.self) {
      try Store.restore(from: directory.file("other.sqlite"), to: path, replacing: true)
    }
    guard case .cannotOpen(directory.file("other.sqlite"), _) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(try keys(in: path) == ["new"])
    let new = directory.file("new.sqlite")
    try Store.restore(from: directory.file("other.sqlite"), to: new)
    #expect(try keys(in: new) == ["small"])
    #expect(try Store.statistics(at: new).pageSizeInBytes == 1024)
    #expect(names == ["copy.sqlite", "new.sqlite", "other.sqlite", "test.sqlite"])
  }

  @Test("No descriptor is left, whether a copy was put back or not")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let (path, copy) = (directory.file("test.sqlite"), directory.file("copy.sqlite"))
      let store = try Store(path: path, tables: [.accounts])
      try store.backup(to: copy)
      #expect(throws: StoreError.self) {
        try Store.restore(from: copy, to: path, replacing: true, lockPatience: .zero) { _, _ in }
      }
      try store.close()
      try Store.restore(from: copy, to: path, replacing: true)
      #expect(throws: StoreError.self) { try Store.restore(from: copy, to: path, replacing: true) }
      #expect(throws: StoreError.self) { try Store.restore(from: copy, to: path) }
      #expect(openFiles(in: directory) == [])
    }
  }
}
