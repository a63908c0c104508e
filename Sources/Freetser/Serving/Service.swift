// What all connections of one server share: the settings, the handler, and the memory that bodies may take.

import Logging
import Synchronization
import Threads

/// Calls the handler.
final class Service: Sendable {
  let configuration: ServerConfiguration
  let bodyBudget: BodyBudget
  let handlerWatch: HandlerWatch
  private let date = HTTPDate()
  /// Whether requests are logged. To ask the logger each time costs more than it seems.
  private let logsRequests: Bool
  /// Whether anybody wants to know of connections and exchanges.
  let isObserved: Bool
  private let listener: ExchangeListener
  /// Whether one of them is to know when a response began, which is a look at the clock each time.
  let needsTimeToResponse: Bool
  private let handler: Handler
  private let heads = Monitor<ResponseHeads?>(nil)
  private let known = Monitor<KnownParts?>(nil)
  private let lastConnection = Atomic(UInt64.random(in: 0..<(1 << 48)))
  private let ready = Atomic(false)

  /// What answers a request, and how it gets the body.
  struct Handler: Sendable {
    let readsBodies: Bool
    let respond: @Sendable (Request, inout RequestBody) throws -> Response

    /// In the request, read before it is called.
    static func whole(_ respond: @escaping @Sendable (Request) throws -> Response) -> Handler {
      Handler(readsBodies: true) { request, _ in try respond(request) }
    }

    /// Beside the request, to read it itself.
    static func streaming(
      _ respond: @escaping @Sendable (Request, inout RequestBody) throws -> Response
    ) -> Handler {
      Handler(readsBodies: false, respond: respond)
    }
  }

  init(configuration: ServerConfiguration, handler: Handler) {
    self.configuration = configuration
    self.handler = handler
    isObserved = !configuration.observers.isEmpty
    listener = configuration.observers.listener
    needsTimeToResponse = configuration.observers.contains { $0.needsTimeToResponse }
    logsRequests = configuration.logger.logLevel <= .debug
    handlerWatch = HandlerWatch(configuration.logger)
    bodyBudget = BodyBudget(limitInBytes: configuration.maximumBufferedBytes)
  }

  /// Logs what happens in the course of things, if that is wanted.
  func debug(_ message: @autoclosure () -> String) {
    if logsRequests { log(message) }
  }

  // Not inlined, as it needs much of the stack, which every connection would then touch.
  @inline(never)
  private func log(_ message: () -> String) {
    configuration.logger.debug("\(message())")
  }

  /// A number that no other connection has, also of the next process.
  func nextConnectionNumber() -> UInt64 {
    lastConnection.wrappingAdd(1, ordering: .relaxed).newValue
  }

  /// What makes the heads of a connection's responses: that of a connection that has ended, if there is one, as the next
  /// one's responses are mostly like its.
  func takeHeads() -> ResponseHeads {
    heads.withLock { $0.take() } ?? ResponseHeads(date)
  }

  /// Keeps them for the next connection.
  func keep(_ used: ResponseHeads) { heads.keep(used) }

  /// The same for what the lines of logs have in common, of which the next connection gets the memory and the time.
  func takeKnownParts() -> KnownParts {
    known.withLock { $0.take() } ?? KnownParts()
  }

  /// Keeps them for the next connection.
  func keep(_ used: KnownParts) { known.keep(used) }

  /// See ``Server/isReady``.
  var isReady: Bool {
    get { ready.load(ordering: .relaxed) }
    set { ready.store(newValue, ordering: .relaxed) }
  }

  /// Whether the handler gets the body in the request.
  var readsBodies: Bool { handler.readsBodies }

  /// Tells whoever observes of an exchange whose request could be read.
  // Inlined, it would have the listener counted up and down by all connections.
  @inline(never)
  func exchangeEnded(
    _ request: Request, _ outcome: Exchange.Outcome, _ known: inout KnownParts,
    _ held: inout HeldLines
  ) {
    listener(request, outcome, &known, &held)
  }

  /// The handler's response.
  ///
  /// - Parameters:
  ///   - request: With its body, if ``readsBodies``.
  ///   - body: What is left of the body.
  func respond(to request: Request, _ body: inout RequestBody) throws -> Response {
    try body.limitHandler()
    return try handler.respond(request, &body)
  }
}

extension Monitor {
  fileprivate func keep<Used>(_ used: Used) where Value == Used? {
    var other: Used? = used
    // What was kept before is let go of without the lock.
    withLock { swap(&$0, &other) }
  }
}
