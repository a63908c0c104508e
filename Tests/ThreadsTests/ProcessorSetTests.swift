import Testing
import Threads

@Suite struct ProcessorSetTests {
  @Test("A set has what was inserted, up to what the system's own have room for")
  func members() {
    var set = ProcessorSet()
    let room = 16 * UInt.bitWidth
    for processor in [0, 63, 64, room - 1, room, -1, .max, .min] { set.insert(processor) }
    #expect(set.count == 4)
    for processor in [0, 63, 64, room - 1] { #expect(set.contains(processor)) }
    for processor in [1, 65, room, -1, .max, .min] { #expect(!set.contains(processor)) }
    var other = ProcessorSet()
    other.insert(room - 1)
    #expect(set != other && set == set)
  }

  #if canImport(Darwin)
    @Test("Darwin tells nothing, and takes no thread anywhere")
    func unknown() {
      #expect(Thread.processor == nil)
      #expect(!Thread.move(to: 0))
    }
  #else
    /// On a thread that nothing else runs on.
    private func onThread(_ body: @escaping @Sendable () -> Void) throws {
      try Thread.start(name: "moved", body).join()
    }

    @Test("A thread goes to each processor that it may run on, and may then run on all of them")
    func moves() throws {
      try onThread {
        guard let allowed = ProcessorSet.ofCurrentThread else {
          Issue.record("the system tells where a thread may run")
          return
        }
        #expect(allowed.count > 0)
        let processors = (0..<(16 * UInt.bitWidth)).filter { allowed.contains($0) }
        #expect(processors.count == allowed.count)
        for processor in processors {
          #expect(Thread.move(to: processor))
          #expect(ProcessorSet.ofCurrentThread == allowed)
          #expect(Thread.processor.map { allowed.contains($0) } == true)
        }
      }
    }

    @Test("A thread goes nowhere where it may not run")
    func staysAway() throws {
      try onThread {
        let allowed = ProcessorSet.ofCurrentThread
        let others = (0..<(16 * UInt.bitWidth)).filter { allowed?.contains($0) == false }
        #expect(!others.isEmpty)
        for processor in [others.first, others.last, -1, .max].compactMap({ $0 }) {
          #expect(!Thread.move(to: processor))
        }
        #expect(ProcessorSet.ofCurrentThread == allowed)
      }
    }
  #endif
}
