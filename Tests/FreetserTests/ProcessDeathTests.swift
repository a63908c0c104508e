// What Swift cannot catch ends the process. What was acknowledged before stays.

import Freetser
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
  import Glibc
#else
  import Foundation
#endif

@Suite("Traps and deep stacks", .serialized)
struct ProcessDeathTests {
  @Test("A trap in a handler ends the process; writes that were acknowledged survive it")
  func trap() async throws {
    let path = try makeTemporaryPath(suffix: ".sqlite")
    await #expect(processExitsWith: .failure) { [path = path as String] in
      let store = try Store(path: path, tables: ["items"])
      let server = Server(.tcp(port: 0), store: store) { request, store in
        let key = request.path
        try store.execute { try $0.add("items", key, "value") }
        // An index out of range, as in anyone's code.
        return .bytes([request.body[key == "/trap" ? 1 : 0]])
      }
      let client = try SocketClient(server.start())
      for number in 1...20 {
        try client.send("POST /\(number) HTTP/1.1\nHost: a\nContent-Length: 1\n\nx")
        #expect(try client.receive().text == "x")
      }
      try client.send("POST /trap HTTP/1.1\nHost: a\nContent-Length: 1\n\nx")
      _ = try? client.receive()
      // Reached only if the trap did not end the process.
      exit(0)
    }
    let store = try Store(path: path, tables: ["items"])
    let keys = try await store.execute { try $0.listKeys("items") }
    #expect(Set((1...20).map { "/\($0)" }).isSubset(of: keys))
    try store.close()
  }

  private struct Nested: Decodable {
    var inside: [Nested]

    init(from decoder: any Decoder) throws {
      inside = try decoder.singleValueContainer().decode([Nested].self)
    }
  }

  @Test("JSON nested 500 deep fits the stack of a connection's thread")
  func deepJSON() throws {
    let server = try RunningServer { request in
      _ = try JSONDecoder().decode(Nested.self, from: Data(request.body))
      return .text("decoded")
    }
    let client = try server.connect()
    for (depth, status) in [(500, 200), (100_000, 500)] {
      let json = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: \(json.utf8.count)\n\n\(json)")
      #expect(try client.receive().status == status)
    }
  }
}
