// Everything that can go wrong between us and the system or the peer.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Why a socket could not do what it was asked to.
///
/// A `code` is a value of `errno`. Tell cases apart by matching them, never by their text.
public enum TransportError: Error, Hashable, Sendable {
  // What is large is indirect: each function that an error may pass through has room for it on its stack, several times,
  // and every connection has a stack.

  /// Somebody listens there already.
  indirect case addressInUse(Endpoint)
  /// The system refused to listen there.
  indirect case cannotListen(on: Endpoint, code: Int32)
  /// The path holds something that is not a socket. It was left as it is.
  case notASocket(path: String)
  /// The system has no room for so long a socket path.
  case pathTooLong(path: String, limitInBytes: Int)
  /// The socket path has a character U+0000, at which the system would cut it off.
  case pathContainsNUL(path: String)
  /// There is no user of this name, or with a number that no user can have.
  indirect case noSuchUser(Account)
  /// There is no group of this name, or with a number that no group can have.
  indirect case noSuchGroup(Account)
  /// The service manager did not pass the sockets that were asked for.
  indirect case cannotInherit(InheritanceFlaw)
  /// The host has no address; `code` is a value of `getaddrinfo(3)`, not of `errno`.
  case unresolvable(host: String, code: Int32)
  /// Nobody listens there, or there is no way to reach it.
  // Indirect also as an address is aligned to 16 bytes, and in programs built without optimisation Swift 6.3.1 reads an enum
  // around it that a closure captured as if the stack were, which ends the process.
  indirect case cannotConnect(to: Address, code: Int32)
  /// Nothing could be received or sent in time.
  case timedOut
  /// The peer closed or reset the connection, or stopped answering.
  case peerGone(code: Int32)
  /// A file could not be sent, or not to its end.
  indirect case file(FileError)
  /// The connection does not begin with a PROXY header that is accepted.
  case invalidProxyHeader(ProxyHeaderFlaw)
  /// The buffer holds as many unread bytes as it may.
  case bufferFull(limitInBytes: Int)
  /// The system could not start a thread.
  case cannotStartThread(code: Int32)
  /// Any other failure of a system call.
  case systemCall(String, code: Int32)

  /// What `errno` says after a system call on a connected socket.
  init(systemCall name: String, code: Int32) {
    switch code {
    case EAGAIN, EWOULDBLOCK: self = .timedOut
    // The last three are what keep-alive, the user timeout and routers report (tcp(7), ip(7)).
    case EPIPE, ECONNRESET, ENOTCONN, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH:
      self = .peerGone(code: code)
    default: self = .systemCall(name, code: code)
    }
  }
}

extension TransportError: CustomStringConvertible {
  /// One line for a log, beginning in lower case.
  public var description: String {
    switch self {
    case .addressInUse(let endpoint):
      "cannot listen on \(endpoint): \(explain(EADDRINUSE))"
    case .cannotListen(let endpoint, let code):
      "cannot listen on \(endpoint): \(explain(code))"
    case .notASocket(let path):
      "cannot listen on \(Endpoint.unix(path: path)): the path holds a file that is not a socket"
    case .pathTooLong(let path, let limit):
      "cannot use \(Endpoint.unix(path: path)): a socket path has at most \(limit) bytes"
    case .pathContainsNUL(let path):
      "cannot use \(Endpoint.unix(path: path)): a socket path holds no character U+0000"
    case .noSuchUser(let user):
      "there is no user \(user)"
    case .noSuchGroup(let group):
      "there is no group \(group)"
    case .cannotInherit(let flaw):
      "cannot inherit sockets: \(flaw)"
    case .unresolvable(let host, let code):
      "cannot find the address of \"\(onOneLine(host))\": \(explainResolving(code))"
    case .cannotConnect(let address, let code):
      "cannot connect to \(address): \(explain(code))"
    case .timedOut:
      "timed out"
    case .peerGone(let code):
      "the peer is gone: \(explain(code))"
    case .file(let error):
      "\(error)"
    case .invalidProxyHeader(let flaw):
      "the peer sent \(flaw)"
    case .bufferFull(let limit):
      "the receive buffer holds \(limit) unread bytes, its limit"
    case .cannotStartThread(let code):
      "cannot start a thread: \(explain(code))"
    case .systemCall(let name, let code):
      "\(name): \(explain(code))"
    }
  }
}

/// The system's words for a value of `errno`.
///
/// `strerror` answers known codes from constant texts, so threads do not disturb each other.
func explain(_ code: Int32) -> String {
  unsafe lowerCasedFirst(String(cString: strerror(code)))
}

private func explainResolving(_ code: Int32) -> String {
  unsafe lowerCasedFirst(String(cString: gai_strerror(code)))
}

private func lowerCasedFirst(_ text: String) -> String {
  text.prefix(1).lowercased() + text.dropFirst()
}
