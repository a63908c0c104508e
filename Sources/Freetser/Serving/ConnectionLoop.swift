// The story of one connection: read, handle, answer, and again until one end is done.
//
// Requests that are sent ahead are answered one after the other, in order. Answers are gathered while the next request is
// there already, and sent before anything is waited for: a small request costs two system calls, the receive that brings
// it and the send that answers it.

import HTTPCore
import Logging
import Transport

/// One connection with everything that belongs to it. It belongs to no thread: whoever holds it drives it.
// All of its methods are mutating, even where they change nothing: to a method that is not, so large a value is passed as a
// copy on the stack.
struct ConnectionLoop: ~Copyable {
  let service: Service
  var exchange: ResponseBody
  var heads: ResponseHeads
  /// How many were answered.
  private(set) var requests = 0
  private let number: UInt64
  /// The exchange that goes on, for those who observe.
  var observation = Observation()

  /// Why a connection ends before its time.
  enum Interruption: Error {
    /// The client broke a rule or a limit, or the server cannot do it: the client is told, and the connection closes.
    case refused(Refusal)
    /// There is nobody to be told.
    case lost(TransportError)
    /// The handler has taken longer than it may, and its client was told.
    case overdue
    /// A response was begun that cannot be ended. `isSilent` if an end of the connection would pass for its end.
    case cut(isSilent: Bool)
  }

  init(_ stream: any ServedStream, _ service: Service) {
    self.service = service
    number = service.nextConnectionNumber()
    heads = service.takeHeads()
    exchange = ResponseBody(RequestBody(stream, service))
  }

  /// Serves the connection until it ends. It is closed when this value is dropped.
  mutating func run() {
    service.debug("Connection from \(exchange.request.raw.stream.peer)")
    if service.isObserved { observeOpening() }
    do throws(Interruption) {
      let origin = try learnOrigin()
      while let head = try nextHead() {
        guard answer(head, from: origin) else { break }
      }
    } catch {
      end(after: error, of: nil)
    }
    // What a client has refused to take for so long must not stay in the system's memory.
    if exchange.request.raw.isStuck { exchange.request.raw.stream.resetOnClose() }
    if heads.areWorthKeeping { service.keep(heads) }
    service.debug("Connection closed")
    if service.isObserved { observeClosing() }
  }

  /// Who speaks, which a proxy may have to tell before anything else.
  private mutating func learnOrigin() throws(Interruption) -> Origin {
    let stream = exchange.request.raw.stream
    do throws(TransportError) {
      return try Origin(
        of: stream, service.configuration.proxies, number: number,
        input: &exchange.request.raw.input)
    } catch {
      if case .invalidProxyHeader = error {
        service.configuration.logger.warning("Connection of \(stream.peer) closed: \(error)")
      }
      throw .lost(error)
    }
  }

  private mutating func nextHead() throws(Interruption) -> RequestHead? {
    do throws(StreamError) {
      if let head = try exchange.request.nextHead() { return head }
    } catch {
      throw Interruption(error)
    }
    if exchange.request.raw.closeMayDestroy { linger() }
    return nil
  }

  /// Answers a request.
  ///
  /// - Returns: Whether the connection goes on to the next exchange.
  private mutating func answer(_ head: consuming RequestHead, from origin: Origin) -> Bool {
    var request = Request(
      head: head, body: [], isServerReady: service.isReady,
      origin: origin.origin(of: head, service), number: requests)
    if service.isObserved { beginObservation() }
    do throws(Interruption) {
      return try answer(&request)
    } catch {
      // Nobody needs it any more, and it is not to be held while the client takes its time.
      request.body = []
      end(after: error, of: request)
      return false
    }
  }

  /// Lets the handler answer and sends what it gives.
  private mutating func answer(_ request: inout Request) throws(Interruption) -> Bool {
    try check(request.version)
    // Of CONNECT more may come whatever it says: what is sent ahead for the tunnel.
    let clientSendsNoMore =
      !exchange.request.machine.isPersistent && !exchange.request.machine.isAnsweringConnect
    if service.readsBodies, !exchange.request.isAtEnd {
      request.body = try receiveBody()
      request.isServerReady = service.isReady
    }
    var response = try respond(to: request)
    requests += 1
    let isLast = requests >= service.configuration.maximumRequestsPerConnection ?? .max
    // What is behind a CONNECT may have been sent ahead for a tunnel, and not for us to read as a request.
    let closes =
      isLast || exchange.request.mustClose() || exchange.request.machine.isAnsweringConnect
    if closes, !response.takesOver { response.sayClose() }
    try send(response, to: request, isLast: closes)
    if !request.body.isEmpty { request.body = [] }
    service.debug("\(request.method) \(request.path) \(response.status.code)")
    if service.isObserved { try endObservation(of: request) }
    if !closes, exchange.request.machine.ourState == .done { _ = exchange.request.drain() }
    guard exchange.request.machine.ourState == .done, exchange.request.machine.peerState == .done
    else {
      leave(clientSendsNoMore: clientSendsNoMore, hasSentLittle: response.isSmall)
      return false
    }
    exchange.request.startNextExchange()
    return true
  }

  /// Refuses as soon as the head is there what the body would not make better.
  private mutating func check(_ version: Version) throws(Interruption) {
    guard version >= service.configuration.minimumVersion else {
      throw .refused(.versionNotSupported)
    }
    guard !exchange.request.machine.clientExpectsOther else { throw .refused(.expectationFailed) }
  }

  /// The body, for a handler that is given it with the request.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private mutating func receiveBody() throws(Interruption) -> [UInt8] {
    do throws(StreamError) {
      return try exchange.request.readAll()
    } catch {
      throw Interruption(error)
    }
  }

  /// The handler's response, or one instead if it throws.
  private mutating func respond(to request: Request) throws(Interruption) -> Response {
    do {
      let response = try service.respond(to: request, &exchange.request)
      if exchange.request.handlerReturned(stillWrites: response.isStream) { return response }
    } catch {
      return try response(insteadOf: error, to: request)
    }
    throw overdue(request)
  }

  /// What the error means to the client, or 500 if that is nobody's business; then the log is told why, the client is not.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private mutating func response(
    insteadOf error: any Error, to request: Request
  ) throws(Interruption) -> Response {
    guard exchange.request.handlerReturned(stillWrites: false) else { throw overdue(request) }
    if let failure = exchange.request.failure { throw Interruption(failure) }
    let answer = ErrorAnswer(to: error, for: request, service.configuration)
    if answer.isFault {
      service.configuration.logger.error(
        "Handler error: \(request.method) \(request.path): \(error)",
        metadata: ["request": "\(request.id)"])
    } else {
      service.debug("\(request.method) \(request.path): \(error)")
    }
    return answer.response
  }

  @inline(never)
  private mutating func overdue(_ request: Request) -> Interruption {
    service.configuration.logger.warning(
      "Handler overdue: \(request.method) \(request.path)", metadata: ["request": "\(request.id)"])
    return .overdue
  }

  // MARK: Ending

  /// Tells the client what can still be told.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private mutating func end(after interruption: Interruption, of request: Request?) {
    // Whoever observes is told of a refusal when it has been sent.
    var isTold = false
    if case .refused(let refusal) = interruption { isTold = refuse(refusal) }
    if service.isObserved { endObservation(of: request, after: interruption) }
    switch interruption {
    case .refused:
      if isTold { linger() }
    case .lost(let error):
      service.debug("Connection lost: \(error)")
    case .overdue:
      linger()
    case .cut(let isSilent):
      service.debug("Response cut")
      if isSilent { exchange.request.raw.stream.resetOnClose() } else { linger() }
    }
  }

  /// Says why.
  ///
  /// - Returns: Whether it could still be said.
  private mutating func refuse(_ refusal: Refusal) -> Bool {
    service.debug("Refused: \(refusal.status.code) \(refusal.detail ?? "")")
    // Before the client hears of it, which may try again at once.
    exchange.request.giveBack()
    guard [.idle, .sendResponse].contains(exchange.request.machine.ourState) else { return false }
    var response = refusal.response
    response.sayClose()
    gatherOwn(response)
    // A client that does not take it, or is gone, is nobody's loss.
    try? exchange.request.raw.flush()
    return true
  }

  /// Sends what was gathered, and ends the connection after its last exchange.
  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private mutating func leave(clientSendsNoMore: Bool, hasSentLittle: Bool) {
    let hasReceivedAll = exchange.request.isAtEnd && exchange.request.raw.input.isEmpty
    // Nothing comes that a close would answer with a reset, and what was sent is little.
    let mayClose =
      clientSendsNoMore && hasReceivedAll && hasSentLittle
      && exchange.request.raw.leavesLittle(isFirst: requests == 1)
    guard mayClose else { return linger() }
    // A client that is gone gets nothing.
    try? exchange.request.raw.flushLast()
  }

  private mutating func linger() {
    // A client that takes its time has had it, and gets what the system has; one that is gone gets nothing.
    try? exchange.request.raw.linger(for: service.configuration.timeouts.linger)
  }
}

extension ConnectionLoop.Interruption {
  /// What is to be done about a body that could not be read.
  init(_ error: StreamError) {
    self =
      switch error {
      case .tooLarge(let limit): .refused(.contentTooLarge(limit: limit))
      case .timedOut: .refused(.requestTimeout)
      case .malformed(let error): .refused(Refusal(error))
      case .overloaded: .refused(.overloaded)
      case .unreadable, .unsendable: .refused(.internalServerError)
      case .clientGone(let error): .lost(error)
      }
  }
}
