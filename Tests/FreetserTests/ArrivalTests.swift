import StreamSimulation
import Testing

@testable import Freetser

@Suite struct ArrivalTests {
  /// So many requests, each after the answer to the one before.
  private func converse(requests: Int) -> Conversation {
    let request = "GET / HTTP/1.1\nHost: a\n\n"
    return Conversation(
      (0..<requests).flatMap { _ in [.send(request), .wait(for: "done")] } + [.close]
    ) { _, _ in .text("done") }
  }

  @Test(
    "A server looks where bytes arrive before it waits the second time, the fourth and so on, and not for one request",
    arguments: [(1, 1), (2, 1), (3, 2), (6, 2), (7, 3), (14, 3), (15, 4), (100, 6)])
  func looks(_ requests: Int, _ looks: Int) {
    let conversation = converse(requests: requests)
    #expect(conversation.statuses == Array(repeating: 200, count: requests))
    #expect(conversation.wire.looksForArrival == looks)
  }

  @Test("Not for a client that leaves with its only request")
  func once() {
    let conversation = Conversation(
      [.send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n"), .wait(for: "done")]
    ) { _, _ in .text("done") }
    #expect(conversation.statuses == [200])
    #expect(conversation.wire.looksForArrival == 0)
  }
}
