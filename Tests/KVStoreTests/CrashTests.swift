import Glibc
import Testing

@testable import KVStore

@Suite("What a crash leaves", .serialized)
struct CrashTests {
  let directory = TemporaryDirectory()

  /// Four threads store entries and write down each that is acknowledged; one of them brings the
  /// process down.
  private static func writeUntilCrash(
    _ path: String, _ acknowledgements: String, _ durability: Durability,
    crash: @escaping @Sendable (borrowing Storage) throws -> Void
  ) throws {
    let store = try Store(path: path, tables: [.accounts], durability: durability)
    try onThreads(4) { index in
      for number in 0... {
        let key = "\(index) \(number)"
        // In a process that is to die: an error ends it before its time, which the number acknowledged shows.
        try store.execute { storage in
          try storage.add(.accounts, key, "first half")
          if index == 0, number == 100 { try crash(storage) }
          try storage.overwrite(.accounts, key, "both halves")
        }
        append(Array("\(key)\n".utf8), to: acknowledgements)
      }
    }
  }

  private func checkWhatIsLeft(_ path: String, _ acknowledgements: String) throws {
    let acknowledged = String(decoding: contents(of: acknowledgements), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    #expect(acknowledged.count >= 100)
    let store = try Store(path: path, tables: [.accounts])
    try checkIntegrity(of: store)
    try store.execute { storage in
      for key in acknowledged {
        #expect(try storage.get(.accounts, key)?.text == "both halves", "\(key) was acknowledged")
      }
      let keys = try storage.listKeys(.accounts)
      for key in keys {
        #expect(try storage.get(.accounts, key)?.text == "both halves", "\(key) is half")
      }
      #expect(keys.count <= acknowledged.count + 4, "each thread was in the middle of one at most")
      #expect(!keys.contains("0 100"), "the routine that crashed is not there")
    }
  }

  @Test(
    "After kill -9 every acknowledged routine is there, and none is there in part",
    arguments: [
      Durability.full, .normal,
    ])
  func killed(durability: Durability) async throws {
    let (path, acknowledgements) = (directory.file("test.sqlite"), directory.file("acknowledged"))
    let isFull = durability == .full
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [
        path = path as String, acknowledgements = acknowledgements as String,
        isFull = isFull as Bool
      ]
      in
      try Self.writeUntilCrash(path, acknowledgements, isFull ? .full : .normal) { _ in
        kill(getpid(), SIGKILL)
      }
    }
    try checkWhatIsLeft(path, acknowledgements)
  }

  @Test("The same after a trap in a routine")
  func trap() async throws {
    let (path, acknowledgements) = (directory.file("test.sqlite"), directory.file("acknowledged"))
    await #expect(processExitsWith: .failure) {
      [path = path as String, acknowledgements = acknowledgements as String] in
      try Self.writeUntilCrash(path, acknowledgements, .full) { storage in
        let nobody: Entry? = try storage.get(.accounts, "nobody")
        _ = nobody!
      }
    }
    try checkWhatIsLeft(path, acknowledgements)
  }
}
