import Synchronization
import Testing

@testable import KVStore

@Suite("Rehearsing routines")
struct RehearsalTests {
  let store: Store

  init() throws {
    var configuration = StoreConfiguration()
    configuration.rehearsesRoutines = true
    store = try Store.inMemory(tables: [.accounts], configuration: configuration)
  }

  /// What `execute` says of a routine.
  private func verdict<R: Sendable>(
    _ routine: @Sendable (borrowing Storage) throws -> R
  ) throws -> String {
    do {
      _ = try store.execute(routine)
      return "stored"
    } catch StoreError.rehearsalDiffered(let what) {
      return what
    }
  }

  @Test("A routine that does the same again is stored, once")
  func same() throws {
    let runs = Atomic(0)
    let result = try store.execute { storage in
      runs.add(1, ordering: .relaxed)
      try storage.add(.accounts, "ada", "100")
      try storage.increment(.accounts, "n")
      return (try storage.listKeys(.accounts), 7)
    }
    #expect(result.0 == ["ada", "n"])
    #expect(runs.load(ordering: .relaxed) == 2)
    #expect(try store.read { try $0.get(.accounts, "n") }?.text == "1")
  }

  @Test("One that throws both times throws its own error")
  func bothThrow() throws {
    #expect(throws: StoreError.unknownTable("no")) { try store.execute { try $0.clear("no") } }
  }

  @Test("One that writes, returns or throws something else is refused, and nothing is stored")
  func different() throws {
    let runs = Atomic(0)
    func next() -> Int { runs.add(1, ordering: .relaxed).newValue }
    #expect(
      try verdict { try $0.add(.accounts, "\(runs.add(1, ordering: .relaxed).newValue)", "") }
        .hasPrefix("the first run wrote accounts 1"))
    #expect(
      try verdict { storage in
        if runs.add(1, ordering: .relaxed).newValue.isMultiple(of: 2) {
          try storage.add(.accounts, "a", "")
        }
      }.contains("entries"))
    #expect(
      try verdict { _ in runs.add(1, ordering: .relaxed).newValue }
        .hasPrefix("the first run returned"))
    #expect(
      try verdict { _ in (runs.add(1, ordering: .relaxed).newValue, "a tuple") }
        .hasPrefix("the first run returned"))
    let isOdd = runs.load(ordering: .relaxed).isMultiple(of: 2)
    #expect(
      try verdict { _ in
        if runs.add(1, ordering: .relaxed).newValue.isMultiple(of: 2) != isOdd {
          throw StoreError.full
        }
      }.contains("threw"))
    #expect(try store.read { try $0.listKeys(.accounts) } == [])
  }

  @Test("In asynchronous code it is the same")
  func asynchronous() async throws {
    let runs = Atomic(0)
    #expect(try await store.execute { try $0.increment(.accounts, "n") } == 1)
    await #expect(throws: StoreError.self) {
      try await store.execute { _ in runs.add(1, ordering: .relaxed).newValue }
    }
  }
}
