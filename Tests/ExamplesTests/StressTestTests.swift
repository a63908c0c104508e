// The stress test's application, answer for answer.

import Testing

@Suite("The stress test's answers", .serialized)
struct StressTestTests {
  @Test("GET makes an entry, then finds it, with the counter of its updates")
  func get() throws {
    try withExample(.stressTest) { example in
      var client = try WireClient(to: example.endpoint)
      #expect(try client.request("GET", "/stress-test/7").text == "Created: 7\n")
      #expect(try client.request("GET", "/stress-test/7").text == "Found: 7, counter=0\n")
      for counter in 1...3 {
        #expect(try client.request("POST", "/stress-test/7", body: "x").text == "Updated: 7\n")
        let found = try client.request("GET", "/stress-test/7")
        #expect(found.text == "Found: 7, counter=\(counter)\n")
        #expect(found.status == 200)
      }
    }
  }

  @Test("POST makes and updates, and takes an empty body for the usual one")
  func post() throws {
    try withExample(.stressTest) { example in
      var client = try WireClient(to: example.endpoint)
      #expect(try client.request("POST", "/stress-test/7").text == "Created: 7\n")
      #expect(try client.request("POST", "/stress-test/7", body: "x").text == "Updated: 7\n")
      #expect(try client.request("POST", "/stress-test/7").text == "Updated: 7\n")
      #expect(try client.request("GET", "/stress-test/7").text == "Found: 7, counter=2\n")
    }
  }

  @Test("DELETE deletes once")
  func delete() throws {
    try withExample(.stressTest) { example in
      var client = try WireClient(to: example.endpoint)
      _ = try client.request("POST", "/stress-test/7")
      let first = try client.request("DELETE", "/stress-test/7")
      #expect(first.status == 200)
      #expect(first.text == "Deleted: 7\n")
      let second = try client.request("DELETE", "/stress-test/7")
      #expect(second.status == 404)
      #expect(second.text == "Not found: 7\n")
    }
  }

  @Test("/items counts the keys and lists the first ten")
  func items() throws {
    try withExample(.stressTest) { example in
      var client = try WireClient(to: example.endpoint)
      #expect(try client.request("GET", "/items").text == "Items: 0\n\n")
      for id in 10..<22 { _ = try client.request("POST", "/stress-test/\(id)") }
      #expect(
        try client.request("GET", "/items").text
          == "Items: 12\n10, 11, 12, 13, 14, 15, 16, 17, 18, 19\n")
    }
  }

  @Test("Other paths, and other methods, are told what they asked for")
  func echo() throws {
    try withExample(.stressTest) { example in
      var client = try WireClient(to: example.endpoint)
      #expect(
        try client.request("PUT", "/stress-test/7?q=1", body: "four").text == """
          Hello from freetser!
          Thread: conn-1
          Method: PUT
          Path: /stress-test/7?q=1
          Body length: 4 bytes

          """)
      #expect(try client.request("GET", "/").text.contains("\nBody length: 0 bytes\n"))
    }
  }

  @Test("RFC 9110 15.6.6: HTTP/1.0 is refused where 1.1 is the least that is served")
  func minimumVersion() throws {
    try withExample(.stressTest, "--minimum-version", "1.1") { example in
      var old = try WireClient(to: example.endpoint)
      try old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      let refused = try old.receiveResponse()
      #expect(refused.head.hasPrefix("HTTP/1.1 505 HTTP Version Not Supported\n"))
      #expect(refused.head.contains("\nConnection: close\n"))
      #expect(try old.hasEnded())

      var new = try WireClient(to: example.endpoint)
      #expect(try new.request("GET", "/").status == 200)
    }
  }

  @Test("The store keeps its entries from one run to the next")
  func restart() throws {
    let directory = try TemporaryDirectory()
    for answer in ["Created: 7\n", "Found: 7, counter=0\n"] {
      let example = try RunningExample.start(.stressTest, in: directory)
      defer { example.process.kill() }
      var client = try WireClient(to: example.endpoint)
      #expect(try client.request("GET", "/stress-test/7").text == answer)
      try example.stop()
    }
  }
}
