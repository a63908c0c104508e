// Bodies of requests that handlers read themselves, or do not read.

import Freetser
import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("Request bodies", .serialized)
struct RequestBodyTests {
  @Test("A body is read in pieces, with its trailers behind it", arguments: [true, false])
  func pieces(_ isChunked: Bool) throws {
    let server = try RunningServer { (request, body) in
      let (count, declared, isAtEnd) = (body.count, body.declaredLength, body.isAtEnd)
      #expect(request.body.isEmpty && count == 0 && !isAtEnd)
      #expect(declared == (isChunked ? nil : 12))
      var all: [UInt8] = []
      while let piece = try body.read() {
        #expect(!piece.isEmpty)
        all += piece
        let count = body.count
        #expect(count == all.count)
      }
      let rest = try body.read()
      #expect(rest == nil)
      let hasEnded = body.isAtEnd
      #expect(hasEnded)
      return .text(String(decoding: all, as: UTF8.self) + (body.trailers["Sum"] ?? ""))
    }
    let client = try server.connect()
    for _ in 1...2 {
      if isChunked {
        try client.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n5\nhello\n")
        try client.send("7\n, world\n0\nSum: 1\n\n")
        #expect(try client.receive().text == "hello, world1")
      } else {
        try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 12\n\nhello")
        try client.send(", world")
        #expect(try client.receive().text == "hello, world")
      }
    }
  }

  @Test("A request without a body has been read")
  func noBody() throws {
    let server = try RunningServer { (_, body) in
      let (isAtEnd, declared) = (body.isAtEnd, body.declaredLength)
      #expect(isAtEnd && declared == 0)
      return .text("\(try body.readAll().count)")
    }
    let client = try server.connect()
    try client.send("GET / HTTP/1.1\nHost: a\n\nPOST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n")
    #expect(try client.receive().text == "0")
    #expect(try client.receive().text == "0")
  }

  @Test("100 is sent when the handler first reads, and not before")
  func continueOnRead() throws {
    let mayRead = Monitor(false)
    let server = try RunningServer { (request, body) in
      guard request.path == "/reads" else { return .text("unread") }
      _ = mayRead.wait { $0 ? true : nil }
      return .text(String(decoding: try body.readAll(), as: UTF8.self))
    }
    let expecting = "HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 2\n\n"
    let client = try server.connect()
    try client.send("POST /reads " + expecting)
    // Nothing can have come: the handler has not read.
    #expect(client.hasNothing)
    mayRead.withLock { $0 = true }
    mayRead.wakeAll()
    #expect(try client.receive(interim: 100).status == 100)
    try client.send("hi")
    #expect(try client.receive().text == "hi")

    // A handler that does not read answers at once, and the connection ends: the body may come or not.
    let other = try server.connect()
    try other.send("POST / " + expecting)
    let response = try other.receive()
    #expect(response.text == "unread" && response.fields["Connection"] == "close")
    #expect(other.isGone())
  }

  @Test("100 is never sent for what is too large")
  func continueNotForTooLarge() throws {
    let server = try RunningServer({ $0.maximumBodySize = 10 }) { (_, body) in
      .bytes(try body.readAll())
    }
    let client = try server.connect()
    try client.send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 11\n\n")
    #expect(try client.receive().status == 413)
  }

  @Test("What a handler does not read is dropped, and the connection goes on")
  func unread() throws {
    let server = try RunningServer { (request, body) in
      if request.path == "/some" { _ = try body.read() }
      return .text(request.path)
    }
    let client = try server.connect()
    for path in ["/none", "/some"] {
      for size in [1, 10_000, 262_144] {
        try client.send("POST \(path) HTTP/1.1\nHost: a\nContent-Length: \(size)\n\n")
        try client.send(bytes: [UInt8](repeating: 0x61, count: size))
        let response = try client.receive()
        #expect(response.text == path && response.fields["Connection"] == nil)
        try client.send("POST \(path) HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
        try client.send("\(String(size, radix: 16))\n")
        try client.send(bytes: [UInt8](repeating: 0x61, count: size))
        try client.send("\n0\n\n")
        #expect(try client.receive().text == path)
      }
    }
  }

  @Test("A connection with too much unread is closed, and the client gets its response")
  func tooMuchUnread() throws {
    let server = try RunningServer { (_, _) in .text("enough") }
    let declared = try server.connect()
    try declared.send("POST / HTTP/1.1\nHost: a\nContent-Length: 300000\n\n")
    let response = try declared.receive()
    #expect(response.text == "enough" && response.fields["Connection"] == "close")
    try declared.send(bytes: [UInt8](repeating: 0x61, count: 300_000))
    declared.socket.shutdown(.sending)
    #expect(try declared.isClosedSilently())

    // That a chunked body is too long shows only when the response has been sent.
    let chunked = try server.connect()
    try chunked.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n100000\n")
    #expect(try chunked.receive().text == "enough")
    try chunked.send(bytes: [UInt8](repeating: 0x61, count: 300_000))
    chunked.socket.shutdown(.sending)
    #expect(try chunked.isClosedSilently())
  }

  @Test("A handler may allow itself more, or less, than the server does")
  func limits() throws {
    let server = try RunningServer({ $0.maximumBodySize = 100 }) { (request, body) in
      body.limit = request.path == "/more" ? 1_000_000 : 10
      var count = 0
      while let piece = try body.read() { count += piece.count }
      return .text("\(count)")
    }
    let client = try server.connect()
    try client.send("POST /more HTTP/1.1\nHost: a\nContent-Length: 1000000\n\n")
    try client.send(bytes: [UInt8](repeating: 0x61, count: 1_000_000))
    #expect(try client.receive().text == "1000000")
    // The next exchange begins with the server's.
    try client.send("POST /less HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nb\nhello world\n")
    #expect(try client.receive().status == 413)
    #expect(client.isGone())
  }

  @Test("A handler may give the client more time, or less")
  func timeouts() throws {
    let server = try RunningServer({ $0.timeouts.bodyIdle = .seconds(60) }) { (_, body) in
      body.timeouts.bodyIdle = .milliseconds(1)
      return .bytes(try body.readAll())
    }
    let client = try server.connect()
    try client.send("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\na")
    #expect(try client.receive().status == 408)
  }

  @Test("A handler that catches what is wrong with a body may answer itself; the connection ends")
  func caught() throws {
    let server = try RunningServer { (_, body) in
      do throws(StreamError) {
        return .bytes(try body.readAll())
      } catch {
        do throws(StreamError) {
          _ = try body.read()
          Issue.record("read again")
        } catch let again {
          #expect(again == error)
        }
        guard case .malformed = error else { throw error }
        return .text("caught")
      }
    }
    let client = try server.connect()
    try client.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\nz\n")
    let response = try client.receive()
    #expect(response.text == "caught" && response.fields["Connection"] == "close")
    client.socket.shutdown(.sending)
    #expect(try client.isClosedSilently())
  }

  @Test("A client that leaves in the middle of a body ends the read")
  func leaves() throws {
    let failure = Monitor<StreamError?>(nil)
    let server = try RunningServer { (_, body) in
      do throws(StreamError) {
        return .bytes(try body.readAll())
      } catch {
        failure.withLock { $0 = error }
        failure.wakeAll()
        throw error
      }
    }
    try server.connect().send("POST / HTTP/1.1\nHost: a\nContent-Length: 2\n\na")
    let found = failure.wait(until: .now() + .seconds(60)) { $0 }
    guard case .clientGone = found else {
      Issue.record("the read did not end as it should")
      return
    }
  }

  @Test("A handler can ask whether the client has left")
  func clientHasLeft() throws {
    let answers = Monitor<[Bool]>([])
    let goOn = Monitor(false)
    let server = try RunningServer { (_, body) in
      let before = body.clientHasLeft
      answers.withLock { $0.append(before) }
      answers.wakeAll()
      _ = goOn.wait { $0 ? true : nil }
      // The end of the connection is on its way through the loopback interface.
      while !body.clientHasLeft { sched_yield() }
      answers.withLock { $0.append(true) }
      answers.wakeAll()
      return .empty()
    }
    do {
      let client = try server.connect()
      try client.send("GET / HTTP/1.1\nHost: a\n\n")
      #expect(answers.wait { $0.isEmpty ? nil : $0 } == [false])
    }
    goOn.withLock { $0 = true }
    goOn.wakeAll()
    let all = answers.wait(until: .now() + .seconds(60)) { $0.count == 2 ? $0 : nil }
    #expect(all == [false, true])
  }

  @Test("Bodies of all connections together have a bound")
  func budget() throws {
    let (isHolding, mayEnd) = (Monitor(0), Monitor(false))
    let server = try RunningServer(.tcp(port: 0), { $0.maximumBufferedBytes = 300_000 }) {
      request in
      if request.path == "/hold" {
        isHolding.withLock { $0 += 1 }
        isHolding.wakeAll()
        _ = mayEnd.wait { $0 ? true : nil }
      }
      return .text("\(request.body.count)")
    }
    let content = [UInt8](repeating: 0x61, count: 90_000)
    let head = "HTTP/1.1\nHost: a\nContent-Length: 90000\n\n"
    let holders = try (1...2).map { _ in try server.connect() }
    for holder in holders {
      try holder.send("POST /hold " + head)
      try holder.send(bytes: content)
    }
    let areHolding = isHolding.wait(until: .now() + .seconds(60)) { $0 == 2 ? true : nil }
    try #require(areHolding == true)

    let refused = try server.connect()
    try refused.send("POST / " + head)
    try refused.send(bytes: content)
    let response = try refused.receive()
    #expect(response.status == 503 && response.fields["Retry-After"] == "1")
    #expect(refused.isGone())

    mayEnd.withLock { $0 = true }
    mayEnd.wakeAll()
    for holder in holders { #expect(try holder.receive().text == "90000") }
    // What they held is there again, also on the same connection.
    for _ in 1...3 {
      try holders[0].send("POST / " + head)
      try holders[0].send(bytes: content)
      #expect(try holders[0].receive().text == "90000")
    }
  }
}
