import StreamSimulation
import Testing

@testable import Freetser

@Suite struct ThreadMovesTests {
  /// So many requests, each after the answer to the one before.
  private func converse(requests: Int) -> Conversation {
    let request = "GET / HTTP/1.1\nHost: a\n\n"
    return Conversation(
      (0..<requests).flatMap { _ in [.send(request), .wait(for: "done")] } + [.close]
    ) { _, _ in .text("done") }
  }

  @Test(
    "A thread goes to where bytes arrive after the second request, the fourth, and each 1,024th",
    arguments: [
      (1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (15, 3), (16, 4), (1_024, 10), (3_072, 12),
    ])
  func moves(_ requests: Int, _ moves: Int) {
    let conversation = converse(requests: requests)
    #expect(conversation.statuses.count == requests)
    #expect(conversation.wire.threadMoves == moves)
  }
}
