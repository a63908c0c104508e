// Waiting for a socket until a deadline, which leaves the socket as it was.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension FileDescriptor {
  /// Waits until a call has a chance, or until nothing more can come of waiting: the next call then tells why.
  ///
  /// - Returns: `false` once the deadline has passed.
  borrowing func wait(
    for readiness: Readiness, until deadline: MonotonicTime
  ) throws(TransportError) -> Bool {
    var wanted = pollfd(fd: number, events: readiness.events, revents: 0)
    while true {
      let time = milliseconds(until: deadline)
      let count = unsafe poll(&wanted, 1, time)
      if count > 0 { return true }
      if count == 0, time == 0 { return false }
      if count < 0, errno != EINTR { throw TransportError(systemCall: "poll", code: errno) }
    }
  }

  /// How many bytes that were sent are still here: the peer's system has not taken them.
  var untaken: Int {
    var count: Int32 = 0
    #if canImport(Darwin)
      var size = socklen_t(MemoryLayout<Int32>.size)
      _ = unsafe getsockopt(number, SOL_SOCKET, SO_NWRITE, &count, &size)
    #else
      _ = unsafe ioctl(number, UInt(TIOCOUTQ), &count)  // SIOCOUTQ, as tcp(7) and unix(7) have it
    #endif
    return Int(count)
  }
}

extension Readiness {
  /// What poll(2) calls it.
  fileprivate var events: Int16 {
    switch self {
    case .receiving: Int16(POLLIN)
    case .sending: Int16(POLLOUT)
    #if canImport(Darwin)
      // poll(2) sets POLLHUP there once the peer has ended its half, asked for or not.
      case .end: 0
    #else
      case .end: Int16(POLLRDHUP)
    #endif
    }
  }
}

/// What is left, as poll(2) wants it: rounded up, so that a wait that is over is not begun again; -1 for
/// ever.
func milliseconds(until deadline: MonotonicTime) -> Int32 {
  if deadline == .distantFuture { return -1 }
  let now = MonotonicTime.now()
  guard now < deadline else { return 0 }
  // A wait of more than 24 days is begun again.
  return Int32(clamping: (deadline.nanoseconds - now.nanoseconds - 1) / 1_000_000 + 1)
}
