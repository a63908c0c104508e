// What a server has done, counted.

import FreetserTesting
import HTTPTypes
import KVStore
import Testing
import Threads

@testable import Freetser

@Suite("The activity of a server", .serialized)
struct ServerActivityTests {
  private let peer = Address.ipv4(octets: [192, 0, 2, 1], port: 80)

  @Test("Requests are counted by how they were answered, with sizes and times")
  func answers() {
    let activity = ServerActivity()
    #expect(activity.counts.requests == 0 && activity.counts.requestsPerSecond == 0)
    for status in [101, 200, 204, 299, 304, 400, 499, 404, 431, 500] {
      activity.exchangeEnded(
        Exchange(nil, status: status, bodySize: status, after: .milliseconds(status)))
    }
    activity.exchangeEnded(Exchange(nil, status: nil, bodySize: 7, after: .seconds(9)))
    let counts = activity.counts
    #expect(counts.informational == 1)
    #expect(counts.successful == 3)
    #expect(counts.redirections == 1)
    #expect(counts.clientErrors == 4)
    #expect(counts.serverErrors == 1)
    #expect(counts.unanswered == 1)
    #expect(counts.requests == 11)
    #expect(counts.bytesSent == 3_342 + 7)
    #expect(counts.responseTimes.count == 10)
    #expect(counts.responseTimes.longest == .milliseconds(500))
  }

  @Test("Connections are those that are open")
  func connections() {
    let activity = ServerActivity()
    for _ in 1...3 { activity.connectionOpened(from: peer) }
    activity.connectionClosed(from: peer)
    #expect(activity.counts.connections == 2)
    #expect(activity.counts.allConnections == 3)
  }

  @Test("The last minute has 60 seconds that are over, the oldest first")
  func seconds() {
    var seconds = RecentSeconds()
    #expect(seconds.counts(before: 0) == [])
    for second in 0..<200 {
      for _ in 0...(second % 7) { seconds.add(second) }
      let first = max(0, second - 60)
      #expect(seconds.counts(before: second) == (first..<second).map { $0 % 7 + 1 })
    }
    // Nothing happens for a while.
    #expect(seconds.counts(before: 259) == [199 % 7 + 1] + [Int](repeating: 0, count: 59))
    #expect(seconds.counts(before: 260) == [Int](repeating: 0, count: 60))
    seconds.add(1_000_000)
    #expect(seconds.counts(before: 1_000_001) == [Int](repeating: 0, count: 59) + [1])
  }

  @Test("The present second is not shown before it is over, and a minute later no more")
  func minute() {
    let activity = ServerActivity()
    let now = MonotonicTime.now()
    activity.exchangeEnded(Exchange(nil, status: 200))
    activity.exchangeEnded(Exchange(nil, status: 200))
    #expect(activity.counts(at: now + .milliseconds(500)).lastMinute == [])
    let later = activity.counts(at: now + .seconds(4))
    #expect(later.lastMinute.reduce(0, +) == 2)
    #expect(later.requestsPerSecond == 2 / Double(later.lastMinute.count))
    #expect(later.uptime >= .seconds(4))
    #expect(activity.counts(at: now + .seconds(70)).lastMinute.count == 60)
    #expect(activity.counts(at: now + .seconds(70)).requestsPerSecond == 0)
  }

  @Test("Many threads count together")
  func threads() throws {
    let activity = ServerActivity()
    let ended = Monitor(0)
    for _ in 1...8 {
      try Thread.startDetached(name: "counting") { [peer] in
        for _ in 1...1_000 {
          activity.connectionOpened(from: peer)
          activity.exchangeEnded(Exchange(nil, status: 200, bodySize: 3))
          activity.connectionClosed(from: peer)
        }
        ended.withLock { $0 += 1 }
        ended.wakeAll()
      }
    }
    #expect(ended.wait(until: .now() + .seconds(60)) { $0 == 8 ? true : nil } == true)
    let counts = activity.counts
    #expect(counts.requests == 8_000 && counts.successful == 8_000)
    #expect(counts.bytesSent == 24_000)
    #expect(counts.allConnections == 8_000 && counts.connections == 0)
  }

  @Test("A server tells it what happens")
  func server() throws {
    let activity = ServerActivity()
    var configuration = ServerConfiguration()
    configuration.observers.append(activity)
    let server = Server(.tcp(port: 0), configuration: configuration) { request in
      #expect(activity.counts.connections == 1)
      guard request.path == "/" else { throw HTTPError.notFound }
      return .text("four")
    }
    let client = try TestClient(server)
    _ = try client.get("/")
    _ = try client.get("/else", fields: [.connection: "close"])
    let counts = activity.counts
    #expect(counts.successful == 1 && counts.clientErrors == 1)
    #expect(counts.connections == 0 && counts.allConnections == 1)
    #expect(counts.bytesSent > 4)
  }
}
