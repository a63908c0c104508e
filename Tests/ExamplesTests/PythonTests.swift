// Python's clients, and Python's sqlite3 on the file that an example wrote.

import Testing

@Suite("Python", .serialized)
struct PythonTests {
  @Test("http.client keeps one connection through all kinds of requests", .needs(.python))
  func httpClient() throws {
    try withExample(.quickstart) { example in
      let output = try Tool.python.runScript("http_client.py", example.address)
      #expect(output.text == "ok\n")
    }
  }

  @Test("requests keeps one connection, and reads why a body was refused", .needs(.requests))
  func requests() throws {
    try withExample(.quickstart) { example in
      let output = try Tool.requests.runScript("requests_session.py", example.url(""))
      #expect(output.text == "ok\n")
    }
  }

  @Test("sqlite3 reads the rows, while the server runs and after it", .needs(.pythonSQLite))
  func store() throws {
    let directory = try TemporaryDirectory()
    let example = try RunningExample.start(.stressTest, in: directory)
    defer { example.process.kill() }
    var client = try WireClient(to: example.endpoint)
    for (id, body) in [("b", "first"), ("a", ""), ("b", "second")] {
      #expect(try client.request("POST", "/stress-test/\(id)", body: body).status == 200)
    }

    let rows = "ok\na 0 0 b'item-a'\nb 1 0 b'second'\n"
    let reader = Tool.pythonSQLite
    #expect(try reader.runScript("read_store.py", example.database, "USERS").text == rows)
    #expect(try client.request("DELETE", "/stress-test/a").status == 200)
    try example.stop()
    let rest = "ok\nb 1 0 b'second'\n"
    #expect(try reader.runScript("read_store.py", example.database, "USERS").text == rest)
  }
}
