// How many connections are served at a time.

/// Limits on connections, for all listeners of one ``ConnectionThreads`` together.
public struct ConnectionLimits: Hashable, Sendable {
  /// How many are served at a time; without end by default.
  ///
  /// When one more comes, the connection that has been idle for longest is ended: it may be for up to 32 that are on
  /// their way out that there are more. If none is idle, the new one is refused. New connections are idle when they are older than
  /// ``ConnectionThreads/Options/newConnectionGrace``.
  public var connections = Int.max

  /// How many are served at a time for one IPv4 address, or for one IPv6 network of 64 bits; `nil` is no limit.
  ///
  /// One more is refused. Unix domain sockets have no address and no such limit.
  public var perAddress: Int?

  /// Peers of whom `perAddress` does not hold, as they bring the connections of many.
  public var exempt = TrustedPeers()

  /// What a refused connection is sent before it is closed; nothing by default.
  ///
  /// It can be read for a second, even by a peer that sends; for less only while more than 32 a second
  /// are refused.
  public var farewell: [UInt8] = []

  /// The defaults.
  public init() {}

  func isLimited(_ peer: Address) -> Bool {
    perAddress != nil && !exempt.contains(peer)
  }
}
