// What the access log keeps of an exchange until its line is written.
//
// To make a line takes as long again as to keep what it is made of: the log's thread does it, hundreds of times one after the
// other, and in nobody's way.

import HTTPCore
import Threads
import Transport

/// What a line of the access log says: numbers, and where its texts stand in the bytes that are kept with it.
struct AccessRecord {
  let format: AccessLog.Format
  /// When the exchange ended: in seconds since 1970, and what is over in milliseconds.
  let end: CivilTime.Moment
  let microseconds: Int
  let bodySize: Int
  let status: Int?
  let isComplete: Bool
  private(set) var client = Client.unknown
  /// `nil` if its head could not be read.
  private(set) var request: RequestPart?

  /// Who asked.
  enum Client {
    case ipv4(SIMD4<UInt8>)
    case other(Text)
    /// What another end of a Unix domain socket calls itself is not worth a word.
    case unknown
  }

  /// What a request says of itself.
  struct RequestPart {
    let method: Text
    let target: Text
    let version: Version
    let referer: Text?
    let agent: Text?
    let id: ID
  }

  /// See ``Request/Identity``.
  enum ID {
    case given(Text)
    case counted(connection: UInt64, number: Int)
  }

  /// A text, or its beginning.
  struct Text {
    private let start: UInt16
    private let end: UInt16
    /// Whether there was more.
    let isCut: Bool

    fileprivate init(_ range: Range<Int>, isCut: Bool) {
      start = UInt16(range.lowerBound)
      end = UInt16(range.upperBound)
      self.isCut = isCut
    }

    var range: Range<Int> { Int(start)..<Int(end) }
  }

  /// How much of a text is kept. In bytes.
  fileprivate enum Limit {
    static var method: Int { 32 }
    static var target: Int { 1_024 }
    static var field: Int { 256 }
    static var head: Int { method + target + 2 * field }
    /// An IPv6 address with the name of an interface has less.
    static var client: Int { 128 }
  }

  /// How many bytes are kept with a record at most.
  static func room(for request: Request) -> Int {
    roomForClient + longestRequestID + min(request.head.length, Limit.head)
  }

  /// The same for one that has no request.
  static var roomForClient: Int { Limit.client }

  init(of outcome: Exchange.Outcome, as format: AccessLog.Format) {
    self.format = format
    end = outcome.end
    microseconds = Int(max(0, outcome.duration.inNanoseconds / 1_000))
    bodySize = outcome.bodySize
    status = outcome.status?.code
    isComplete = outcome.isComplete
  }

  /// Keeps what a request says.
  ///
  /// - Parameter texts: Where its texts go.
  mutating func keep(_ request: Request, _ texts: inout OutputSpan<UInt8>) {
    keep(request.client, &texts)
    self.request = RequestPart(of: request, &texts)
  }

  /// Keeps who asked.
  mutating func keep(_ client: Address, _ texts: inout OutputSpan<UInt8>) {
    switch client {
    case .ipv4(let octets, _): self.client = .ipv4(octets)
    case .ipv6:
      self.client = .other(texts.keep((client.host ?? "").utf8.span, atMost: Limit.client))
    case .unix: self.client = .unknown
    }
  }
}

extension AccessRecord.RequestPart {
  fileprivate init(of request: borrowing Request, _ texts: inout OutputSpan<UInt8>) {
    method = request.head.withMethod { texts.keep($0, atMost: AccessRecord.Limit.method) }
    target = request.head.withTarget { texts.keep($0, atMost: AccessRecord.Limit.target) }
    version = request.version
    referer = request.head.fields.withValue(lowercased: "referer") {
      texts.keep($0, atMost: AccessRecord.Limit.field)
    }
    agent = request.head.fields.withValue(lowercased: "user-agent") {
      texts.keep($0, atMost: AccessRecord.Limit.field)
    }
    switch request.identity {
    case .given(let given):
      id = .given(texts.keep(given.utf8.span, atMost: longestRequestID))
    case .counted(let connection, let number):
      id = .counted(connection: connection, number: number)
    }
  }
}

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func keep(_ text: Span<UInt8>, atMost limit: Int) -> AccessRecord.Text {
    let start = count
    append(copying: text.extracting(first: min(text.count, limit)))
    return AccessRecord.Text(start..<count, isCut: text.count > limit)
  }
}
