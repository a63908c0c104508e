import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct SystemLimitsTests {
  @Test(
    "connections are the narrowest limit less a reserve, and never none",
    arguments: [
      (1, nil, 1), (2, nil, 1), (64, nil, 32), (256, nil, 128), (1024, nil, 796),
      (20_000, nil, 17_400), (20_000, 1024, 796), (1024, 20_000, 796), (1024, 1, 1),
      (Int.max, nil, Int.max - Int.max / 8 - 100),
    ] as [(Int, Int?, Int)])
  func connections(descriptors: Int, threads: Int?, connections: Int) {
    let limits = SystemLimits(
      descriptors: .init(count: descriptors, source: "d"),
      threads: threads.map { .init(count: $0, source: "t") })
    #expect(limits.connections == connections)
    #expect(limits.narrowest.source == (threads ?? .max < descriptors ? "t" : "d"))
  }

  @Test("the limits are this process's own, and tell where they come from")
  func current() async throws {
    let limits = SystemLimits.current
    #expect(limits.descriptors.source == "RLIMIT_NOFILE" && limits.descriptors.count > 0)
    #if !canImport(Darwin)
      let threads = try #require(limits.threads)
      #expect(threads.count > 0)
      let isFile = unsafe access(threads.source, R_OK) == 0
      #expect(threads.source == "RLIMIT_NPROC" || isFile)
    #endif
    await #expect(processExitsWith: .success) {
      limitDescriptors(to: 64)
      precondition(SystemLimits.current.descriptors.count == 64)
      precondition(SystemLimits.current.connections == 32)
    }
  }
}
