// How bytes are cut, and what comes behind them, makes no difference to what they mean.

import FuzzChecks
import HTTPCore
import Testing

@Suite("However the bytes are cut")
struct SplitInvarianceTests {
  private static let requests =
    RequestReadingTests.accepted + RequestReadingTests.refusedHeads
    + RequestReadingTests.refusedFramings

  /// A request behind each example: cut everywhere, it is read as its own, or not at all.
  @Test("Requests with another behind them", arguments: requests)
  func pipelinedRequest(_ example: WireExample) {
    let tail = [UInt8](wire: "GET /tail HTTP/1.1\nHost: tail\n\n")
    let server = Connection(role: .server)
    let (alone, afterwards) = read(
      [example.wire], with: server, ended: false, answer: answerShortly)
    let (both, difference) = readInEveryWay(
      example.wire + tail, with: server, answer: answerShortly)
    #expect(difference == nil)
    if let error = alone.error {
      #expect(both.error == error)
      #expect(both.items == alone.items)
    } else if afterwards.peerState == .mustClose {
      #expect(both.items == alone.items)
      #expect(both.left == alone.left + tail)
    } else if example.reason == nil {
      let (after, _) = read([tail], with: server, answer: answerShortly)
      #expect(both.items == alone.items + after.items)
    }
  }

  @Test("Responses with another behind them", arguments: ResponseReadingTests.examples)
  func pipelinedResponse(_ example: WireExample) throws {
    let tail = [UInt8](wire: "HTTP/1.1 204 Tail\n\n")
    var client = Connection(role: .client)
    var wire: [UInt8] = []
    let upgrade = [("Upgrade", "x"), ("Connection", "upgrade")]
    let head = try RequestHead(
      method: example.requestMethod, target: example.requestMethod == "CONNECT" ? "a:80" : "/",
      fields: [("Host", "a")] + (example.name.contains("upgrade") ? upgrade : []))
    try client.send(.request(head), into: &wire)
    try client.send(.endOfMessage(), into: &wire)
    let (alone, afterwards) = read([example.wire], with: client, ended: false)
    #expect(afterwards.isPersistent || alone.state != .done)
    let (both, difference) = readInEveryWay(example.wire + tail, with: client)
    #expect(difference == nil)
    if let error = alone.error { #expect(both.error == error) }
    // RFC 9112 section 6.3: what is behind a response answers nothing, and nothing can be told apart from it any more.
    if alone.state == .done {
      #expect(both.items == alone.items)
      #expect(both.left == tail)
      #expect(both.state == .mustClose)
    }
  }

  @Test("Random conversations", arguments: 0..<200)
  func conversation(seed: UInt64) {
    var steps = RandomSteps(seed: seed)
    let input = steps.conversation()
    #expect(throws: Never.self, "seed \(seed): \(input)") {
      try FuzzTarget.conversation.check(input)
    }
  }

  @Test("Random cuts of random requests and responses", arguments: 0..<200)
  func cuts(seed: UInt64) {
    var steps = RandomSteps(seed: seed)
    let input = steps.cutMessages()
    #expect(throws: Never.self, "seed \(seed): \(input)") { try FuzzTarget.splits.check(input) }
  }
}
