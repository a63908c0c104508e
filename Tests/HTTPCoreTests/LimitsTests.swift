import Testing

@testable import HTTPCore

@Suite("Limits, counted on bytes and not on how they came")
struct LimitsTests {
  private func verdict(_ wire: String, _ change: (inout Limits) -> Void) -> ProtocolError.Reason? {
    var limits = Limits()
    change(&limits)
    let (reading, difference) = readInEveryWay(
      [UInt8](wire: wire), with: Connection(role: .server, limits: limits))
    #expect(difference == nil)
    return reading.error?.reason
  }

  @Test("Each limit is kept to the byte")
  func toTheByte() {
    let head = "GET / HTTP/1.1\nHost: a\n\n"  // 27 bytes on the wire, 16 of them the request line
    #expect(verdict(head) { $0.head = 27 } == nil)
    #expect(verdict(head) { $0.head = 26 } == .headTooLarge(limit: 26))
    #expect(verdict(head) { $0.startLine = 16 } == nil)
    #expect(verdict(head) { $0.startLine = 15 } == .startLineTooLong(limit: 15))
    #expect(verdict(head) { $0.fieldCount = 1 } == nil)
    #expect(verdict(head) { $0.fieldCount = 0 } == .tooManyFields(limit: 0))

    let chunked = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3;abc\nabc\n0\nA: b\n\n"
    #expect(verdict(chunked) { $0.chunkLine = 7 } == nil)
    #expect(verdict(chunked) { $0.chunkLine = 6 } == .chunkLineTooLong(limit: 6))
    #expect(verdict(chunked) { $0.trailers = 8 } == nil)
    #expect(verdict(chunked) { $0.trailers = 7 } == .trailersTooLarge(limit: 7))
  }

  @Test("A limit is noticed before the line it is in has ended")
  func unfinishedLines() {
    let long = String(repeating: "a", count: 200)
    #expect(verdict("GET /" + long) { $0.startLine = 100 } == .startLineTooLong(limit: 100))
    #expect(verdict("GET / HTTP/1.1\nA: " + long) { $0.head = 100 } == .headTooLarge(limit: 100))
    let chunked = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
    #expect(verdict(chunked + "1;" + long) { $0.chunkLine = 100 } == .chunkLineTooLong(limit: 100))
    #expect(
      verdict(chunked + "0" + String(repeating: "0", count: 200)) { $0.chunkLine = 100 }
        == .chunkLineTooLong(limit: 100))
    #expect(
      verdict(chunked + "0\nA: " + long) { $0.trailers = 100 } == .trailersTooLarge(limit: 100))
  }

  @Test("As many fields as there may be, and more", arguments: [0, 1, 2, 15, 16, 17, 31, 32, 33])
  func fieldCounts(limit: Int) {
    for count in max(0, limit - 1)...(limit + 2) {
      let lines = (0..<count).map { "a\($0): b\n" }.joined()
      for (end, flaw) in [("\n", nil), ("x y\n\n", ProtocolError.Reason.spaceAroundFieldName)] {
        // A flaw behind the line that is one too many is never seen.
        let expected = count > limit ? .tooManyFields(limit: limit) : flaw
        #expect(verdict("GET / HTTP/1.0\n" + lines + end) { $0.fieldCount = limit } == expected)
        guard limit >= 2 else { continue }
        let chunked = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\na\n0\n"
        #expect(verdict(chunked + lines + end) { $0.fieldCount = limit } == expected)
      }
    }
  }

  @Test("A head behind an empty line, with every limit near its size")
  func emptyLineFirst() {
    let wire = "\nGET /abc HTTP/1.1\nHost: a\nX: yy\n\n"
    let size = [UInt8](wire: wire).count
    for head in Array(0...3) + Array(19...22) + Array((size - 1)...(size + 1)) {
      for startLine in [0, 2, 18, 19, 20, 8192] {
        let reason = verdict(wire) {
          $0.head = head
          $0.startLine = startLine
        }
        #expect((reason == nil) == (head >= size && startLine >= 19), "\(head), \(startLine)")
      }
    }
  }

  @Test("Chunk lines of every shape, with every limit near their size")
  func chunkLines() {
    let lines = [("1\n", true), ("0001\n", true), ("1;a\n", true), ("1 ;a=b;c\n", true)]
    for (line, isValid) in lines + [("1 \n", false), ("g\n", false), ("1;\u{1}\n", false)] {
      for before in ["", "1\nx\n"] {
        for limit in 3...12 {
          let head = "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n"
          let reason = verdict(head + before + line + "y\n0\n\n") { $0.chunkLine = limit }
          let fits = line.utf8.count + 1 <= limit
          #expect((reason == nil) == (isValid && fits), "\(line.debugDescription), \(limit)")
        }
      }
    }
  }

  @Test("What is set beyond the bounds counts as the bound", arguments: [Int.max, Int.min, -2])
  func beyondBounds(value: Int) {
    let chunked = "\nPOST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\na\n0\nA: b\n\n"
    for change in [\Limits.startLine, \.head, \.fieldCount, \.chunkLine, \.trailers] {
      let reason = verdict(chunked) { $0[keyPath: change] = value }
      #expect((reason == nil) == (value > 0))
    }
    var limits = Limits()
    limits.head = .max
    limits.chunkLine = .max
    let bounded = Connection(role: .server, limits: limits).limits
    #expect(bounded.head == 1 << 30)
    #expect(bounded.chunkLine == 4_096)
  }
}
