import Testing
import Threads

@Suite struct ProcessorSetTests {
  @Test("A set has what was inserted, of the numbers that fit")
  func members() {
    var set = ProcessorSet()
    for processor in [0, 63, 64, 1_023, 1_024, -1, .max, .min] { set.insert(processor) }
    #expect(set.count == 4)
    for processor in [0, 63, 64, 1_023] { #expect(set.contains(processor)) }
    for processor in [1, 65, 1_024, -1, .max, .min] { #expect(!set.contains(processor)) }
    var other = ProcessorSet()
    other.insert(1_023)
    #expect(set != other && set == set)
  }

  /// What the body says on a thread that nothing else runs on.
  private func onThread<Result: Sendable>(
    _ body: @escaping @Sendable () -> Result
  ) throws -> Result? {
    let result = Monitor<Result?>(nil)
    try Thread.start(name: "moved") {
      let value = body()
      result.withLock { $0 = value }
    }.join()
    return result.withLock { $0 }
  }

  @Test(
    "A thread goes to each processor that it may run on, and may then run where it might before")
  func moves() throws {
    let results = try onThread {
      guard let allowed = ProcessorSet.ofCurrentThread else { return [Thread.move(to: 0)] }
      return (0..<1_024).filter { allowed.contains($0) }.map {
        Thread.move(to: $0) && ProcessorSet.ofCurrentThread == allowed
      }
    }
    let isKnown = ProcessorSet.ofCurrentThread != nil
    #expect(results?.isEmpty == false && results?.contains(!isKnown) == false)
  }

  @Test("A thread that is confined goes nowhere else, and stays confined")
  func confined() throws {
    let results = try onThread { () -> [Bool] in
      guard let allowed = ProcessorSet.ofCurrentThread,
        let processor = (0..<1_024).first(where: { allowed.contains($0) })
      else { return [] }
      var one = ProcessorSet()
      one.insert(processor)
      let others = (-1...1_024).filter { $0 != processor }
      return [
        one.confineCurrentThread(), Thread.processor == processor, Thread.move(to: processor),
      ]
        + others.map { !Thread.move(to: $0) } + [ProcessorSet.ofCurrentThread == one]
    }
    #expect(results?.contains(false) == false)
    #expect(results?.isEmpty == (ProcessorSet.ofCurrentThread == nil))
  }
}
