// From a handler's response to bytes: all at once, piece by piece, or another protocol's.

import HTTPCore
import HTTPTypes
import Logging
import Transport

extension ConnectionLoop {
  /// Bodies up to so many bytes are copied behind their head, which is cheaper than a second piece of memory in the system
  /// call.
  fileprivate static let copyLimit = 16_384
  /// So many bytes of answers to requests that were sent ahead are gathered before they are sent.
  private static let gatherLimit = 65_536

  /// Sends a response, or gathers it to be sent before the next wait.
  ///
  /// - Parameter isLast: Whether the connection ends with it, as it says already.
  mutating func send(
    _ response: Response, to request: Request, isLast: Bool
  ) throws(Interruption) {
    // RFC 9110 section 9.3.6: what a handler means for a success would be a tunnel.
    if exchange.request.machine.isAnsweringConnect, response.status.kind == .successful,
      !response.takesOver
    {
      throw .refused(.notImplemented)
    }
    switch response.body {
    case .bytes(let bytes): try send(response, bytes.span, to: request, isLast: isLast)
    case .text(let text): try send(response, text.utf8.span, to: request, isLast: isLast)
    case .stream where response.isBodiless:
      try send(response, Span(), to: request, isLast: isLast)
    case .stream(let length, let write):
      try stream(response, length: length, write, to: request)
    case .takeOver(let use): try takeOver(response, use, by: request)
    }
  }

  // MARK: All at once

  private mutating func send(
    _ response: Response, _ body: Span<UInt8>, to request: Request, isLast: Bool
  ) throws(Interruption) {
    let body = response.isBodiless ? Span() : body
    let follows: Bool
    do throws(ProtocolError) {
      follows = try gather(response, body, follows: body.count > Self.copyLimit)
    } catch {
      return gatherInstead(error, of: request, isLast: isLast)
    }
    if follows {
      try flush(followedBy: body)
    } else if exchange.request.raw.output.count > Self.gatherLimit {
      try flush()
    }
  }

  /// Nothing of the response was gathered, and the machine is as it was: the handler's mistake becomes a 500.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private mutating func gatherInstead(
    _ error: ProtocolError, of request: Request, isLast: Bool
  ) {
    log(error, of: request)
    var instead = Refusal.internalServerError.response
    if isLast { instead.sayClose() }
    gatherOwn(instead)
  }

  /// Gathers a response of ours, which is valid whatever the machine's state.
  mutating func gatherOwn(_ response: Response) {
    let body = response.bytes ?? []
    do throws(ProtocolError) {
      _ = try gather(response, body.span, follows: false)
    } catch {
      preconditionFailure("our own response is valid: \(error)")
    }
  }

  /// Gathers a response, but for a body that follows, and moves the machine past it.
  ///
  /// - Returns: Whether the body is to be sent now.
  private mutating func gather(
    _ response: Response, _ body: Span<UInt8>, follows: Bool
  ) throws(ProtocolError) -> Bool {
    // The machine adds the length: so one head does for bodies of all lengths.
    try heads.make(of: response)
    let follows = try exchange.request.machine.send(
      whole: heads.head, content: body, follows: follows, into: &exchange.request.raw.output)
    if service.isObserved { observe(response, bodySize: body.count) }
    return follows
  }

  mutating func flush(followedBy body: Span<UInt8> = Span()) throws(Interruption) {
    do throws(TransportError) {
      try exchange.request.raw.flush(followedBy: body)
    } catch {
      throw .lost(error)
    }
  }

  // MARK: Piece by piece

  /// Lets the handler's closure write the body.
  private mutating func stream(
    _ response: Response, length: Int?, _ write: (inout ResponseBody) throws -> Void,
    to request: Request
  ) throws(Interruption) {
    let before = exchange.request.machine
    try begin(response, length: length, to: request)
    do {
      if !exchange.request.machine.isAnsweringHead { try write(&exchange) }
      if !exchange.hasEnded { try exchange.end() }
      // One that is overdue was cut: what is left of it cannot be sent.
      _ = exchange.request.handlerReturned(stillWrites: false)
    } catch {
      if case .clientGone(let error) = exchange.failure { throw .lost(error) }
      if exchange.request.failure == nil { log(error, of: request) }
      guard !exchange.request.raw.hasSent else {
        throw .cut(isSilent: length == nil && !exchange.request.machine.sendsTrailers)
      }
      // The client has seen nothing of it and can be told.
      exchange.request.raw.output.removeAll()
      exchange.request.machine = before
      throw exchange.request.failure.map { Interruption($0) } ?? .refused(.internalServerError)
    }
  }

  /// Gathers a head alone, so that nothing is before it.
  private mutating func begin(
    _ response: Response, length: Int?, to request: Request
  ) throws(Interruption) {
    try flush()
    exchange.begin()
    let before = exchange.request.machine
    do throws(ProtocolError) {
      try heads.make(of: response, length: length)
      let head = heads.head
      try exchange.request.machine.send(
        head.isInterim ? .interimResponse(head) : .response(head),
        into: &exchange.request.raw.output)
    } catch {
      // The client can be told.
      exchange.request.machine = before
      log(error, of: request)
      throw .refused(.internalServerError)
    }
    if service.isObserved { observe(response, bodySize: nil) }
  }

  // MARK: Another protocol

  /// Lets the handler's closure have the connection, which ends with it.
  private mutating func takeOver(
    _ response: Response, _ use: (inout RawStream) throws -> Void, by request: Request
  ) throws(Interruption) {
    // What is left of the request's body is not the other protocol's.
    if !exchange.request.drain(), let failure = exchange.request.failure {
      throw Interruption(failure)
    }
    let before = exchange.request.machine
    do throws(Interruption) {
      try begin(response, length: nil, to: request)
      guard exchange.request.machine.ourState == .switched else {
        // A success, but not to CONNECT.
        exchange.request.raw.output.removeAll()
        log(ProtocolError(.switchWithoutProposal, by: .us), of: request)
        throw .refused(.internalServerError)
      }
    } catch {
      exchange.request.machine = before
      throw error
    }
    try flush()
    do {
      try use(&exchange.request.raw)
    } catch let error as TransportError {
      throw .lost(error)
    } catch {
      log(error, of: request)
    }
  }

  @inline(never)
  private mutating func log(_ error: any Error, of request: Request) {
    let reason = error is ProtocolError ? "the response cannot be sent: " : ""
    service.configuration.logger.error(
      "Handler error: \(request.method) \(request.path): \(reason)\(error)",
      metadata: ["request": "\(request.id)"])
  }
}

extension Response {
  /// Says that the connection ends with it.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  mutating func sayClose() { fields[.connection] = "close" }

  /// Whether the connection is another protocol's from here on.
  var takesOver: Bool {
    if case .takeOver = body { true } else { false }
  }

  /// Whether the handler goes on to write it.
  var isStream: Bool {
    if case .stream = body { true } else { false }
  }

  /// Whether it is gathered as a whole.
  var isSmall: Bool { size.map { $0 <= ConnectionLoop.copyLimit } ?? false }

  /// Whether no body follows the head: 204 and 304 (RFC 9110 section 15), and 205, which must say so (section 15.3.6).
  var isBodiless: Bool { [204, 205, 304].contains(status.code) }
}
