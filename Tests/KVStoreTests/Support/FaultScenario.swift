// What the tests of faults and of power cuts do to a store.

@testable import KVStore

extension Table { static let details: Table = "details" }

/// All that a store of the scenario holds.
struct Contents: Equatable, Sendable, CustomStringConvertible {
  private struct Line: Equatable {
    let key: String
    /// Texts are compared faster than bytes.
    let text: String
    let counter: Int64
    let expiresAt: Timestamp?
  }

  private var lines: [Line] = []

  init(of storage: borrowing some StorageReader & ~Copyable) throws {
    for table in FaultScenario.tables {
      for row in try storage.scan(table, limit: 1_000).rows {
        let key = "\(table.name) \(row.key)"
        lines.append(
          Line(key: key, text: row.text!, counter: row.counter, expiresAt: row.expiresAt))
      }
    }
  }

  /// Enough to tell which it is.
  var description: String {
    lines.map { "\($0.key)=\($0.text.prefix(8))/\($0.counter)" }.joined(separator: ", ")
  }
}

/// Routines that use the verbs that write. Each changes both tables, so that a half would show.
struct FaultScenario {
  struct Step: Sendable {
    let name: String
    let routine: @Sendable (borrowing Storage) throws -> Void
  }

  static let tables: [Table] = [.accounts, .details]

  static let steps = [
    Step(name: "add") { storage in
      try storage.add(.accounts, "ada", "100")
      try storage.add(.accounts, "bob", "0", expiresAt: 2_000)
      try storage.add(.details, "opened", "both")
    },
    Step(name: "update") { storage in
      try storage.update(.accounts, "ada", "60", ifCounter: 0)
      try storage.overwrite(.accounts, "bob", "40")
      try storage.overwrite(.details, "transfer", "40 from ada to bob")
    },
    // More than the cache holds: some of it is written before the commit.
    Step(name: "large") { storage in
      for number in 0..<5 {
        try storage.add(.details, "large \(number)", [UInt8](repeating: 0x61, count: 6_000))
      }
      try storage.increment(.accounts, "large", by: 5)
    },
    Step(name: "increment") { storage in
      try storage.increment(.accounts, "ada", by: -10)
      try storage.increment(.accounts, "bob", by: 10)
      try storage.delete(.details, "transfer")
    },
    Step(name: "delete range") { storage in
      try storage.delete(.details, in: .between("large 1", and: "large 4"))
      try storage.increment(.accounts, "large", by: -3)
    },
    Step(name: "other verbs") { storage in
      try storage.clear(.details)
      try storage.restore(
        .details, Row(key: "restored", entry: Entry(value: Array("r".utf8), counter: 7)))
      _ = try storage.tryUpdate(.details, "restored", Array("again".utf8), ifCounter: 7)
      try storage.add(.details, "short", "", expiresAt: 10)
      try storage.sweep(.details, now: 11)
      try storage.raise(.accounts, "high", to: 9)
      try storage.lower(.accounts, "high", to: 3)
    },
    Step(name: "overwrite") { storage in
      for number in [0, 4] {
        try storage.overwrite(.details, "large \(number)", [UInt8](repeating: 0x62, count: 3_000))
      }
      try storage.modify(.accounts, "ada") { $0 = Array("1".utf8) }
      try storage.delete(.accounts, "bob")
    },
  ]

  /// What a store holds before the first step and after each, as one in memory says.
  static let states = Result {
    let store = try Store.inMemory(tables: tables)
    var states = [try store.read { try Contents(of: $0) }]
    for step in steps {
      try store.execute(step.routine)
      states.append(try store.read { try Contents(of: $0) })
    }
    return states
  }

  /// What a store holds after the last step, with an entry that expires at 10.
  static let withExpiring = Result {
    let store = try Store.inMemory(tables: tables)
    for step in steps { try store.execute(step.routine) }
    try store.execute(addExpiring)
    return try store.read { try Contents(of: $0) }
  }

  static let addExpiring: @Sendable (borrowing Storage) throws -> Void = { storage in
    try storage.add(.details, "old", "", expiresAt: 10)
  }

  /// What a crash leaves after the last step.
  static let afterCrash = Result {
    let directory = TemporaryDirectory()
    let store = try open(in: directory)
    for step in steps { try store.execute(step.routine) }
    // Closed, it would leave no log; and the files go with the directory.
    return withExtendedLifetime((store, directory)) { files(in: directory) }
  }

  /// A copy of a store after the first two steps.
  static let copyAfterUpdate = Result {
    let directory = TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let store = try open(in: directory)
    for step in steps[..<2] { try store.execute(step.routine) }
    let copy = directory.file("copy.sqlite")
    try store.backup(to: copy)
    return contents(of: copy)
  }

  struct Refusal: Error, Equatable {}

  /// Routines to wait in line after the first step. Each that writes changes both tables.
  static let group: [@Sendable (borrowing Storage) throws -> Int] = [
    { try pair("a", in: $0) },
    { try $0.count(.accounts) },
    { storage in
      try storage.delete(.accounts, "a")
      _ = try pair("b", in: storage)
      throw Refusal()
    },
    { storage in
      for number in 0..<5 {
        try storage.add(.details, "large \(number)", [UInt8](repeating: 0x63, count: 6_000))
      }
      return try pair("c", in: storage)
    },
    { try pair("d", in: $0) },
  ]

  private static func pair(_ key: String, in storage: borrowing Storage) throws -> Int {
    let before = try storage.count(.accounts)
    try storage.add(.accounts, key, "")
    try storage.increment(.accounts, "ada")
    try storage.add(.details, key, "")
    return before
  }

  /// What a store holds after the first step and some of the group, and what these return.
  static func afterGroup(_ places: [Int]) throws -> (contents: Contents, answers: [Int]) {
    let store = try Store.inMemory(tables: tables)
    try store.execute(steps[0].routine)
    let answers = try places.map { try store.execute(group[$0]) }
    return (try store.read { try Contents(of: $0) }, answers)
  }

  /// Opens a store with a small cache, and a log that is copied into the file every few pages.
  static func open(
    in directory: TemporaryDirectory, durability: Durability = .full
  ) throws -> Store {
    let store = try Store(
      path: directory.file("test.sqlite"), tables: FaultScenario.tables, durability: durability,
      busyTimeout: .milliseconds(20))
    try store.executor.run { database in
      try database.connection.execute("PRAGMA cache_size = 5")
      database.connection.watchLog(copyingFrom: 8)
    }
    return store
  }
}

/// What stands in the files of a directory, as another process would find it now.
///
/// The shared memory is left out: SQLite makes it anew. To read a file here gives up the locks that
/// this process has on it, which matters to other processes alone.
func files(in directory: TemporaryDirectory) -> [String: [UInt8]] {
  var found: [String: [UInt8]] = [:]
  for name in directory.names where !name.hasSuffix("-shm") {
    found[name] = contents(of: directory.file(name))
  }
  return found
}

/// A new directory with these files.
func directory(with files: [String: [UInt8]]) -> TemporaryDirectory {
  let directory = TemporaryDirectory()
  for (name, bytes) in files { append(bytes, to: directory.file(name)) }
  return directory
}

/// What a store finds that is opened on a directory, and what SQLite says to the file.
func openAndCheck(_ directory: TemporaryDirectory) throws -> (Contents, verdict: String?) {
  // The files go with it.
  defer { withExtendedLifetime(directory) {} }
  let store = try Store(
    path: directory.file("test.sqlite"), tables: FaultScenario.tables,
    busyTimeout: .milliseconds(20))
  // Nothing is lost here any more, and to sync takes time.
  try store.executor.run { try $0.connection.execute("PRAGMA synchronous = OFF") }
  let found = try store.read { try Contents(of: $0) }
  let verdict = try store.executor.run { database in
    try SQLiteStatement("PRAGMA integrity_check", on: database.connection)
      .firstRow { $0.text(at: 0) }
  }
  try store.close()
  return (found, verdict)
}
