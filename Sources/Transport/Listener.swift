// Binds, listens and accepts, and can be closed while another thread waits in accept.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A socket that listens from the moment it is made until it is closed.
public final class Listener: Sendable {
  /// Where it was asked to listen.
  public let endpoint: Endpoint

  /// Where it listens: with the port that the system chose where the endpoint's is 0.
  public let boundAddress: Address

  // The numbers of what `sockets` owns: open while `use` says that it is not closed, or while an
  // accept is under way.
  private let listening: Int32
  private let wakeUp: Int32
  private let sockets: Handoff<ListeningSocket>
  private let use: Monitor<Use>
  /// Whether other processes may accept from the socket too, and change whether it blocks.
  private let isShared: Bool
  private let options: ListenerOptions
  /// Whether accepted sockets have their timeouts from the listening one.
  private let handsOnTimeouts: Bool
  /// Whether they have the options of TCP from it, or are no TCP sockets.
  private let handsOnOptions: Bool

  private struct Use {
    var isClosed = false
    var accepts = 0
    var deferred: DeferredAccept
  }

  /// Binds to the endpoint and listens, or takes a share of a socket that was inherited.
  ///
  /// A Unix path may hold a socket that nobody listens at, which is replaced.
  ///
  /// - Throws: ``TransportError/addressInUse(_:)``, ``TransportError/cannotListen(on:code:)``,
  ///   ``TransportError/notASocket(path:)``, ``TransportError/pathTooLong(path:limitInBytes:)``,
  ///   ``TransportError/noSuchUser(_:)``, ``TransportError/noSuchGroup(_:)``,
  ///   ``TransportError/unresolvable(host:code:)``, ``TransportError/systemCall(_:code:)``.
  public init(
    _ endpoint: Endpoint, options: ListenerOptions = ListenerOptions()
  ) throws(TransportError) {
    let socket = try ListeningSocket.open(endpoint, options)
    self.endpoint = endpoint
    boundAddress = try socket.descriptor.boundAddress()
    listening = socket.descriptor.number
    wakeUp = socket.wakeUp.reading.number
    sockets = Handoff(socket)
    self.options = options
    let isOwnTCP = if case .tcp = endpoint.place { true } else { false }
    use = Monitor(Use(deferred: DeferredAccept(isAllowed: options.deferAccept && isOwnTCP)))
    if case .inherited(let inherited) = endpoint.place {
      isShared = true
      // A connection has what the listening socket had when it came, which may have been before we set anything.
      handsOnTimeouts = false
      handsOnOptions = inherited.isUnix
    } else {
      isShared = false
      handsOnTimeouts = Transport.handsOnTimeouts(endpoint)
      handsOnOptions = true
    }
  }

  /// Listens on all of the endpoints, or on none.
  ///
  /// - Returns: A listener for each, in their order.
  /// - Throws: As ``init(_:options:)`` for the first that cannot be had; those before it are closed.
  public static func open(
    _ endpoints: [Endpoint], options: ListenerOptions = ListenerOptions()
  ) throws(TransportError) -> [Listener] {
    var listeners: [Listener] = []
    do throws(TransportError) {
      for endpoint in endpoints { listeners.append(try Listener(endpoint, options: options)) }
    } catch {
      for listener in listeners { listener.close() }
      throw error
    }
    return listeners
  }

  /// Waits for the next connection.
  ///
  /// A connection that ended before we came to it is passed over.
  ///
  /// - Returns: The connection, or `nil` once the listener is closed.
  /// - Throws: ``TransportError/systemCall(_:code:)``, mostly for want of descriptors (EMFILE,
  ///   ENFILE) or memory (ENOBUFS, ENOMEM): the connection goes on waiting, so pause before the
  ///   next call.
  public func accept() throws(TransportError) -> Socket? {
    try accept(until: .distantFuture)
  }

  /// The same, for no longer than until the deadline; a connection that waits already is taken however late it is.
  ///
  /// - Throws: ``TransportError/timedOut`` too.
  func accept(until deadline: MonotonicTime) throws(TransportError) -> Socket? {
    guard beginAccept() else { return nil }
    defer { endAccept() }
    var isConnectionThere = false
    while true {
      // systemd makes a socket blocking each time it passes it on, for all who share it. So ask first
      // whether a connection waits: accept(2) then blocks only if another process took it meanwhile,
      // and no longer than the socket's receive timeout.
      if isShared, try !waitForConnection(until: deadline) { return nil }
      switch acceptOne(listening) {
      case .accepted(let descriptor, let name): return socket(descriptor, name)
      case .failed(let code)
      where code == EAGAIN || isWantOfDescriptors(code) && !isConnectionThere:
        // Linux looks for a descriptor first: without one it says so whether there is a connection or not.
        if try !waitForConnection(until: deadline) { return nil }
        isConnectionThere = true
      case .failed(let code) where isAboutOneConnection(code):
        continue
      case .failed(let code):
        throw .systemCall("accept", code: code)
      }
    }
  }

  /// A connection that waits already, for a thread that is done; `nil` if there is none, or none can be had now.
  func acceptWaiting() -> Socket? {
    // Where another process may take the connection first, accept(2) could wait.
    guard !isShared, beginAccept() else { return nil }
    defer { endAccept() }
    guard case .accepted(let descriptor, let name) = acceptOne(listening) else { return nil }
    deferAccept { $0.foundWaiting(.lastTick()) }
    return socket(descriptor, name)
  }

  /// - Returns: `false` once the listener is closed.
  private func beginAccept() -> Bool {
    use.withLock { use in
      if !use.isClosed { use.accepts += 1 }
      return !use.isClosed
    }
  }

  private func endAccept() {
    use.withLock { $0.accepts -= 1 }
    use.wakeAll()
  }

  private func socket(_ descriptor: consuming FileDescriptor, _ name: RawAddress) -> Socket {
    setWhatIsNotHandedOn(descriptor)
    return Socket(descriptor, peer: name.address ?? .unix(path: nil))
  }

  /// Errors are of no interest: the listening socket took the same, and Darwin refuses only what has ended already.
  private func setWhatIsNotHandedOn(_ descriptor: borrowing FileDescriptor) {
    if !handsOnOptions { try? descriptor.apply(options) }
    if !handsOnTimeouts {
      if let timeout = options.receiveTimeout { try? descriptor.setReceiveTimeout(timeout) }
      try? descriptor.setShortSendTimeout()
    }
  }

  /// Changes whether connections are held back, and tells the system.
  ///
  /// Those that are held back already come with their first bytes or within their second.
  @discardableResult
  func deferAccept<Result>(_ change: (inout DeferredAccept) -> Result) -> Result {
    use.withLock { use in
      let wasOn = use.deferred.isOn
      let result = change(&use.deferred)
      let isOn = use.deferred.isOn
      // Under the lock the number stays that of our socket.
      if isOn != wasOn, !use.isClosed { setDeferAccept(listening, isOn) }
      return result
    }
  }

  /// Stops listening: connections that wait to be accepted are reset, those that are held back
  /// (``ListenerOptions/deferAccept``) when their clients send, a waiting ``accept()`` gives `nil`, and a
  /// Unix path is removed if it is still ours.
  ///
  /// An inherited socket goes on listening for the others who share it: what waits to be accepted waits
  /// for them. (So this is no shutdown(2), which would end the socket itself.)
  ///
  /// Further calls do nothing.
  public func close() {
    guard let socket = sockets.take() else { return }
    use.withLock { $0.isClosed = true }
    // poll(2) does not notice a close, and Darwin's accept(2) no shutdown(2): hence the pipe. Nobody
    // reads the byte, so it wakes every thread that waits, also one that is about to.
    socket.wakeUp.signal()
    _ = use.wait { $0.accepts == 0 ? true : nil }
    socket.close()
  }

  /// - Returns: Whether to try again; `false` when ``close()`` was called.
  private func waitForConnection(until deadline: MonotonicTime) throws(TransportError) -> Bool {
    var news = (
      pollfd(fd: listening, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)
    )
    while true {
      // What another thread begins to hold back in this moment is seen to with the next connection.
      let next = min(deadline, endOfHoldingBack())
      let time = milliseconds(until: next)
      let count = try retrying("poll") { () in
        unsafe withUnsafeMutableBytes(of: &news) {
          unsafe poll($0.assumingMemoryBound(to: pollfd.self).baseAddress!, 2, time)
        }
      }
      if count > 0 { return news.1.revents == 0 }
      if time == 0, next == deadline { throw .timedOut }
    }
  }

  /// When connections are to be held back no more, if that is not now.
  private func endOfHoldingBack() -> MonotonicTime {
    deferAccept { deferred in
      deferred.look(.now())
      return deferred.end ?? .distantFuture
    }
  }
}

/// Whether an error of accept(2) says that the process has as many descriptors as it may, or that the whole system has.
func isWantOfDescriptors(_ code: Int32) -> Bool {
  code == EMFILE || code == ENFILE
}

/// Whether sockets accepted from one of ours have SO_RCVTIMEO and SO_SNDTIMEO from it: seen on Linux for TCP, and not
/// for Unix domain sockets.
private func handsOnTimeouts(_ endpoint: Endpoint) -> Bool {
  #if canImport(Darwin)
    return false
  #else
    return if case .tcp = endpoint.place { true } else { false }
  #endif
}

/// Whether an error of accept(2) tells of a connection that is no more, rather than of our socket.
///
/// Linux hands on errors of the network that were pending on the new connection ("Error handling"
/// there); EPERM is a firewall's.
private func isAboutOneConnection(_ code: Int32) -> Bool {
  switch code {
  case EINTR, ECONNABORTED, ECONNRESET, EPROTO, EPERM, ETIMEDOUT, ENOPROTOOPT, EOPNOTSUPP,
    ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH:
    return true
  default:
    #if canImport(Darwin)
      return false
    #else
      return code == ENONET
    #endif
  }
}
