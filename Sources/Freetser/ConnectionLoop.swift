// The story of one connection: read, step, handle, write, and again until one end is done.
//
// Requests that are sent ahead are answered one after the other, in order. A small request costs two system calls:
// the receive that brings it and the send that answers it.

import HTTPCore
import HTTPTypes
import Logging
import Threads
import Transport

/// One connection with everything that belongs to it. It belongs to no thread: whoever holds it drives it.
struct ConnectionLoop: ~Copyable {
  private let connection: AcceptedConnection
  private let service: Service
  private var origin: Origin
  private var machine: Connection
  private var input: ReceiveBuffer
  private var inputEnded = false
  /// The body of the request being read.
  private var body: [UInt8] = []
  /// Since when the rest of the head, or of the body, being read is waited for; `nil` while it came at once.
  private var waitBegan: MonotonicTime?
  private var writer: ResponseWriter
  private var requests = 0

  /// Why a connection ends before its time.
  private enum Interruption: Error {
    /// The client broke a rule or a limit: it is told, and the connection closes.
    case refused(Refusal)
    /// There is nobody to be told.
    case lost(TransportError)
  }

  init(_ connection: consuming AcceptedConnection, _ service: Service) {
    origin = Origin(peer: connection.peer)
    self.connection = connection
    self.service = service
    let configuration = service.configuration
    var limits = Limits()
    limits.head = configuration.maximumHeadSize
    machine = Connection(role: .server, limits: limits)
    input = ReceiveBuffer(limitInBytes: max(65_536, limits.head + limits.trailers))
    writer = ResponseWriter()
  }

  /// Serves the connection until it ends. It is closed when this value is dropped.
  mutating func run() {
    let logger = service.configuration.logger
    logger.debug("Connection from \(connection.peer)")
    do throws(Interruption) {
      try learnOrigin()
      while let request = try receiveRequest() {
        guard try answer(request) else { break }
      }
    } catch {
      switch error {
      case .refused(let refusal):
        logger.debug("Refused: \(refusal.status.code) \(refusal.detail ?? "")")
        refuse(refusal)
      case .lost(let error):
        logger.debug("Connection lost: \(error)")
        // What the client does not take must not stay in the system's memory: the close is a reset.
        if error == .timedOut { connection.socket.resetOnClose() }
      }
    }
    logger.debug("Connection closed")
  }

  /// Who speaks, which a proxy may have to tell before anything else.
  private mutating func learnOrigin() throws(Interruption) {
    do throws(TransportError) {
      origin = try Origin(of: connection, service.configuration.proxies, input: &input)
    } catch {
      if case .invalidProxyHeader = error {
        service.configuration.logger.warning("Connection of \(connection.peer) closed: \(error)")
      }
      throw .lost(error)
    }
  }

  // MARK: Reading

  /// The next request with its body, or `nil` when the client has closed or the server is stopping.
  private mutating func receiveRequest() throws(Interruption) -> Request? {
    body = []
    waitBegan = nil
    var head: RequestHead?
    while true {
      switch try step() {
      case .event(.request(let received), _):
        head = received
        waitBegan = nil
        try check(received)
        try sendContinueIfAwaited()
      case .event(.content, _):
        guard body.count <= service.configuration.maximumBodySize else {
          throw .refused(.contentTooLarge(limit: service.configuration.maximumBodySize))
        }
      case .event(.endOfMessage, _):
        return head.map { origin.request($0, body: body, service.configuration) }
      case .event(.connectionClosed, _):
        return nil
      case .event(.response, _), .event(.interimResponse, _), .paused:
        preconditionFailure("a server that has begun an exchange reads a request")
      case .needMoreInput:
        if machine.peerState == .idle, input.isEmpty {
          try receiveFirst()
        } else {
          try receiveMore()
        }
      }
    }
  }

  /// Lets the machine read one event and drops the bytes it took; content goes into `body`.
  private mutating func step() throws(Interruption) -> Step {
    do throws(ProtocolError) {
      let step = try input.withUnread { (unread) throws(ProtocolError) in
        let step = try machine.step(unread, inputEnded: inputEnded)
        if case .event(.content(let range), _) = step {
          body.append(copying: unread.extracting(range))
        }
        return step
      }
      if case .event(_, let consumed) = step { input.consume(consumed) }
      return step
    } catch {
      // A client that leaves in the middle of a message is not told that it did.
      if inputEnded { throw .lost(.peerGone(code: 0)) }
      throw .refused(Refusal(error))
    }
  }

  /// Refuses as soon as the head is there what the body would not make better.
  private func check(_ head: RequestHead) throws(Interruption) {
    let configuration = service.configuration
    guard head.version >= configuration.minimumVersion else {
      throw .refused(.versionNotSupported)
    }
    if let length = machine.declaredLength, length > UInt64(configuration.maximumBodySize) {
      throw .refused(.contentTooLarge(limit: configuration.maximumBodySize))
    }
    guard !machine.clientExpectsOther else { throw .refused(.expectationFailed) }
    // The handler would have to be given the raw connection.
    guard head.method != "CONNECT" else { throw .refused(.notImplemented) }
  }

  /// Sends `100 Continue` to a client that waits for it, unless its body has begun to come anyway.
  private mutating func sendContinueIfAwaited() throws(Interruption) {
    guard machine.clientAwaitsContinue, input.isEmpty else { return }
    do throws(TransportError) {
      try writer.sendContinue(
        through: &machine, to: connection.socket, within: service.configuration.timeouts.send)
    } catch {
      throw .lost(error)
    }
  }

  /// Waits for a request to begin. One that does not is no error: the connection closes.
  ///
  /// How long is told to the listening socket (``ServerConfiguration/Timeouts/keepAlive``), so that it costs no system
  /// call and no look at the clock.
  private mutating func receiveFirst() throws(Interruption) {
    input.giveBackMemory()
    guard connection.markIdle() else {
      inputEnded = true
      return
    }
    do throws(TransportError) {
      inputEnded = try input.receive(from: connection.socket) == 0
    } catch .timedOut {
      inputEnded = true
    } catch {
      throw .lost(error)
    }
    connection.markBusy()
  }

  /// Waits for more of a request that has begun.
  private mutating func receiveMore() throws(Interruption) {
    let deadline = nextDeadline()
    do throws(TransportError) {
      inputEnded = try input.receive(from: connection.socket, by: deadline) == 0
    } catch .timedOut {
      throw .refused(.requestTimeout)
    } catch {
      throw .lost(error)
    }
  }

  /// By when more of the head or the body must come.
  private mutating func nextDeadline() -> MonotonicTime {
    let timeouts = service.configuration.timeouts
    let now = MonotonicTime.now()
    let began = waitBegan ?? now
    waitBegan = began
    // A head that comes byte by byte does not get more time than one that comes whole.
    guard machine.peerState != .idle else { return began + timeouts.head }
    return min(now + timeouts.bodyIdle, began + timeouts.body(havingReceived: body.count))
  }

  // MARK: Answering

  /// Lets the handler answer and sends what it gives.
  ///
  /// - Returns: Whether the connection goes on to the next exchange.
  private mutating func answer(_ request: Request) throws(Interruption) -> Bool {
    var response = service.respond(to: request)
    requests += 1
    let isLast = requests == service.configuration.maximumRequestsPerConnection
    if isLast || connection.isStopping { response.fields[.connection] = "close" }
    do throws(ProtocolError) {
      try writer.prepare(response, through: &machine)
    } catch {
      // Nothing of it was sent, and the machine is as it was: the handler's mistake becomes a 500.
      service.configuration.logger.error(
        "Handler error: \(request.method) \(request.path): the response cannot be sent: \(error)")
      response = Refusal.internalServerError.response
      writer.prepareOwn(response, through: &machine)
    }
    service.configuration.logger.debug(
      "\(request.method) \(request.path) \(response.status.code)")
    do throws(TransportError) {
      try writer.send(to: connection.socket, within: service.configuration.timeouts.send)
    } catch {
      throw .lost(error)
    }
    guard machine.ourState == .done, machine.peerState == .done else {
      linger()
      return false
    }
    startNextExchange(after: request)
    return true
  }

  private mutating func startNextExchange(after request: Request) {
    do throws(ProtocolError) {
      try machine.startNextExchange(reusing: request.head)
    } catch {
      preconditionFailure("both halves are done: \(error)")
    }
  }

  // MARK: Ending

  /// Says why, and closes so that the client gets to read it.
  private mutating func refuse(_ refusal: Refusal) {
    guard machine.ourState == .idle || machine.ourState == .sendResponse else { return }
    var response = refusal.response
    response.fields[.connection] = "close"
    writer.prepareOwn(response, through: &machine)
    do throws(TransportError) {
      try writer.send(to: connection.socket, within: service.configuration.timeouts.send)
      linger()
    } catch {
      connection.socket.resetOnClose()
    }
  }

  /// Ends our half and drops what still comes, until the client ends its half too (RFC 9112 section 9.6).
  ///
  /// Closing while the client still sends, be it a request ahead or a stray CR LF, makes the system answer with a reset,
  /// which destroys what the client has not read yet.
  private mutating func linger() {
    connection.socket.shutdown(.sending)
    // A stop waits only for what is on its way already.
    let isStopping = !connection.markIdle()
    let deadline =
      MonotonicTime.now()
      + (isStopping ? .milliseconds(100) : service.configuration.timeouts.linger)
    do throws(TransportError) {
      // What is there is received after the deadline too: a client that never stops must not stay.
      while .now() < deadline {
        input.consume(input.count)
        if try input.receive(from: connection.socket, by: deadline) == 0 { return }
      }
    } catch {
      // The client is gone, or takes its time: the system delivers what was sent.
    }
  }
}
