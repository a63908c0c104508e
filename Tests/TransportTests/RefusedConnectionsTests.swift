import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct RefusedConnectionsTests {
  @Test("what was sent can be read by a peer that sent before, and by one that goes on sending")
  func readable() throws {
    let pair = try SocketPair.tcp()
    try pair.split { client, server in
      var refused = RefusedConnections(farewell: Array(farewell.utf8))
      try client.send(String(repeating: "before", count: 1000))
      refused.add(server)
      // A reset would be an error here.
      for _ in 0..<10 { try client.send("after") }
      #expect(try client.receiveToEnd() == Array(farewell.utf8))
      for _ in 0..<10 { try client.send("after") }
      refused.closeOld(.distantFuture)
      let isReset = client.isReset
      #expect(!isReset, "what came was thrown away before the close")
    }
  }

  @Test("each is kept for a second, not for longer")
  func time() throws {
    let before = MonotonicTime.now()
    let pair = try SocketPair.tcp()
    try pair.split { client, server in
      var refused = RefusedConnections(farewell: Array(farewell.utf8))
      let none = refused.deadline
      refused.add(server)
      let end = refused.deadline
      #expect(none == .distantFuture)
      #expect(before + .seconds(1) <= end && end <= .now() + .seconds(1))
      refused.closeOld(MonotonicTime(nanoseconds: end.nanoseconds - 1))
      let still = refused.deadline
      try client.send("x")
      refused.closeOld(end)
      let after = refused.deadline
      #expect(still == end && after == .distantFuture)
      try client.send("x")
      let isReset = client.waitForReset()
      #expect(isReset, "it is closed")
    }
  }

  @Test("no more are kept than there is room for: the first goes")
  func capacity() async {
    await #expect(processExitsWith: .success) {
      let before = openDescriptors()
      var clients: [Shared] = []
      do {
        var refused = RefusedConnections(farewell: Array(farewell.utf8))
        for _ in 0..<RefusedConnections.capacity + 3 {
          let pair = try SocketPair.tcp()
          pair.split { client, server in
            clients.append(Shared(client))
            refused.add(server)
          }
        }
        let open = openDescriptors().count - before.count
        precondition(open == clients.count + RefusedConnections.capacity, "\(open)")
        for client in clients {
          let answer = try client.socket.receiveToEnd()
          precondition(answer == Array(farewell.utf8))
        }
        refused.closeOld(.distantFuture)
        precondition(openDescriptors().count - before.count == clients.count + 1, "and a spare one")
      }
      clients = []
      requireDescriptors(before)
    }
  }

  @Test("what is kept makes room for a descriptor, then the spare one does, then nothing is left")
  func descriptors() throws {
    var refused = RefusedConnections(farewell: Array(farewell.utf8))
    refused.closeOld(.now())
    let pair = try SocketPair.tcp()
    try pair.split { client, server in
      refused.add(server)
      let first = refused.freeDescriptor()
      let left = refused.deadline
      #expect(first && left == .distantFuture)
      let answer = try client.receiveToEnd()
      #expect(answer == Array(farewell.utf8))
    }
    let second = refused.freeDescriptor()
    let third = refused.freeDescriptor()
    #expect(second && !third)
    refused.closeOld(.now())
    let fourth = refused.freeDescriptor()
    #expect(fourth, "it is had again")
  }

  @Test("a peer that is gone already is no trouble")
  func gone() throws {
    let pair = try SocketPair.tcp()
    pair.split { client, server in
      client.abort()
      var refused = RefusedConnections(farewell: Array(farewell.utf8))
      refused.add(server)
      refused.closeOld(.distantFuture)
    }
  }

  @Test("a cause is told at once, then with its count after each interval, then forgotten")
  func reports() {
    var reports = RefusalReports()
    var now = MonotonicTime(nanoseconds: 0)
    let peer = Address.ipv4(octets: SIMD4(192, 0, 2, 1), port: 1)
    let other = Address.ipv4(octets: SIMD4(192, 0, 2, 2), port: 2)
    let limit = RefusalCause.tooManyConnections(limit: 3)
    #expect(reports.deadline == .distantFuture)
    #expect(reports.add(limit, peer: peer, now) == .refused(count: 1, limit, peer: peer))
    #expect(
      reports.add(.outOfDescriptors, peer: peer, now)
        == .refused(count: 1, .outOfDescriptors, peer: peer), "another cause is another matter")
    for _ in 0..<5 { #expect(reports.add(limit, peer: other, now) == nil) }
    #expect(reports.due(now + .seconds(9)).isEmpty)
    now = reports.deadline
    #expect(now == MonotonicTime(nanoseconds: 0) + .seconds(10))
    #expect(reports.due(now) == [.refused(count: 5, limit, peer: other)])
    #expect(reports.add(limit, peer: peer, now) == nil, "it lasts")
    now = reports.deadline
    #expect(reports.due(now) == [.refused(count: 1, limit, peer: peer)])
    now = reports.deadline
    #expect(reports.due(now).isEmpty && reports.deadline == .distantFuture)
    #expect(reports.add(limit, peer: peer, now) == .refused(count: 1, limit, peer: peer))
  }

  @Test("events are one line each")
  func lines() {
    let peer = Address.ipv4(octets: SIMD4(192, 0, 2, 1), port: 80)
    #expect(
      TransportEvent.refused(count: 1, .tooManyFromAddress(limit: 2), peer: peer).description
        == "refused a connection from 192.0.2.1:80: its address has 2 connections")
    #expect(
      TransportEvent.refused(count: 7, .tooManyConnections(limit: 5), peer: peer).description
        == "refused 7 connections, the latest from 192.0.2.1:80: 5 connections are open, and none is idle"
    )
    #expect(
      RefusalCause.outOfDescriptors.description
        == "there is no descriptor left, and no connection is idle")
  }
}

extension Socket {
  fileprivate var isReset: Bool { pollForReset(within: 0) }

  fileprivate func waitForReset() -> Bool { pollForReset(within: 20_000) }

  private func pollForReset(within milliseconds: Int32) -> Bool {
    // A close in order is no event for poll(2) when no events are asked for.
    var wanted = pollfd(fd: descriptor.number, events: 0, revents: 0)
    return unsafe poll(&wanted, 1, milliseconds) == 1 && wanted.revents & Int16(POLLERR) != 0
  }
}
