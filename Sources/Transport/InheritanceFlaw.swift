// What can be wrong with sockets that were passed to this process.

/// Why sockets cannot be taken over from the service manager.
public enum InheritanceFlaw: Hashable, Sendable {
  /// Whoever started the program passed no sockets: LISTEN_FDS is missing, or 0.
  case nothingPassed
  /// They are meant for another process, as LISTEN_PID says: mostly for a shell between the manager and this program,
  /// which should have said `exec`.
  case passedToAnother(process: Int32, this: Int32)
  /// This variable is missing, or is not what sd_listen_fds(3) says that it is.
  case malformedVariable(String)
  /// None of the sockets has this name.
  case noneNamed(String)
  /// The descriptor is not open (`code` is EBADF), so there are fewer than was said, or is no socket (ENOTSOCK).
  case notASocket(descriptor: Int32, code: Int32)
  /// The socket is for datagrams or for sequences of packets.
  case notAStream(descriptor: Int32)
  /// The socket does not listen: it may be a connection, as systemd passes one with `Accept=yes`.
  case notListening(descriptor: Int32)
}

extension InheritanceFlaw: CustomStringConvertible {
  /// A part of a line for a log, beginning in lower case.
  public var description: String {
    switch self {
    case .nothingPassed:
      "LISTEN_FDS says that there are none"
    case .passedToAnother(let process, let this):
      "LISTEN_PID says that they are for process \(process), and this is \(this)"
    case .malformedVariable(let name):
      "the variable \(name) is missing or malformed"
    case .noneNamed(let name):
      "LISTEN_FDNAMES has none named \"\(onOneLine(name))\""
    case .notASocket(let descriptor, let code):
      "descriptor \(descriptor): \(explain(code))"
    case .notAStream(let descriptor):
      "descriptor \(descriptor) is not a stream socket"
    case .notListening(let descriptor):
      "descriptor \(descriptor) is not a listening socket"
    }
  }
}
