import Logging
import Testing
import Threads

@testable import Freetser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite("The log queue", .serialized)
struct LogQueueTests {
  /// Not for programs that other tests start meanwhile: a pipe breaks when nobody has its other end.
  private func pipeEnds() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Darwin)
      try #require(unsafe pipe(&ends) == 0)
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #else
      try #require(unsafe pipe2(&ends, O_CLOEXEC) == 0)
    #endif
    return (ends[0], ends[1])
  }

  /// Has the thread take a line that is longer than what a pipe takes, so that it waits until it is read.
  private func holdUp(_ logs: LogQueue, by line: String, _ readEnd: Int32) {
    Logger(label: "a", factory: logs.makeHandler).info("\(line)")
    logs.flush(within: .zero)
    var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&waiting, 1, -1) == 1)
  }

  private func readToEnd(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("A line says when, how bad, which thread, who and what, on one line")
  func line() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(level: .info, descriptor: writeEnd)
    var logger = Logger(label: "a.b", factory: logs.makeHandler)
    logger[metadataKey: "id"] = "7"
    logger.info("hello\nworld", metadata: ["a": "b"])
    logger.debug("not this one")
    logs.stop()
    close(writeEnd)
    let line = readToEnd(readEnd)
    close(readEnd)
    #expect(
      line.wholeMatch(
        of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info \[.*\] a\.b: hello\\u\{a\}world a=b id=7\n/)
        != nil, "\(line)")
  }

  @Test("Names that a program gives cannot end a line either")
  func names() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    let logger = Logger(label: "a\nb", factory: logs.makeHandler)
    try Thread.start(name: "t\n") { logger.info("c", metadata: ["d\n": "e"]) }.join()
    let text = try stop(logs, readEnd, writeEnd)
    #expect(text.hasSuffix(" [t\\u{a}] a\\u{a}b: c d\\u{a}=e\n"))
    #expect(text.split(separator: "\n").count == 1)
  }

  @Test("A batch has room for so many lines, or so many bytes, and is half full by either")
  func batch() {
    for (size, half, all) in [(10, 3, 5), (1_024, 3, 5), (1_025, 3, 4), (2_560, 1, 2)] {
      var batch = LogBatch(capacity: 5)
      var becameHalfFull: Int?
      while batch.hasRoom(for: size) {
        batch.append(upTo: size, lines: 1) { $0.append(repeating: 0, count: size) }
        if batch.isHalfFull, becameHalfFull == nil { becameHalfFull = batch.count }
      }
      #expect(batch.count == all && becameHalfFull == half, "lines of \(size) bytes")
      batch.removeAll()
      #expect(batch.hasRoom(for: 1 << 20) && !batch.isHalfFull)
      // What a line might have taken does not count.
      batch.append(upTo: 5_000, lines: 1) { $0.append(repeating: 0, count: size) }
      #expect(batch.bytes.count == size)
    }
  }

  @Test("A batch has room for lines that come together if all of them fit")
  func together() {
    var batch = LogBatch(capacity: 5)
    #expect(batch.hasRoom(for: 50, lines: 9))
    batch.append(upTo: 20, lines: 2) { $0.append(repeating: 0, count: 20) }
    #expect(batch.hasRoom(for: 30, lines: 3) && !batch.hasRoom(for: 40, lines: 4))
    #expect(!batch.hasRoom(for: 5 * 1_024, lines: 3))
    batch.append(upTo: 30, lines: 3) { $0.append(repeating: 0, count: 30) }
    #expect(batch.count == 5 && !batch.hasRoom(for: 10, lines: 1))
  }

  @Test("What could not be written to its end does not run into what is written next")
  func cutLine() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let (nextReadEnd, nextWriteEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    holdUp(logs, by: String(repeating: "x", count: 200_000), readEnd)
    close(readEnd)
    #expect(logs.flush())
    #expect(logs.dropped == 1)
    // Somebody reads again.
    #expect(dup2(nextWriteEnd, writeEnd) == writeEnd)
    close(nextWriteEnd)
    Logger(label: "a", factory: logs.makeHandler).info("next")
    let text = try stop(logs, nextReadEnd, writeEnd)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4 && lines[0].isEmpty && lines[1].hasSuffix(" a: next"))
    #expect(lines[2].hasPrefix("1 log lines dropped: "))
  }

  @Test(
    "What ends a line, moves a terminal's cursor or turns text around is escaped",
    arguments: [
      "\n", "\r", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{2028}", "\u{2029}", "\u{202e}",
      "\u{2066}",
    ])
  func escaping(_ text: String) throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    logger.info("é\(text)", metadata: ["k": "ü\(text)"])
    logs.stop()
    close(writeEnd)
    let line = readToEnd(readEnd)
    close(readEnd)
    let code = String(try #require(text.unicodeScalars.first).value, radix: 16)
    #expect(line.hasSuffix("a: é\\u{\(code)} k=ü\\u{\(code)}\n"), "\(line)")
  }

  /// Reads while the queue ends; returns what it has written.
  private func stop(_ logs: LogQueue, _ readEnd: Int32, _ writeEnd: Int32) throws -> String {
    let reader = LineCounter()
    try reader.read(from: readEnd)
    logs.stop()
    close(writeEnd)
    let text = reader.text
    close(readEnd)
    return text
  }

  @Test("A log that nobody reads keeps nobody waiting; what is dropped is counted and reported")
  func overflow() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(capacity: 100, descriptor: writeEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    // A pipe takes 64 KiB, then its writer waits: 5,000 lines of 100 bytes do not fit in pipe and queue.
    let filler = String(repeating: "x", count: 100)
    for number in 1...5_000 { logger.info("\(number) \(filler)") }
    let dropped = logs.dropped
    let text = try stop(logs, readEnd, writeEnd)
    let lines = text.split(separator: "\n")
    let reports = lines.compactMap {
      $0.wholeMatch(of: /(\d+) log lines dropped: .*/).flatMap { Int($0.1) }
    }
    #expect(lines.count - reports.count + reports.reduce(0, +) == 5_000)
    #expect(reports.reduce(0, +) >= max(1, dropped))
  }

  @Test("Few lines that are long fill the queue too, and one alone may be as long as it likes")
  func longLines() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(capacity: 100, descriptor: writeEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    let filler = String(repeating: "x", count: 200_000)
    // Of the others the first alone has room.
    holdUp(logs, by: "first \(filler)", readEnd)
    for _ in 1...50 { logger.info("other \(filler)") }
    #expect(logs.dropped == 49)
    let text = try stop(logs, readEnd, writeEnd)
    let lines = text.split(separator: "\n")
    #expect(lines.count { $0.hasSuffix("first \(filler)") } == 1)
    #expect(lines.count { $0.hasSuffix("other \(filler)") } == 1)
    #expect(text.contains("49 log lines dropped"))
  }

  @Test("flush waits until what was logged is written")
  func flush() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    Logger(label: "a", factory: logs.makeHandler).info("written")
    logs.flush()
    var byte: [UInt8] = [0]
    var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&waiting, 1, 0) == 1)
    #expect(unsafe read(readEnd, &byte, 1) == 1)
    logs.stop()
    close(writeEnd)
    close(readEnd)
  }

  @Test("A reader that goes away ends the log and not the program; what it missed is counted")
  func brokenPipe() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    close(readEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    logger.info("one")
    #expect(logs.flush())
    #expect(logs.dropped == 1)
    #expect(logs.stop())
    close(writeEnd)
  }

  @Test("Of lines that wait together those are lost that could not be written, and no others")
  func brokenLater() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    // The others wait together.
    holdUp(logs, by: String(repeating: "x", count: 200_000), readEnd)
    for number in 1...5_000 { logger.info("\(number)") }
    // More than is written at once, and less than all.
    var (text, buffer) = ("", [UInt8](repeating: 0, count: 65_536))
    while !text.contains(" a: 3000\n") {
      let count = unsafe read(readEnd, &buffer, 1_024)
      try #require(count > 0)
      text = text.suffix(1_024) + String(decoding: buffer[..<count], as: UTF8.self)
    }
    close(readEnd)
    #expect(logs.stop())
    #expect(1...2_000 ~= logs.dropped)
    close(writeEnd)
  }

  @Test("A descriptor that does not block loses nothing")
  func nonBlocking() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    #expect(fcntl(writeEnd, F_SETFL, O_NONBLOCK) == 0)
    let logs = LogQueue(descriptor: writeEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    for number in 1...5_000 { logger.info("\(number)") }
    let reader = LineCounter()
    try reader.read(from: readEnd)
    #expect(logs.stop(within: .seconds(60)))
    close(writeEnd)
    #expect(reader.text.split(separator: "\n").count == 5_000)
    #expect(logs.dropped == 0)
    close(readEnd)
  }

  @Test("Waiting for a log that nobody reads ends")
  func unreadLog() throws {
    let (readEnd, writeEnd) = try pipeEnds()
    let logs = LogQueue(descriptor: writeEnd)
    let logger = Logger(label: "a", factory: logs.makeHandler)
    for number in 1...5_000 { logger.info("\(number) \(String(repeating: "x", count: 100))") }
    #expect(!logs.flush(within: .milliseconds(50)))
    #expect(!logs.stop(within: .milliseconds(50)))
    // The writer goes on once somebody reads.
    let reader = LineCounter()
    try reader.read(from: readEnd)
    #expect(logs.stop(within: .seconds(60)))
    close(writeEnd)
    _ = reader.text
    close(readEnd)
  }
}
