import Testing
import Threads

@Suite struct MonotonicTimeTests {
  @Test("time does not go back")
  func order() {
    var last = MonotonicTime.now()
    for _ in 0..<1000 {
      let now = MonotonicTime.now()
      #expect(now >= last)
      last = now
    }
  }

  @Test("times and durations add up")
  func sums() {
    let time = MonotonicTime(nanoseconds: 1_000)
    #expect((time + .microseconds(2)).nanoseconds == 3_000)
    #expect(time + .microseconds(2) - time == .microseconds(2))
    #expect(time < time + .nanoseconds(1))
  }

  @Test("what cannot be counted is the farthest time there is")
  func overflow() {
    let time = MonotonicTime(nanoseconds: 1_000)
    #expect(time + .seconds(Int64.max) == .distantFuture)
    #expect(MonotonicTime.distantFuture + .seconds(1) == .distantFuture)
    #expect(MonotonicTime(nanoseconds: -2) + .seconds(Int64.min) < time)
    #expect(Duration.seconds(Int64.min).inNanoseconds == .min)
    #expect((Duration.seconds(Int64.max) * 4).inNanoseconds == .max)
  }
}
