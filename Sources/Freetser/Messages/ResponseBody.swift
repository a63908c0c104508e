// The body of a response, written while it is made.

import HTTPCore
import HTTPTypes
import Threads
public import Transport

/// The body of a response that is being sent (``Response/stream(_:length:status:fields:_:)``).
///
/// What is written is gathered to pieces of 16 KiB; ``flush()`` sends what there is. A client that takes nothing holds the
/// handler up, for no longer than ``ServerConfiguration/Timeouts/send``.
public struct ResponseBody: ~Copyable {
  /// The body of the request, which may be read while the response is written.
  public var request: RequestBody
  /// Whether the end has been said.
  private(set) var hasEnded = false
  /// How many bytes of it were written.
  private(set) var count = 0
  /// Why nothing more can be written.
  private(set) var failure: StreamError?

  /// So much is gathered before it is sent. In bytes.
  private static let gathered = 16_384

  init(_ request: consuming RequestBody) {
    self.request = request
  }

  /// Writes bytes.
  ///
  /// - Throws: ``StreamError/clientGone(_:)``; ``StreamError/unsendable(_:)`` if the response has ended, or is longer
  ///   than was declared. Whatever it was, it is thrown again by whatever is called next.
  public mutating func write(_ bytes: Span<UInt8>) throws(StreamError) {
    guard !bytes.isEmpty else { return }
    try send(.contentFollows(count: bytes.count))
    guard bytes.count < Self.gathered else { return try flush(followedBy: bytes) }
    request.raw.output.append(copying: bytes)
    if request.raw.output.count >= Self.gathered { try flush() }
  }

  /// Writes bytes, as ``write(_:)-(Span<UInt8>)`` does.
  public mutating func write(_ bytes: [UInt8]) throws(StreamError) {
    try write(bytes.span)
  }

  /// Writes text in UTF-8, as ``write(_:)-(Span<UInt8>)`` does.
  public mutating func write(_ text: String) throws(StreamError) {
    try write(Array(text.utf8).span)
  }

  /// Writes a file, or a part of it, which the system sends by itself: it takes no memory, however large it is.
  ///
  /// - Parameters:
  ///   - file: Sent as it is now: a file that has grown meanwhile is not sent beyond the range.
  ///   - range: Which of its bytes, counted from 0; `nil` for as many as it had when it was opened.
  /// - Throws: As ``write(_:)-(Span<UInt8>)`` does; ``StreamError/unreadable(_:)`` if the file cannot be read or has
  ///   become shorter. What was announced of it can then not be kept, and the response is cut.
  public mutating func write(_ file: File, bytes range: Range<Int>? = nil) throws(StreamError) {
    let range = range ?? 0..<file.size
    guard !range.isEmpty else { return }
    try send(.contentFollows(count: range.count))
    // A small file leaves with its head in one system call, and what cannot be read at all is found before anything is
    // sent.
    let first = min(range.count, max(0, Self.gathered - request.raw.output.count))
    let split = range.lowerBound + first
    do throws(FileError) {
      try file.read(range.lowerBound..<split, into: &request.raw.output)
    } catch {
      throw fail(.unreadable(error))
    }
    guard request.raw.output.count >= Self.gathered || split < range.upperBound else { return }
    do throws(TransportError) {
      try request.raw.flush(followedBy: file, split..<range.upperBound)
    } catch .file(let error) {
      throw fail(.unreadable(error))
    } catch {
      throw fail(.clientGone(error))
    }
  }

  /// Sends what was written.
  ///
  /// - Throws: As ``write(_:)-(Span<UInt8>)`` does.
  public mutating func flush() throws(StreamError) {
    try flush(followedBy: Span())
  }

  /// Ends the response with trailers, for clients that read them: those of chunked responses, to HTTP/1.1.
  ///
  /// Without it the response ends when the handler's closure returns.
  ///
  /// - Parameter trailers: Fields behind the body. For clients that get none they are left out.
  /// - Throws: As ``write(_:)-(Span<UInt8>)`` does, and if a trailer may not stand there.
  public mutating func end(trailers: ResponseFields = [:]) throws(StreamError) {
    var sent = Fields()
    do throws(ProtocolError) {
      for (name, value) in trailers.lines where request.machine.sendsTrailers {
        try sent.append(name.rawName, value)
      }
    } catch {
      throw fail(.unsendable(error))
    }
    try send(.endOfMessage(trailers: sent))
    hasEnded = true
  }

  /// What ended a wait.
  public enum WaitEnd: Equatable, Sendable {
    /// The time is over.
    case timeOver
    /// The client has closed the connection, or the half on which it sends.
    case clientLeft
    /// The server is stopping: end the response soon, before it is cut.
    case serverStopping
  }

  /// Sends what was written, and waits, unless there is a reason to end before.
  ///
  /// - Parameter time: How long to wait.
  /// - Throws: As ``write(_:)-(Span<UInt8>)`` does.
  public mutating func wait(for time: Duration) throws(StreamError) -> WaitEnd {
    try flush()
    let stream = request.raw.stream
    // A stop ends the input of whoever waits, and so this wait.
    defer { stream.markBusy() }
    guard stream.markWaiting() else { return .serverStopping }
    do throws(TransportError) {
      let hasEnded = try stream.wait(for: .end, until: stream.now() + time)
      if stream.isStopping { return .serverStopping }
      return hasEnded ? .clientLeft : .timeOver
    } catch {
      throw fail(.clientGone(error))
    }
  }

  /// Whether the server is stopping: end the response soon, before it is cut.
  public var isStopping: Bool { request.raw.stream.isStopping }
}

// What the server does with it, beside.
extension ResponseBody {
  /// A new response begins; nothing is before it.
  mutating func begin() {
    request.raw.hasSent = false
    hasEnded = false
    count = 0
  }

  /// Gathers an event's bytes behind those that are there.
  private mutating func send(_ event: OutgoingEvent) throws(StreamError) {
    if let failure { throw failure }
    do throws(ProtocolError) {
      try request.machine.send(event, into: &request.raw.output)
    } catch {
      throw fail(.unsendable(error))
    }
    if case .contentFollows(let count) = event { self.count += count }
  }

  mutating func flush(followedBy bytes: Span<UInt8>) throws(StreamError) {
    if let failure { throw failure }
    do throws(TransportError) {
      try request.raw.flush(followedBy: bytes)
    } catch {
      throw fail(.clientGone(error))
    }
  }

  private mutating func fail(_ error: StreamError) -> StreamError {
    failure = error
    return error
  }
}
