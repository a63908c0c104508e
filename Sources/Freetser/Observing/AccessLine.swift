// How a line of the access log looks, whatever its client sent.
//
// First the time; then who asked, what, what came of it, and what else is known of the client. What does not depend on the
// exchange alone is in `KnownParts`.

import HTTPCore
import Threads
import Transport

/// What a line says of a request, besides the known parts.
struct AccessLine {
  private let format: AccessLog.Format
  private let request: RequestPart
  /// What the request's id ends with; `nil` if that is known already, or if there is no id.
  private let number: Int?
  private let status: Int?
  private let bodySize: Int
  private let microseconds: Int
  private let isComplete: Bool

  private enum RequestPart {
    /// Its head could not be read.
    case unread
    /// The request line as it came, which may stand in a line of text as it is.
    case line(Range<Int>)
    /// What is made into parts of a line, always for JSON.
    case parts(method: AccessText, target: AccessText, Version)

    private static let longestMethod = 32
    private static let longestTarget = 1_024

    @inline(__always)
    init(_ head: borrowing RequestHead, for format: AccessLog.Format) {
      let bytes = head.fields.storage.span
      let (method, target) = (head.methodRange, head.targetRange)
      if format == .text, method.count <= Self.longestMethod, target.count <= Self.longestTarget,
        let line = head.lineRange, bytes.isQuotable(line)
      {
        self = .line(line)
      } else {
        self = .parts(
          method: AccessText(bytes, method, atMost: Self.longestMethod),
          target: AccessText(bytes, target, atMost: Self.longestTarget), head.version)
      }
    }

    /// In bytes, at most.
    var room: Int {
      switch self {
      case .unread: 0
      case .line(let line): line.count
      case .parts(let method, let target, _): method.room + target.room
      }
    }
  }

  @inline(__always)
  init(
    about request: borrowing Request, _ outcome: borrowing Exchange.Outcome,
    as format: AccessLog.Format
  ) {
    self.init(RequestPart(request.head, for: format), request.numberInID, outcome, format)
  }

  /// A line about a request that could not be read.
  init(_ outcome: borrowing Exchange.Outcome, as format: AccessLog.Format) {
    self.init(.unread, nil, outcome, format)
  }

  @inline(__always)
  private init(
    _ request: RequestPart, _ number: Int?, _ outcome: borrowing Exchange.Outcome,
    _ format: AccessLog.Format
  ) {
    self.format = format
    self.request = request
    self.number = number
    status = outcome.status?.code
    bodySize = outcome.bodySize
    microseconds = Int(max(0, outcome.duration.inNanoseconds / 1_000))
    isComplete = outcome.isComplete
  }

  /// How much room it takes at most, without the known parts. In bytes.
  var room: Int {
    // What is ours has fewer than 256, with the longest numbers.
    256 + request.room
  }

  /// Whether nothing of it has to be escaped, which takes time and memory.
  var isPlain: Bool {
    switch request {
    case .unread, .line: true
    case .parts(let method, let target, _): method.isQuotable && target.isQuotable
    }
  }

  /// Appends the line.
  ///
  /// - Parameter head: The request's, of which its texts are parts.
  @inline(__always)
  func append(
    of head: Span<UInt8>, _ known: borrowing KnownParts, to line: inout OutputSpan<UInt8>
  ) {
    switch format {
    case .text: appendText(of: head, known, to: &line)
    case .json: appendJSON(of: head, known, to: &line)
    }
  }

  @inline(__always)
  private func appendText(
    of head: Span<UInt8>, _ known: borrowing KnownParts, to line: inout OutputSpan<UInt8>
  ) {
    known.appendBeginning(to: &line)
    switch request {
    case .unread: line.append(literal: "-")
    case .line(let place): line.append(copying: head.extracting(place))
    case .parts(let method, let target, let version):
      line.append(method, of: head, for: .text)
      line.append(literal: " ")
      line.append(target, of: head, for: .text)
      line.append(literal: " HTTP/1.")
      line.append(digit: version.minor)
    }
    line.append(literal: "\" ")
    if let status {
      line.append(threeDigits: status)
    } else {
      line.append(literal: "-")
    }
    line.append(literal: " ")
    line.append(bodySize)
    line.append(literal: " ")
    appendMilliseconds(to: &line)
    known.appendFields(to: &line)
    if let number { line.append(number) }
    line.append(literal: isComplete ? "\n" : " cut\n")
  }

  @inline(never)
  private func appendJSON(
    of head: Span<UInt8>, _ known: borrowing KnownParts, to line: inout OutputSpan<UInt8>
  ) {
    known.appendBeginning(to: &line)
    if case .parts(let method, let target, let version) = request {
      line.append(member: "method", method, of: head)
      line.append(member: "target", target, of: head)
      line.append(literal: ",\"version\":\"HTTP/1.")
      line.append(digit: version.minor)
      line.append(literal: "\"")
    }
    if let status {
      line.append(literal: ",\"status\":")
      line.append(threeDigits: status)
    }
    line.append(literal: ",\"bytes\":")
    line.append(bodySize)
    line.append(literal: ",\"milliseconds\":")
    appendMilliseconds(to: &line)
    known.appendFields(to: &line)
    if let number { line.append(number) }
    if case .parts = request { line.append(literal: "\"") }
    line.append(literal: isComplete ? "}\n" : ",\"cut\":true}\n")
  }

  @inline(__always)
  private func appendMilliseconds(to line: inout OutputSpan<UInt8>) {
    line.append(microseconds / 1_000)
    line.append(literal: ".")
    line.append(threeDigits: microseconds % 1_000)
  }
}
