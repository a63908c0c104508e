// What a listener asks of the system for itself and for the connections it accepts.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Options of a listener.
///
/// All but the first concern TCP alone.
public struct ListenerOptions: Hashable, Sendable {
  /// How many connections may wait to be accepted; the system may hold it to less (`somaxconn`).
  public var backlog = 1024

  /// Shares the port with other listeners that ask for this too (SO_REUSEPORT); off by default.
  ///
  /// Several processes of one user can then serve one port, and one can be replaced by the next
  /// without a moment in which nobody listens. Linux spreads connections over the listeners, and
  /// resets those that wait at one that closes; Darwin gives them all to one listener. Off, a second
  /// server on a port is an error, which is how one finds a server that was forgotten.
  public var reusePort = false

  /// Sends small responses at once rather than waiting to fill a segment (TCP_NODELAY).
  ///
  /// Without it a response in two sends can wait 40 ms for the client's delayed acknowledgement.
  public var noDelay = true

  /// Finds peers that vanished while nothing was being sent; `nil` does not look.
  public var keepAlive: KeepAlive? = KeepAlive()

  /// How long sent bytes may stay unacknowledged before the connection is given up.
  ///
  /// Counted in milliseconds. Zero leaves it to the system (15 minutes or so), which is also what
  /// happens where TCP_USER_TIMEOUT is missing.
  public var userTimeout: Duration = .seconds(90)

  /// Lets ``ConnectionThreads`` accept connections only when their first bytes have come (TCP_DEFER_ACCEPT),
  /// while clients come and go so fast that threads which are done find the next one waiting; off by default,
  /// as the server speaks first in some protocols.
  ///
  /// The thread that serves a connection then need not sleep before it has read anything. They are no more held
  /// back when a thread has to be started for one, and a second after one was last found waiting.
  ///
  /// Who connects and says nothing meanwhile costs no thread and no descriptor at first, but a place among the
  /// connections that are being made, of which `backlog` bounds the number; after a second or so the
  /// connection is accepted nevertheless. Until then the client takes it for open, and the server does not know
  /// of it: a listener that closes forgets it, and the client finds out when it sends.
  ///
  /// Nothing happens where the system does not have it, as on Darwin. Whether an inherited socket does it
  /// is the manager's affair.
  public var deferAccept = false

  /// What ``Socket/setReceiveTimeout(_:)`` is for each accepted connection from its birth; `nil` waits
  /// for ever. On Unix domain sockets too.
  package var receiveTimeout: Duration?

  /// Probes on quiet connections (SO_KEEPALIVE), all counted in whole seconds, at least one.
  public struct KeepAlive: Hashable, Sendable {
    /// Quiet time before the first probe.
    public var idle: Duration = .seconds(60)
    /// Time between probes.
    public var interval: Duration = .seconds(10)
    /// How many unanswered probes end the connection.
    public var probes = 3

    /// The defaults: the first probe after 60 s, then every 10 s, and the end after three.
    public init() {}
  }

  /// The defaults, which suit a server on any network.
  public init() {}
}

extension FileDescriptor {
  /// Sets the TCP options that concern connections.
  ///
  /// Set on a listening socket, accepted sockets have them from birth, which saves six system calls
  /// per connection.
  borrowing func apply(_ options: ListenerOptions) throws(TransportError) {
    if options.noDelay {
      try set(tcpLevel, TCP_NODELAY, to: 1, "TCP_NODELAY")
    }
    if let keepAlive = options.keepAlive {
      try set(SOL_SOCKET, SO_KEEPALIVE, to: 1, "SO_KEEPALIVE")
      let idle = wholeSeconds(keepAlive.idle)
      #if canImport(Darwin)
        try set(tcpLevel, TCP_KEEPALIVE, to: idle, "TCP_KEEPALIVE")
      #else
        try set(tcpLevel, TCP_KEEPIDLE, to: idle, "TCP_KEEPIDLE")
      #endif
      try set(tcpLevel, TCP_KEEPINTVL, to: wholeSeconds(keepAlive.interval), "TCP_KEEPINTVL")
      try set(tcpLevel, TCP_KEEPCNT, to: Int32(clamping: keepAlive.probes), "TCP_KEEPCNT")
    }
    #if !canImport(Darwin)
      if options.userTimeout > .zero {
        let milliseconds = max(1, options.userTimeout.inNanoseconds / 1_000_000)
        try set(
          tcpLevel, TCP_USER_TIMEOUT, to: Int32(clamping: milliseconds), "TCP_USER_TIMEOUT")
      }
    #endif
  }
}

private func wholeSeconds(_ duration: Duration) -> Int32 {
  Int32(clamping: max(1, duration.components.seconds))
}

/// Has the system hold connections back until their first bytes come, or not any more.
///
/// Where it does not know that, nothing is lost but time.
func setDeferAccept(_ listening: Int32, _ isOn: Bool) {
  #if !canImport(Darwin)
    // So many seconds become a number of timeouts of the answer to a SYN: after the first one, of a second, Linux answers once
    // more, and accepts the connection when the client confirms that.
    var seconds: Int32 = isOn ? 1 : 0
    _ = unsafe setsockopt(
      listening, tcpLevel, TCP_DEFER_ACCEPT, &seconds, socklen_t(MemoryLayout<Int32>.size))
  #endif
}
