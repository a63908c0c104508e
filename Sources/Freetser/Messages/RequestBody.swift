// The body of a request, read when the handler asks for it.

public import HTTPCore
import Threads
import Transport

/// The body of the request being handled, which comes as it is read.
///
/// What is not read is not received either, beyond the 64 KiB that a connection buffers: the client waits. A client that
/// asked first (`Expect: 100-continue`) is told to go on when the handler first reads. What a handler leaves unread is
/// dropped, up to 256 KiB; a connection with more to come is closed.
public struct RequestBody: ~Copyable {
  var raw: RawStream
  var machine: Connection

  /// How many bytes may be read; ``ServerConfiguration/maximumBodySize`` unless the handler sets it before it reads.
  public var limit: Int
  /// How long to wait for the client, in this exchange only; ``ServerConfiguration/timeouts`` unless the handler sets it.
  ///
  /// Those of a body, `send` and `handler` count from here on. The others have no effect on a request that has come.
  public var timeouts: ServerConfiguration.Timeouts {
    didSet {
      hasOwnTimeouts = true
      raw.sendLimit = timeouts.send
      let isAnswering = [.sendResponse, .sendBody].contains(machine.ourState)
      // What cannot be sent is found when the handler next reads or writes.
      if timeouts.handler != oldValue.handler, isAnswering { try? limitHandler() }
    }
  }
  /// Whether the handler has set some.
  private var hasOwnTimeouts = false
  /// How many bytes of the body have been read.
  public private(set) var count = 0
  /// Whether all of it has been read.
  public private(set) var isAtEnd = true
  /// The fields behind a chunked body; empty before its end.
  public private(set) var trailers = Fields()

  /// Why nothing more can be read.
  private(set) var failure: StreamError? { didSet { hasFailed = true } }
  /// Whether there is one: to ask that itself would copy it.
  private var hasFailed = false
  /// Since when the rest of the head is waited for; `nil` while it came at once.
  private var waitBegan: MonotonicTime?
  /// How long the body has been waited for. What the handler does meanwhile is not the client's time.
  private var waited = Duration.zero
  private var hasContent = false
  private var hasBegun = false
  private let handlerTime: HandlerTime
  private let share: BodyShare
  private let service: Service

  /// How much memory a body gets before it has come. In bytes; what is allowed by default.
  private static let reserved: UInt64 = 2_097_152

  /// How much of a body that nobody read is received to keep its connection. In bytes.
  static let drainLimit = 262_144

  init(_ stream: any ServedStream, _ service: Service) {
    self.service = service
    limit = service.configuration.maximumBodySize
    timeouts = service.configuration.timeouts
    var limits = Limits()
    limits.head = service.configuration.maximumHeadSize
    machine = Connection(role: .server, limits: limits)
    raw = RawStream(
      stream, limitInBytes: max(65_536, limits.head + limits.trailers),
      sendLimit: service.configuration.timeouts.send)
    handlerTime = HandlerTime(of: stream, service.handlerWatch)
    share = BodyShare(of: service.bodyBudget)
  }

  /// What the client said that the body has, in bytes; `nil` if it is chunked.
  public var declaredLength: Int? {
    hasContent ? machine.declaredLength.map { Int(clamping: $0) } : 0
  }

  /// The next bytes of the body: as many as are there, or come next.
  ///
  /// - Returns: At least one byte; `nil` at the end.
  /// - Throws: ``StreamError``; again, whenever it is called again.
  public mutating func read() throws(StreamError) -> [UInt8]? {
    guard let piece = try findPiece() else { return nil }
    let bytes = raw.input.withUnread { [UInt8](copying: $0.extracting(piece.range)) }
    raw.input.consume(piece.consumed)
    return bytes
  }

  /// The whole body, or what is left of it.
  ///
  /// It counts towards ``ServerConfiguration/maximumBufferedBytes`` until the response has been sent.
  ///
  /// - Throws: ``StreamError``.
  public mutating func readAll() throws(StreamError) -> [UInt8] {
    var all: [UInt8] = []
    while let piece = try findPiece() {
      try hold(count)
      if all.capacity < count { all.reserveCapacity(room(beyond: count)) }
      raw.input.withUnread { all.append(copying: $0.extracting(piece.range)) }
      raw.input.consume(piece.consumed)
    }
    return all
  }

  /// How large an array becomes that is too small for what has come, unless it is to grow step by step.
  ///
  /// Where the client has not said how much will come, one that has outgrown 64 KiB gets all that it may get unasked: room
  /// that nothing is written to takes addresses and no memory, and to move so large an array again and again costs more than
  /// to receive it.
  private mutating func room(beyond count: Int) -> Int {
    if let declared = machine.declaredLength { return Int(min(declared, Self.reserved)) }
    return count > 65_536 ? min(limit, Int(Self.reserved)) : 0
  }

  /// Counts what is held of the body towards ``ServerConfiguration/maximumBufferedBytes``, so many bytes so far.
  mutating func hold(_ count: Int) throws(StreamError) {
    guard share.cover(count) else { throw fail(.overloaded) }
  }

  /// Whether the client has closed the connection, or at least the half on which it sends.
  ///
  /// A handler that works long may ask now and then, at the price of a system call. Few clients end their half and still
  /// wait for the response, but they may.
  public var clientHasLeft: Bool {
    (try? raw.stream.wait(for: .end, until: raw.stream.now())) ?? true
  }
}

// MARK: Reading

extension RequestBody {
  /// Where in the input the next piece stands, and how many bytes are to be consumed once it has been used; `nil` at the
  /// end of the body.
  private mutating func findPiece() throws(StreamError) -> (range: Range<Int>, consumed: Int)? {
    guard !isAtEnd else { return nil }
    if let failure { throw failure }
    do throws(StreamError) {
      if !hasBegun { try begin() }
      while true {
        switch try step() {
        case .event(.content(let range), let consumed):
          count += range.count
          guard count <= limit else { throw .tooLarge(limitInBytes: limit) }
          return (range, consumed)
        case .event(.endOfMessage(let trailers), let consumed):
          raw.input.consume(consumed)
          end(trailers)
          return nil
        case .needMoreInput:
          try receiveBody()
        case .event, .paused:
          preconditionFailure("a body has content and an end")
        }
      }
    } catch {
      throw fail(error)
    }
  }

  /// Refuses what is too large before any of it comes, and asks for the rest if the client waits for that.
  private mutating func begin() throws(StreamError) {
    hasBegun = true
    if let declared = machine.declaredLength, declared > UInt64(limit) {
      throw .tooLarge(limitInBytes: limit)
    }
    guard awaitsContinue else { return }
    do throws(ProtocolError) {
      // Sent with the next wait.
      try machine.send(.interimResponse(ResponseHead(status: 100)), into: &raw.output)
    } catch {
      preconditionFailure("a client that awaits 100 may get it: \(error)")
    }
  }

  /// Whether the client waits to be told before it sends its body, and has not begun to send it anyway.
  var awaitsContinue: Bool { machine.clientAwaitsContinue && raw.input.isEmpty }

  private mutating func end(_ trailers: Fields) {
    isAtEnd = true
    self.trailers = trailers
  }

  private mutating func fail(_ error: StreamError) -> StreamError {
    failure = error
    return error
  }

  /// Lets the machine read one event. Its bytes are still in the input.
  private mutating func step() throws(StreamError) -> Step {
    do throws(ProtocolError) {
      return try raw.input.withUnread { (unread) throws(ProtocolError) in
        try machine.step(unread, inputEnded: raw.inputEnded)
      }
    } catch {
      throw streamError(error)
    }
  }

  private func streamError(_ error: ProtocolError) -> StreamError {
    // A client that leaves in the middle of a message is not told that it did.
    raw.inputEnded ? .clientGone(.peerGone(code: 0)) : .malformed(error)
  }

  private mutating func receiveMore(by deadline: MonotonicTime) throws(StreamError) {
    try flush()
    do throws(TransportError) {
      try raw.receiveMore(by: deadline)
    } catch .timedOut {
      throw .timedOut
    } catch {
      throw .clientGone(error)
    }
  }

  private mutating func flush() throws(StreamError) {
    do throws(TransportError) {
      try raw.flush()
    } catch {
      throw .clientGone(error)
    }
  }

  private mutating func receiveBody() throws(StreamError) {
    let began = raw.stream.now()
    let left = timeouts.body(havingReceived: count) - waited
    try receiveMore(by: began + min(timeouts.bodyIdle, left))
    waited += raw.stream.now() - began
  }
}

// MARK: From one request to the next

extension RequestBody {
  /// The next request's head, or `nil` when the client has closed or the server is stopping.
  mutating func nextHead() throws(StreamError) -> RequestHead? {
    waitBegan = nil
    while true {
      if let head = try readHead() {
        raw.input.consume(head.length)
        raw.stream.markBusy()
        beginBody()
        return head
      }
      if machine.peerState == .closed { return nil }
      if raw.input.isEmpty {
        guard try receiveFirst() else { return nil }
      } else {
        try receiveMore(by: headDeadline())
      }
    }
  }

  /// The head, if all of it is there.
  private mutating func readHead() throws(StreamError) -> RequestHead? {
    do throws(ProtocolError) {
      return try raw.input.withUnread { (unread) throws(ProtocolError) in
        try machine.readRequest(unread, inputEnded: raw.inputEnded)
      }
    } catch {
      throw streamError(error)
    }
  }

  /// A head that comes byte by byte does not get more time than one that comes whole.
  private mutating func headDeadline() -> MonotonicTime {
    if let waitBegan { return waitBegan + timeouts.head }
    let now = raw.stream.now()
    waitBegan = now
    raw.stream.markNew()
    return now + timeouts.head
  }

  /// Nothing of the last request's body is left to matter for this one's.
  private mutating func beginBody() {
    waitBegan = nil
    waited = .zero
    count = 0
    hasBegun = false
    // Most requests have no body, and nobody shall have to read it.
    isAtEnd = machine.endEmptyMessage()
    hasContent = !isAtEnd
  }

  private mutating func receiveFirst() throws(StreamError) -> Bool {
    do throws(TransportError) {
      return try raw.receiveFirst()
    } catch {
      throw .clientGone(error)
    }
  }

  /// Begins the handler's time, if it is limited.
  mutating func limitHandler() throws(StreamError) {
    // The watch sends its answer at once: nothing may be left that belongs before it.
    if timeouts.handler != nil { try flush() }
    handlerTime.limit(to: timeouts.handler, isHead: machine.isAnsweringHead)
  }

  /// Ends the handler's time, or leaves it what is left of it to write its response.
  ///
  /// - Returns: Whether the client is still to be answered. Otherwise it was told that the handler is overdue.
  func handlerReturned(stillWrites: Bool) -> Bool {
    handlerTime.handlerReturned(stillWrites: stillWrites)
  }

  /// Drops what is left of the body.
  ///
  /// - Returns: Whether that was all; otherwise too much is left, or the client is too slow.
  mutating func drain() -> Bool {
    limit = count + Self.drainLimit
    do throws(StreamError) {
      while let piece = try findPiece() { raw.input.consume(piece.consumed) }
      return true
    } catch {
      return false
    }
  }

  /// Whether the connection cannot go on after this exchange, whatever the response is.
  // Mutating, though it changes nothing: to a method that does not, a value as large as this one is passed as a copy.
  mutating func mustClose() -> Bool {
    // A client that waits to be told to send its body may send it or not, once it has another answer.
    if raw.stream.isStopping || hasFailed || awaitsContinue { return true }
    guard !isAtEnd, let declared = machine.declaredLength else { return false }
    return declared - UInt64(count) > UInt64(Self.drainLimit)
  }

  /// What was held of the body is nobody's any more.
  mutating func giveBack() {
    share.giveBack()
  }

  /// Goes on to the next exchange.
  mutating func startNextExchange() {
    share.giveBack()
    trailers = Fields()
    limit = service.configuration.maximumBodySize
    if hasOwnTimeouts {
      timeouts = service.configuration.timeouts
      hasOwnTimeouts = false
    }
    do throws(ProtocolError) {
      try machine.startNextExchange()
    } catch {
      preconditionFailure("both halves are done: \(error)")
    }
  }
}
