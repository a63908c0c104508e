import Testing

@testable import KVStore

@Suite("The power is cut at any place", .serialized)
struct PowerCutTests {
  @Test("In .full what was acknowledged is there, and nothing half, whatever of the rest is lost")
  func full() async {
    await #expect(processExitsWith: .success) {
      let states = try FaultScenario.states.get()
      let cuts = try Self.recordSteps(.full)
      #expect(cuts.count >= 150)
      // The routine that was not acknowledged yet may be there, whole.
      Self.check(cuts, seeds: 2) { Array(states[$0.count...].prefix(2)) }
    }
  }

  @Test("In .normal the last routines may be gone, and nothing is half")
  func normal() async {
    await #expect(processExitsWith: .success) {
      let states = try FaultScenario.states.get()
      let cuts = try Self.recordSteps(.normal)
      #expect(cuts.count >= 150)
      Self.check(cuts, seeds: 1) { Array(states.prefix($0.count + 2)) }
    }
  }

  @Test("In .full the same with routines that share a commit")
  func group() async {
    await #expect(processExitsWith: .success) {
      let states = try FaultScenario.states.get()
      let all = try FaultScenario.afterGroup([0, 1, 3, 4]).contents
      let cuts = try Self.recordChanges(.full) { store in
        try store.execute(FaultScenario.steps[0].routine)
        FaultyFiles.acknowledge("first")
        _ = try together(in: store, FaultScenario.group) { FaultyFiles.acknowledge("\($0)") }
      }
      #expect(cuts.count >= 80)
      Self.check(cuts, seeds: 1) { acknowledged in
        switch acknowledged.count {
        case 0: [states[0], states[1]]
        case 1: [states[1], all]
        default: [all]
        }
      }
    }
  }

  @Test("A copy takes the place of a store: it is the old one or the new one, whole")
  func restore() async {
    await #expect(processExitsWith: .success) {
      let states = try FaultScenario.states.get()
      let copies = TemporaryDirectory()
      let copy = copies.file("copy.sqlite")
      append(try FaultScenario.copyAfterUpdate.get(), to: copy)
      FaultyFiles.install()
      defer { FaultyFiles.uninstall() }
      let cuts = try FaultyFiles.recordChanges {
        let directory = TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let store = try FaultScenario.open(in: directory)
        // So that there is a log.
        let reader = try SQLiteConnection.looking(into: directory.file("test.sqlite"))
        for step in FaultScenario.steps { try store.execute(step.routine) }
        try reader.execute("SELECT count(*) FROM accounts")
        try store.close()
        FaultyFiles.acknowledge("closed")
        try Store.restore(from: copy, to: directory.file("test.sqlite"), replacing: true)
        FaultyFiles.acknowledge("restored")
        try reader.close()
      }.filter { $0.acknowledged.contains("closed") }
      withExtendedLifetime(copies) {}
      #expect(cuts.count >= 30)
      #expect(cuts.contains { $0.acknowledged.contains("restored") })
      Self.check(cuts, seeds: 2) { acknowledged in
        acknowledged.contains("restored") ? [states[2]] : [states[2], states.last!]
      }
    }
  }

  private static func recordSteps(_ durability: Durability) throws -> [FaultyFiles.Cut] {
    try recordChanges(durability) { store in
      for step in FaultScenario.steps {
        try store.execute(step.routine)
        FaultyFiles.acknowledge(step.name)
      }
    }
  }

  private static func recordChanges(
    _ durability: Durability, _ use: (Store) throws -> Void
  ) throws -> [FaultyFiles.Cut] {
    FaultyFiles.install()
    defer { FaultyFiles.uninstall() }
    return try FaultyFiles.recordChanges {
      let directory = TemporaryDirectory()
      defer { withExtendedLifetime(directory) {} }
      let store = try FaultScenario.open(in: directory, durability: durability)
      try use(store)
      try store.close()
      #expect(directory.names == ["test.sqlite"])
    }
  }

  private static func check(
    _ cuts: [FaultyFiles.Cut], seeds: Int, _ possible: (_ acknowledged: Set<String>) -> [Contents]
  ) {
    var before: FaultyFiles.Cut?
    for (position, cut) in cuts.enumerated() {
      let possible = possible(cut.acknowledged)
      let moment = "cut \(position), after \(cut.change)"
      // Nothing new unless something was synced, or acknowledged.
      if cut.disk.syncs != before?.disk.syncs || cut.acknowledged != before?.acknowledged {
        check(cut.disk.synced, possible, "\(moment), synced")
      }
      before = cut
      for seed in (position * seeds)..<(position * seeds + seeds) {
        var numbers = SplitMix64(seed: UInt64(seed))
        check(cut.disk.torn(&numbers), possible, "\(moment), seed \(seed)")
      }
    }
  }

  private static func check(
    _ files: [String: [UInt8]], _ possible: [Contents], _ moment: String
  ) {
    do {
      let (found, verdict) = try openAndCheck(directory(with: files))
      #expect(verdict == "ok", "\(moment)")
      #expect(possible.contains(found), "\(moment)")
    } catch {
      Issue.record("\(moment): the file does not open: \(error)")
    }
  }
}
