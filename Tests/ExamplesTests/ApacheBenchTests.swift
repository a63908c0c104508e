// ab, which speaks HTTP/1.0 on many connections at a time.

import Foundation
import Testing

@Suite("ab", .serialized, .needs(.apacheBench))
struct ApacheBenchTests {
  /// Sends 2,000 requests on 8 connections, and checks that all were answered with success.
  ///
  /// - Returns: How many of them ab could send on a connection that had been kept alive.
  private func send2000(_ options: String..., to url: String) throws -> Int {
    let fixed = ["-q", "-n", "2000", "-c", "8", "-s", "30"]
    let report = try Tool.apacheBench.run(fixed + options + [url]).text
    #expect(report.contains(/\nComplete requests: +2000\n/))
    #expect(report.contains(/\nFailed requests: +0\n/))
    #expect(!report.contains("Non-2xx"))
    return report.firstMatch(of: /\nKeep-Alive requests: +(\d+)\n/).flatMap { Int($0.1) } ?? 0
  }

  @Test("Each request on a connection of its own")
  func closing() throws {
    try withExample(.quickstart) { example in
      let keptAlive = try send2000(to: example.url("/"))
      #expect(keptAlive == 0)
    }
  }

  @Test("RFC 9112 C.2.2: connections that HTTP/1.0 keeps alive")
  func keepAlive() throws {
    try withExample(.quickstart) { example in
      let keptAlive = try send2000("-k", to: example.url("/"))
      #expect(keptAlive == 2_000)
    }
  }

  @Test("Of updates of one entry from many connections none is lost")
  func updates() throws {
    let directory = try TemporaryDirectory()
    try Data("value".utf8).write(to: URL(filePath: directory.file("body")))
    try withExample(.stressTest) { example in
      var client = try WireClient(to: example.endpoint)
      #expect(try client.request("POST", "/stress-test/7").text == "Created: 7\n")
      let keptAlive = try send2000(
        "-k", "-p", directory.file("body"), to: example.url("/stress-test/7"))
      #expect(keptAlive == 2_000)
      let found = try client.request("GET", "/stress-test/7").text
      #expect(found == "Found: 7, counter=2000\n")
    }
  }
}
