// Lives of connections, by the thousand: the real server, random clients, and whatever can go wrong between them.

import Foundation
import StreamSimulation
import Testing

@Suite("Simulation", .serialized)
struct SimulationTests {
  /// FREETSER_SIMULATION_SEED has one life lived again; FREETSER_SIMULATION_LIVES says how many there are otherwise.
  private static var seeds: Range<UInt64> {
    if let seed = number("SEED") { return seed..<(seed + 1) }
    let first = UInt64.random(in: 0...(1 << 48))
    return first..<(first + (number("LIVES") ?? 3000))
  }

  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment["FREETSER_SIMULATION_\(name)"].flatMap { UInt64($0) }
  }

  @Test("Whatever client and luck: every life ends in time, and nobody is told what is not so")
  func lives() throws {
    let seeds = Self.seeds
    var (answered, failed) = (0, 0)
    for seed in seeds {
      var life = try Life(LifePlan(seed: seed))
      life.live()
      answered += life.answered
      if !life.findings.isEmpty {
        failed += 1
        Issue.record("FREETSER_SIMULATION_SEED=\(seed): \(life.findings)")
      }
      if seeds.count == 1 { print(life.plan) }
      if failed == 10 { break }
    }
    #expect(answered > 0 || seeds.count < 100, "nothing was simulated")
  }

  @Test("Each kind of fault at each step of a life")
  func everyStep() throws {
    let events: [Faults.Event] = [
      .interrupted, .nothing, .reset, .end, .close, .stall(seconds: 12), .stall(seconds: 1_000_000),
    ]
    for seed: UInt64 in 1...12 {
      var plan = LifePlan(seed: seed)
      plan.faults = Faults()
      plan.temperament.departure = nil
      var undisturbed = try Life(plan)
      undisturbed.live()
      #expect(undisturbed.findings.isEmpty, "seed \(seed)")
      for step in 1...min(undisturbed.steps, 60) {
        for event in events {
          plan.faults.events = [step: event]
          var life = try Life(plan)
          life.live()
          #expect(life.findings.isEmpty, "seed \(seed), \(event) at step \(step)")
        }
      }
    }
  }
}
