// Who wants to know what a server does: logs of accesses, counts, status pages.

public import HTTPTypes
public import Transport

/// Is told of connections and exchanges by the server that has it in ``ServerConfiguration/observers``.
///
/// It is called on the connections' threads, many at a time, and holds up the connection until it returns.
public protocol ServerObserver: Sendable {
  /// A connection is served from now on. One that is refused as there are too many is not.
  func connectionOpened(from peer: Address)

  /// A connection has ended.
  func connectionClosed(from peer: Address)

  /// A response was handed to the system, or the exchange came to nothing.
  ///
  /// Answers to requests that a client sent ahead leave together, a little later.
  func exchangeEnded(_ exchange: Exchange)
}

extension ServerObserver {
  /// Does nothing.
  public func connectionOpened(from peer: Address) {}

  /// Does nothing.
  public func connectionClosed(from peer: Address) {}
}

/// A request and what came of it.
public struct Exchange: Sendable {
  /// The request, without its body; `nil` if its head could not be read.
  public let request: Request?
  /// The peer of the connection.
  public let peer: Address
  let outcome: Outcome

  /// What came of a request.
  struct Outcome {
    var status: HTTPResponse.Status?
    var bodySize: Int
    var timeToResponse: Duration?
    var duration: Duration
    var isComplete: Bool
    /// When it ended.
    var end: CivilTime.Moment
  }

  init(_ request: Request?, from peer: Address, _ outcome: Outcome) {
    self.request = request
    self.peer = peer
    self.outcome = outcome
  }

  /// The status of the response; `nil` if there was none.
  public var status: HTTPResponse.Status? { outcome.status }
  /// How many bytes the response's body has. Of one that is not complete: how many were written, of which the client may
  /// have got fewer. What another protocol sends does not count.
  public var bodySize: Int { outcome.bodySize }
  /// From the moment that the request's head was there until its response began; `nil` if none did.
  ///
  /// What a slow client adds to ``duration`` by taking its time is not in it.
  public var timeToResponse: Duration? { outcome.timeToResponse }
  /// From the moment that the request's head was there until its response was handed to the system, or gathered to leave with
  /// that of a request sent ahead; what was taken over ends with the connection.
  public var duration: Duration { outcome.duration }
  /// Whether the response was given whole, as far as can be told at this end.
  public var isComplete: Bool { outcome.isComplete }

  /// The client, as far as its address is known (``Request/client``).
  public var client: Address { request?.client ?? peer }
}
