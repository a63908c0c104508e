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
  /// `nil` if its head could not be read.
  private let request: RequestPart?
  private let status: Int?
  private let bodySize: Int
  private let microseconds: Int
  private let isComplete: Bool

  private struct RequestPart {
    let method: AccessText
    let target: AccessText
    let version: Version
    let number: Int?
  }

  @inline(__always)
  init(
    about request: borrowing Request, _ outcome: borrowing Exchange.Outcome,
    as format: AccessLog.Format
  ) {
    let head = request.head.fields.storage.span
    let part = RequestPart(
      method: AccessText(head, request.head.methodRange, atMost: 32),
      target: AccessText(head, request.head.targetRange, atMost: 1_024),
      version: request.head.version, number: request.numberInID)
    self.init(part, outcome, format)
  }

  /// A line about a request that could not be read.
  init(_ outcome: borrowing Exchange.Outcome, as format: AccessLog.Format) {
    self.init(nil, outcome, format)
  }

  @inline(__always)
  private init(
    _ request: RequestPart?, _ outcome: borrowing Exchange.Outcome, _ format: AccessLog.Format
  ) {
    self.format = format
    self.request = request
    status = outcome.status?.code
    bodySize = outcome.bodySize
    microseconds = Int(max(0, outcome.duration.inNanoseconds / 1_000))
    isComplete = outcome.isComplete
  }

  /// How much room it takes at most, without the known parts. In bytes.
  var room: Int {
    // What is ours has fewer than 256, with the longest numbers.
    256 + (request.map { $0.method.room + $0.target.room } ?? 0)
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
    line.append(copying: known.time.text.span)
    known.appendClient(to: &line)
    if let request {
      line.append(request.method, of: head, for: .text)
      line.append(literal: " ")
      line.append(request.target, of: head, for: .text)
      line.append(literal: " HTTP/1.")
      line.append(digit: request.version.minor)
    } else {
      line.append(literal: "-")
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
    if let number = request?.number { line.append(number) }
    line.append(literal: isComplete ? "\n" : " cut\n")
  }

  @inline(never)
  private func appendJSON(
    of head: Span<UInt8>, _ known: borrowing KnownParts, to line: inout OutputSpan<UInt8>
  ) {
    line.append(literal: "{\"time\":\"")
    line.append(copying: known.time.text.span)
    known.appendClient(to: &line)
    if let request {
      line.append(member: "method", request.method, of: head)
      line.append(member: "target", request.target, of: head)
      line.append(literal: ",\"version\":\"HTTP/1.")
      line.append(digit: request.version.minor)
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
    if let request {
      if let number = request.number { line.append(number) }
      line.append(literal: "\"")
    }
    line.append(literal: isComplete ? "}\n" : ",\"cut\":true}\n")
  }

  @inline(__always)
  private func appendMilliseconds(to line: inout OutputSpan<UInt8>) {
    line.append(microseconds / 1_000)
    line.append(literal: ".")
    line.append(threeDigits: microseconds % 1_000)
  }
}
