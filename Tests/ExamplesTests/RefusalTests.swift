// Refusals as they reach a client that sends all it has before it reads.

import Testing

@Suite("Refusals", .serialized)
struct RefusalTests {
  /// A server that closed while bytes are on their way would make the client's system throw away the response.
  @Test(
    "A client that first sends all of a body that is too large gets to read why it was refused",
    arguments: ["Content-Length: 3145728", "Transfer-Encoding: chunked"])
  func tooLarge(framing: String) throws {
    let content = String(repeating: "x", count: 1 << 20)
    let isChunked = framing.hasPrefix("T")
    let piece = isChunked ? "100000\r\n\(content)\r\n" : content
    try withExample(.quickstart) { example in
      for _ in 1...20 {
        var client = try WireClient(to: example.endpoint)
        try client.send("POST /echo HTTP/1.1\r\nHost: test\r\n\(framing)\r\n\r\n")
        for _ in 1...3 { try client.send(piece) }
        let refused = try client.receiveResponse()
        #expect(refused.head.hasPrefix("HTTP/1.1 413 Payload Too Large\n"))
        #expect(refused.head.contains("\nConnection: close\n"))
        #expect(refused.text == "413 Error: Payload Too Large: Exceeded limit 2097152\n")
      }
    }
  }
}
