// Which exchanges are written down, and where to.

import HTTPCore
import Transport

/// Writes a line for each exchange.
///
/// ```swift
/// configuration.observers.append(AccessLog())
/// ```
///
/// As text a line has the time in UTC, the client, the request line, the status, the bytes of the body, how long it
/// took, where the client came from (`Referer`), its name (`User-Agent`) and the request's id; `-` is for what there is
/// not, and `cut` stands at the end if the response was not given whole. The time is that of the system's last tick,
/// mostly 1 to 4 ms ago.
///
/// ```
/// 2026-11-26T18:16:53.123Z 203.0.113.7 "GET /notes?page=2 HTTP/1.1" 200 5321 1.234ms "-" "curl/8.5.0" 1g2v3k-0
/// ```
///
/// As JSON each line is an object with `time`, `client`, `method`, `target`, `version`, `status`, `bytes`,
/// `milliseconds`, `referer`, `agent`, `request` and `cut`. What there is not is left out.
///
/// Lines about requests that a client has sent ahead of their answers are logged when these are sent, or 64 of them or 16 KiB wait.
///
/// What clients send cannot look like another line, nor like another part of its own: quotes, backslashes and whatever
/// is not printable ASCII are escaped, as `\x0a` in text and as `\u000a` in JSON. Of a method 32 bytes are written, of a
/// target 1,024, of a referer and a name 256 each; `...` says that there was more.
///
/// Nobody waits for a line to be written: they go through a ``LogQueue``, which drops and counts what comes faster than it
/// can be written, and says how many that were in a line of its own, which is always text.
public struct AccessLog: ServerObserver {
  private let format: Format
  private let queue: LogQueue
  private let isSkipped: (@Sendable (Exchange) -> Bool)?

  /// How lines look.
  public enum Format: Sendable {
    /// For people, and much like the logs of other servers.
    case text
    /// For programs.
    case json
  }

  /// A log of accesses.
  ///
  /// - Parameters:
  ///   - format: How lines look.
  ///   - queue: Where they go: to standard output, with the program's other lines, unless said otherwise. Stop another one
  ///     once the server has stopped (``LogQueue/stop(within:)``), so that its last lines are written.
  ///   - isSkipped: Which exchanges are not written down, such as those of a page that load balancers look at.
  public init(
    _ format: Format = .text, to queue: LogQueue = .shared,
    skipping isSkipped: (@Sendable (Exchange) -> Bool)? = nil
  ) {
    self.format = format
    self.queue = queue
    self.isSkipped = isSkipped
  }

  /// Writes the line.
  public func exchangeEnded(_ exchange: Exchange) {
    if let isSkipped, isSkipped(exchange) { return }
    if let request = exchange.request {
      var (known, held) = (KnownParts(), HeldLines())
      queue.append(request, exchange.outcome, &known, &held, as: format)
    } else {
      queue.append(from: exchange.peer, exchange.outcome, as: format)
    }
  }

  /// Writes lines of connections that keep what is known of them. They need no ``Exchange``, unless it has to be asked whether
  /// they are skipped: to make one takes as long as to make a line.
  var listener: ExchangeListener {
    let (queue, format) = (queue, format)
    guard let isSkipped else { return { queue.append($0, $1, &$2, &$3, as: format) } }
    return { request, outcome, known, held in
      if isSkipped(Exchange(request, from: request.peer, outcome)) { return }
      queue.append(request, outcome, &known, &held, as: format)
    }
  }

  /// Whether it matters when a response began: to whoever is asked what to skip.
  var needsTimeToResponse: Bool { isSkipped != nil }
}

extension LogQueue {
  /// Adds the line about an exchange.
  ///
  /// - Parameters:
  ///   - known: What is known of its connection.
  ///   - held: Where it waits if it is about an answer that is gathered.
  fileprivate func append(
    _ request: Request, _ outcome: Exchange.Outcome, _ known: inout KnownParts,
    _ held: inout HeldLines, as format: AccessLog.Format
  ) {
    known.set(request, at: outcome.end, as: format)
    let line = AccessLine(about: request, outcome, as: format)
    let head = request.head.fields.storage.span
    if held.areOpen {
      held.append(upTo: line.room + known.size, for: self) { line.append(of: head, known, to: &$0) }
    } else {
      append(line, of: head, known)
    }
  }

  /// The same for a request that could not be read.
  fileprivate func append(
    from peer: Address, _ outcome: Exchange.Outcome, as format: AccessLog.Format
  ) {
    var known = KnownParts()
    known.set(from: peer, at: outcome.end, as: format)
    let none: [UInt8] = []
    append(AccessLine(outcome, as: format), of: none.span, known)
  }

  @inline(__always)
  private func append(
    _ line: AccessLine, of head: Span<UInt8>, _ known: borrowing KnownParts
  ) {
    guard line.isPlain else { return appendEscaped(line, of: head, known) }
    append(upTo: line.room + known.size) { line.append(of: head, known, to: &$0) }
  }

  /// The same for a line that is not made under the queue's lock, as that takes time.
  // Not inlined, as most lines need none of it.
  @inline(never)
  private func appendEscaped(
    _ line: AccessLine, of head: Span<UInt8>, _ known: borrowing KnownParts
  ) {
    var made: [UInt8] = []
    made.append(addingCapacity: line.room + known.size) {
      line.append(of: head, known, to: &$0)
    }
    append(made.span)
  }
}
