import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

private struct Refusal: Error, Equatable {}

@Suite("Backups")
struct BackupTests {
  let directory = TemporaryDirectory()
  let store: Store
  var path: String { directory.file("test.sqlite") }
  var copy: String { directory.file("copy.sqlite") }

  init() throws {
    store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], durability: .normal)
    // Some steps of a backup.
    try store.execute { storage in
      let value = [UInt8](repeating: 1, count: 3_000)
      for number in 0..<1_000 { try storage.add(.accounts, "filler \(number)", value) }
      for account in 0..<10 { try storage.add(.accounts, "account \(account)", "100") }
    }
  }

  private func sum(in path: String) throws -> Int64 {
    try Store.read(at: path, tables: [.accounts]) { snapshot in
      try snapshot.scan(.accounts, in: .prefix("account "), limit: 100).rows
        .reduce(0) { $0 + Int64($1.text!)! }
    }
  }

  private var names: [String] { directory.names.sorted() }

  /// The names there are while the store is open.
  private func beside(_ others: String...) -> [String] {
    others + ["test.sqlite", "test.sqlite-lock", "test.sqlite-shm", "test.sqlite-wal"]
  }

  @Test("The copy is the store as it was when the backup began, whatever is written meanwhile")
  func oneMoment() throws {
    var steps: [Int] = []
    try store.backup(to: copy) { done, total in
      steps.append(done)
      #expect(done <= total)
      try store.execute { storage in
        try storage.overwrite(.accounts, "account 0", "0")
        try storage.delete(.accounts, "filler \(done)")
        try storage.overwrite(.accounts, "new \(done)", [UInt8](repeating: 2, count: 9_000))
      }
    }
    #expect(steps.count > 2)
    #expect(steps == steps.sorted() && Set(steps).count == steps.count, "it began anew")
    #expect(try sum(in: copy) == 1_000)
    let count = try Store.read(at: copy, tables: [.accounts]) { try $0.count(.accounts) }
    #expect(count == 1_010)
  }

  @Test("While threads move money between accounts, every copy has the whole sum")
  func transfers() throws {
    let store = store
    let isDone = Atomic(false)
    let written = Monitor(0)
    let ended = Monitor(0)
    for thread in 0..<4 {
      try startThread("writer \(thread)") {
        var numbers = SplitMix64(seed: UInt64(thread))
        while !isDone.load(ordering: .relaxed) {
          let from = Int.random(in: 0..<10, using: &numbers)
          let to = (from + Int.random(in: 1..<10, using: &numbers)) % 10
          try store.execute { storage in
            try storage.increment(.accounts, "account \(from)", by: -1)
            try storage.increment(.accounts, "account \(to)", by: 1)
          }
          written.withLock { $0 += 1 }
          written.wakeAll()
        }
        ended.withLock { $0 += 1 }
        ended.wakeAll()
      }
    }
    defer {
      isDone.store(true, ordering: .relaxed)
      _ = ended.wait { $0 == 4 ? true : nil }
    }
    for round in 0..<5 {
      try store.backup(to: copy, replacing: round > 0) { _, _ in
        let before = written.withLock { $0 }
        _ = written.wait { $0 > before ? true : nil }  // somebody writes between two steps
      }
      #expect(try sum(in: copy) == 1_000)
      #expect(try Store.check(path: copy) == [])
    }
  }

  @Test("The copy is one plain file, which can be opened as a store")
  func plainFile() throws {
    try store.backup(to: copy)
    #expect(names == beside("copy.sqlite"))
    #expect(contents(of: copy)[18..<20] == [1, 1], "its header says that it has no log")
    let restored = try Store(path: copy, tables: [.accounts])
    let count = try restored.read { try $0.count(.accounts) }
    #expect(count == 1_010)
    #expect(try restored.integrityCheck() == [])
    try restored.execute { try $0.add(.accounts, "ada", "1") }
    try restored.close()
    #expect(names == beside("copy.sqlite"))
  }

  @Test("A file that is there is refused, and stays as it is, unless it is to be replaced")
  func existing() throws {
    append([1, 2, 3], to: copy)
    #expect(throws: StoreError.fileExists(path: copy)) { try store.backup(to: copy) }
    #expect(contents(of: copy) == [1, 2, 3])
    try store.backup(to: copy, replacing: true)
    #expect(try sum(in: copy) == 1_000)
  }

  @Test("A file that comes while the copy is made is not replaced either")
  func comesMeanwhile() throws {
    #expect(throws: StoreError.fileExists(path: copy)) {
      try store.backup(to: copy) { _, _ in if contents(of: copy).isEmpty { append([1], to: copy) } }
    }
    #expect(contents(of: copy) == [1])
    #expect(names == beside("copy.sqlite"))
  }

  @Test("A database that is in use, and the store itself, are never replaced")
  func inUse() throws {
    let other = try Store(path: copy, tables: [.accounts])
    for replacing in [false, true] {
      let error = #expect(throws: StoreError.self) {
        try store.backup(to: copy, replacing: replacing)
      }
      #expect(error == .fileExists(path: replacing ? copy + "-wal" : copy))
    }
    #expect(throws: StoreError.fileExists(path: path)) {
      try store.backup(to: path, replacing: true)
    }
    try other.close()
    // Nor is a log that a crash has left, which belongs to what the file was.
    append([1], to: copy + "-wal")
    #expect(throws: StoreError.fileExists(path: copy + "-wal")) {
      try store.backup(to: copy, replacing: true)
    }
  }

  @Test("What progress throws ends the backup and leaves nothing")
  func ended() throws {
    #expect(throws: Refusal()) { try store.backup(to: copy) { _, _ in throw Refusal() } }
    #expect(names == beside())
    try store.backup(to: copy)
  }

  @Test("Paths that are no files, and directories that are missing, are refused")
  func badPaths() throws {
    #expect(throws: StoreError.invalidPath("", .empty)) { try store.backup(to: "") }
    #expect(throws: StoreError.invalidPath("file:x", .isURI)) { try store.backup(to: "file:x") }
    let error = #expect(throws: StoreError.self) {
      try store.backup(to: directory.file("missing/copy.sqlite"))
    }
    guard case .cannotOpen = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
  }

  @Test("A store in memory is copied into a file")
  func inMemory() throws {
    let store = try Store.inMemory(tables: [.accounts])
    try store.execute { try $0.add(.accounts, "account 0", "7") }
    try store.backup(to: copy) { _, _ in
      #expect(throws: StoreError.reentrant) { try store.execute { _ in } }
    }
    #expect(try sum(in: copy) == 7)
    try store.execute { try $0.add(.accounts, "account 1", "1") }
    let status = try #require(FileStatus(copy))
    #expect(status.permissions & 0o077 == 0)
  }

  @Test("A file is copied without a store, beside one or not, and nothing is left beside it")
  func ofFile() throws {
    try Store.backup(at: path, to: copy)
    #expect(try sum(in: copy) == 1_000)
    try store.close()
    try Store.backup(at: path, to: copy, replacing: true)
    #expect(try sum(in: copy) == 1_000)
    #expect(names == ["copy.sqlite", "test.sqlite"])
    let error = #expect(throws: StoreError.self) {
      try Store.backup(at: directory.file("missing"), to: directory.file("other"))
    }
    guard case .cannotOpen = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(names == ["copy.sqlite", "test.sqlite"])
  }

  @Test("The copy may be read by no one who may not read the file")
  func permissions() throws {
    for permissions: mode_t in [0o600, 0o640] {
      #expect(unsafe chmod(path, permissions) == 0)
      try store.backup(to: copy, replacing: true)
      let status = try #require(FileStatus(copy))
      #expect(status.permissions & ~permissions == 0)
      #expect(status.permissions & 0o600 == 0o600)
    }
  }

  @Test("A store that is damaged gives no copy")
  func damaged() throws {
    try store.close()
    overwritePages(of: path, from: 100)
    let error = #expect(throws: StoreError.self) { try Store.backup(at: path, to: copy) }
    guard case .corrupt = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(names == ["test.sqlite"])
  }

  @Test("A backup in a routine of its own store is .reentrant, one of a closed store .closed")
  func refusals() throws {
    let (store, copy) = (store, copy)
    try store.execute { _ in
      #expect(throws: StoreError.reentrant) { try store.backup(to: copy) }
    }
    let _: Void = try store.read { _ in
      #expect(throws: StoreError.reentrant) { try store.backup(to: copy) }
    }
    try store.close()
    #expect(throws: StoreError.closed) { try store.backup(to: copy) }
    #expect(names == ["test.sqlite"])
  }

  @Test("No descriptor is left, whether there was a copy or not")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let store = try Store(path: directory.file("test.sqlite"), tables: [.accounts])
      for _ in 0..<3 {
        try store.backup(to: directory.file("copy.sqlite"), replacing: true)
        #expect(throws: StoreError.self) { try store.backup(to: directory.file("copy.sqlite")) }
        #expect(throws: Refusal()) {
          try store.backup(to: directory.file("other")) { _, _ in throw Refusal() }
        }
        _ = try store.integrityCheck()
        _ = try store.statistics()
        _ = try Store.check(path: directory.file("copy.sqlite"))
        _ = try Store.tables(at: directory.file("test.sqlite"))
      }
      try store.close()
      #expect(openFiles(in: directory) == [])
    }
  }
}
