import Glibc
import Testing

@testable import KVStore

@Suite("A file system that fails at any place", .serialized)
struct FaultTests {
  @Test("Any call fails once: the caller is told, nothing is half, and the next try succeeds")
  func ioError() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhere(.ioError, atLeast: 300, Self.runScenario)
    }
  }

  @Test("Any write stops half-way, for want of room or otherwise")
  func writes() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhere(.full, atLeast: 100, Self.runScenario)
      try Self.everywhere(.shortWrite, atLeast: 100, Self.runScenario)
    }
  }

  @Test("From any call on all fail, until the caller is told")
  func outage() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhere(.outage, step: 3, atLeast: 300, Self.runScenario)
    }
  }

  @Test("Any call fails while a file is opened that a crash has left")
  func recovery() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhere(.ioError, atLeast: 50, Self.openAfterCrash)
      try Self.everywhere(.outage, atLeast: 50, Self.openAfterCrash)
      try Self.everywhere(.shortWrite, atLeast: 5, Self.openAfterCrash)
    }
  }

  @Test("Any call fails under routines that share a commit: all are answered, and it is true")
  func group() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhereInAllWays(calls: 100, writes: 50, Self.runGroup)
    }
  }

  @Test("Any call fails while a copy takes the place of a store, whose log a crash has left")
  func restore() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhereInAllWays(calls: 150, writes: 20, Self.restoreAfterCrash)
    }
  }

  @Test("Any call fails while a store is swept, compacted, copied, and its log put into the file")
  func care() async {
    await #expect(processExitsWith: .success) {
      try Self.everywhereInAllWays(calls: 200, writes: 50, Self.runCare)
    }
  }

  /// Runs something with each kind of fault at each position; an outage begins at every third.
  ///
  /// - Parameters:
  ///   - calls: How many calls there are, at least.
  ///   - writes: How many of them write, at least.
  private static func everywhereInAllWays(
    calls: Int, writes: Int, _ run: (inout FaultRun) throws -> Void
  ) throws {
    try everywhere(.ioError, atLeast: calls, run)
    try everywhere(.full, atLeast: writes, run)
    try everywhere(.shortWrite, atLeast: writes, run)
    try everywhere(.outage, step: 3, atLeast: calls, run)
  }

  /// Runs something with a fault at its first call, at its second, and so on until it makes fewer. In a run of one round, as
  /// under a sanitizer, at every third of them, and not always at the same ones.
  ///
  /// - Parameters:
  ///   - step: 1, or more to leave out positions where that takes long.
  ///   - expected: How many calls there are, at least: nothing is shown if there are none.
  private static func everywhere(
    _ fault: FaultyFiles.Fault, step: Int = 1, atLeast expected: Int,
    _ run: (inout FaultRun) throws -> Void
  ) throws {
    FaultyFiles.install()
    // Whoever gets no answer waits for ever, and so would the test.
    alarm(300)
    let directory = TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let step = Proof.rounds == 1 ? 3 * step : step
    var position = Int.random(in: 0..<step)
    while true {
      var next = FaultRun(fault, at: position, in: directory)
      try run(&next)
      if !next.wasHit { break }
      for name in directory.names { unsafe unlink(directory.file(name)) }
      position += step
    }
    #expect(position >= expected)
    // Not from the runs before either, whose files are gone.
    #expect(openFiles(in: directory) == [])
  }

  private static func runScenario(_ run: inout FaultRun) throws {
    let states = try FaultScenario.states.get()
    let directory = run.directory
    run.arm()
    let store = try run.twice("open", ifItFails: [states[0]]) {
      try FaultScenario.open(in: directory)
    }
    for (index, step) in FaultScenario.steps.enumerated() {
      try run.twice(step.name, ifItFails: [states[index]], ifCommitFails: [states[index + 1]]) {
        try store.execute(step.routine)
      }
      if index.isMultiple(of: 2) {
        let found = try run.twice("read", ifItFails: [states[index + 1]]) {
          try store.read { try Contents(of: $0) }
        }
        #expect(found == states[index + 1], "\(run): after \(step.name)")
      }
    }
    run.close(store, [states.last!])
  }

  private static func runCare(_ run: inout FaultRun) throws {
    let after = try FaultScenario.states.get().last!
    let before = try FaultScenario.withExpiring.get()
    let copy = run.directory.file("copy.sqlite")
    let store = try FaultScenario.open(in: run.directory)
    for step in FaultScenario.steps { try store.execute(step.routine) }
    try store.execute(FaultScenario.addExpiring)
    run.arm()
    _ = try run.twice("sweep", ifItFails: [before, after]) { try store.sweep(now: 11) }
    try run.twice("checkpoint", ifItFails: [after]) {
      try store.executor.run { database in
        try database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
      }
    }
    try run.twice("compact", ifItFails: [after]) { try store.compact() }
    try run.twice("backup", ifItFails: [after]) { try store.backup(to: copy, replacing: true) }
    let copied = try FaultyFiles.withoutFaults { try contents(at: copy) }
    #expect(copied == after, "\(run)")
    run.close(store, [after])
  }

  private static func openAfterCrash(_ run: inout FaultRun) throws {
    let states = try FaultScenario.states.get()
    let directory = run.directory
    for (name, bytes) in try FaultScenario.afterCrash.get() {
      append(bytes, to: directory.file(name))
    }
    run.arm()
    let store = try run.twice("open", ifItFails: [states.last!]) {
      try FaultScenario.open(in: directory)
    }
    let found = try run.twice("read", ifItFails: [states.last!]) {
      try store.read { try Contents(of: $0) }
    }
    #expect(found == states.last!, "\(run)")
    run.close(store, [states.last!])
  }

  private static func restoreAfterCrash(_ run: inout FaultRun) throws {
    let states = try FaultScenario.states.get()
    let (path, copy) = (run.directory.file("test.sqlite"), run.directory.file("copy.sqlite"))
    let replaced = path + ".replaced"
    for (name, bytes) in try FaultScenario.afterCrash.get() {
      append(bytes, to: run.directory.file(name))
    }
    append(try FaultScenario.copyAfterUpdate.get(), to: copy)
    let directory = run.directory
    // What is kept, and what is in the store's place, when nobody knows whether the copy is there already.
    var doubtful: (kept: Contents?, left: Contents?)?
    run.arm()
    try run.twice("restore", ifItFails: [states.last!], ifCommitFails: [states[2]]) {
      do {
        try Store.restore(from: copy, to: path, replacing: true)
      } catch let error as StoreError {
        guard case .commitOutcomeUnknown = error else { throw error }
        doubtful = FaultyFiles.withoutFaults {
          let left = try? openAndCheck(KVStoreTests.directory(with: files(in: directory)))
          return (try? contents(at: replaced), left?.0)
        }
        // Whoever was told of this finds it and, having looked, takes it away.
        unsafe unlink(replaced)
        throw error
      }
    }
    run.disarm()
    run.check([states[2]], "after it")
    if let doubtful { #expect(doubtful.kept == states.last!, "\(run)") }
    // The second try keeps what the first one left.
    let replacedLast = doubtful?.left ?? states.last!
    #expect(try contents(at: replaced) == replacedLast, "\(run)")
    #expect(!run.directory.names.contains { $0.hasSuffix(".partial") }, "\(run)")
  }

  private static func contents(at path: String) throws -> Contents {
    try Store.read(at: path, tables: FaultScenario.tables) { try Contents(of: $0) }
  }

  private static func runGroup(_ run: inout FaultRun) throws {
    let group = FaultScenario.group
    let store = try FaultScenario.open(in: run.directory)
    try store.execute(FaultScenario.steps[0].routine)
    run.arm()
    let results = try together(in: store, group)
    run.disarm()

    var stored: [Int] = []
    var doubtful: [Int] = []
    for (index, result) in results.enumerated() {
      switch result {
      case .success: stored.append(index)
      case .failure(is FaultScenario.Refusal): #expect(index == 2, "\(run)")
      case .failure(let error):
        #expect(run.wasHit && error is StoreError, "\(run): routine \(index) threw \(error)")
        if case StoreError.commitOutcomeUnknown = error { doubtful.append(index) }
      }
    }
    let (expected, answers) = try FaultScenario.afterGroup(stored)
    let given = results.compactMap { try? $0.get() }
    #expect(given == answers, "\(run)")
    #expect(try store.read { try Contents(of: $0) } == expected, "\(run)")
    let withDoubtful = try FaultScenario.afterGroup((stored + doubtful).sorted()).contents
    run.check([expected, withDoubtful], "after the group")
    // The store goes on, and then there is no doubt any more.
    try store.execute { try $0.add(.details, "z after", "") }
    try store.execute { try $0.delete(.details, "z after") }
    run.check([expected], "after another routine")
    run.close(store, [expected])
  }
}

/// One run with a fault in it.
private struct FaultRun: CustomStringConvertible {
  let fault: FaultyFiles.Fault
  let position: Int
  let directory: TemporaryDirectory
  /// The call that failed.
  private var hit: String?

  init(_ fault: FaultyFiles.Fault, at position: Int, in directory: TemporaryDirectory) {
    self.fault = fault
    self.position = position
    self.directory = directory
  }

  var description: String { "\(fault) at \(position), \(hit ?? "unseen")" }

  var wasHit: Bool { hit != nil }

  func arm() { FaultyFiles.arm(fault, at: position) }

  mutating func disarm() { hit = FaultyFiles.disarm() ?? hit }

  /// Does something; if it fails, checks what a crash would leave now, and does it once more.
  mutating func twice<R>(
    _ name: String, ifItFails before: [Contents], ifCommitFails after: [Contents] = [],
    _ body: () throws -> R
  ) throws -> R {
    do {
      return try body()
    } catch {
      disarm()
      #expect(wasHit && error is StoreError, "\(self): \(name) threw \(error)")
      var possible = before
      if case StoreError.commitOutcomeUnknown = error { possible += after }
      check(possible, "after \(name) threw \(error)")
    }
    do {
      return try body()
    } catch {
      Issue.record("\(self): \(name) threw again, without a fault: \(error)")
      throw error
    }
  }

  /// Closes the store and checks what it leaves.
  mutating func close(_ store: Store, _ possible: [Contents]) {
    // A fault that nobody was told of must not show after a crash either.
    if !wasHit { check(possible, "before closing") }
    do {
      try store.close()
      disarm()
    } catch {
      disarm()
      #expect(wasHit, "\(self): closing threw \(error)")
    }
    check(possible, "after closing")
  }

  /// Checks that a process that came now would find a whole file with one of these contents.
  func check(_ possible: [Contents], _ moment: String) {
    do {
      let (found, verdict) = try FaultyFiles.withoutFaults {
        try openAndCheck(KVStoreTests.directory(with: files(in: directory)))
      }
      #expect(verdict == "ok", "\(self): \(moment)")
      #expect(possible.contains(found), "\(self): \(moment)")
    } catch {
      Issue.record("\(self): \(moment): the file does not open: \(error)")
    }
  }
}
