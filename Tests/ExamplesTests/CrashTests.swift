// What was acknowledged survives the server's sudden death.

import Testing
import Threads
import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Clients that make entries, each on its own connection, until the server is gone.
private final class Writers: Sendable {
  private struct State {
    var running: Int
    var acknowledged: [String] = []
    var refused: [String] = []
  }

  private let state: Monitor<State>
  private let writers: Int

  init(_ count: Int, to endpoint: Endpoint, prefix: String) throws {
    writers = count
    state = Monitor(State(running: count))
    for writer in 1...count {
      try Thread.startDetached(name: "writer-\(writer)") { [self] in
        // The only way out is an error: the end of the connection.
        do { try write("\(prefix)-\(writer)", to: endpoint) } catch {}
        state.withLock { $0.running -= 1 }
        state.wakeAll()
      }
    }
  }

  private func write(_ prefix: String, to endpoint: Endpoint) throws -> Never {
    var client = try WireClient(to: endpoint)
    var number = 0
    while true {
      number += 1
      let id = "\(prefix)-\(number)"
      let response = try client.request("POST", "/stress-test/\(id)", body: "value of \(id)")
      state.withLock { state in
        if response.text == "Created: \(id)\n" {
          state.acknowledged.append(id)
        } else {
          state.refused.append(response.text)
        }
      }
      state.wakeAll()
    }
  }

  /// Waits until so many entries are acknowledged; so far no connection has a reason to end.
  func wait(forEntries count: Int) {
    let isWriting = state.wait { state in
      if state.running < writers || !state.refused.isEmpty { return false }
      return state.acknowledged.count >= count ? true : nil
    }
    #expect(isWriting == true)
  }

  /// Waits until all have ended, and gives the entries whose response was read completely.
  func finish() -> [String] {
    let (acknowledged, refused) = state.wait { state in
      state.running == 0 ? (state.acknowledged, state.refused) : nil
    }!
    #expect(refused.isEmpty)
    return acknowledged
  }
}

@Suite("Crashes", .serialized)
struct CrashTests {
  @Test("Of ten times killed in the middle of writing, no acknowledged entry is lost")
  func killed() throws {
    let directory = try TemporaryDirectory()
    var entries: [String] = []
    for round in 1...10 {
      let example = try RunningExample.start(.stressTest, in: directory)
      defer { example.process.kill() }
      try expect(entries, in: example)

      let writers = try Writers(8, to: example.endpoint, prefix: "\(round)")
      writers.wait(forEntries: .random(in: 1...200))
      example.process.kill()
      #expect(try example.process.waitForEnd().exit == .signal(SIGKILL))
      entries += writers.finish()
    }
    let example = try RunningExample.start(.stressTest, in: directory)
    defer { example.process.kill() }
    try expect(entries, in: example)
    try example.stop()
  }

  /// GET says "Created" of an entry that was lost.
  private func expect(_ entries: [String], in example: RunningExample) throws {
    var client = try WireClient(to: example.endpoint)
    var lost: [String] = []
    for id in entries {
      let answer = try client.request("GET", "/stress-test/\(id)").text
      if answer != "Found: \(id), counter=0\n" { lost.append(id) }
    }
    #expect(lost.isEmpty)
  }
}
