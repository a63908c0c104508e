// Owns one descriptor, so that it is closed once, by whoever holds it last.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// An open file descriptor.
///
/// Dropping it closes it.
struct FileDescriptor: ~Copyable, Sendable {
  let number: Int32

  /// Takes over a descriptor that nobody else closes.
  init(_ number: Int32) {
    self.number = number
  }

  // No retry: Linux has freed the number even when close(2) says EINTR, and it may be in use again.
  deinit {
    _ = close(number)
  }

  /// Sets an option that is a C `int`; `optionName` is for the error.
  borrowing func set(
    _ level: Int32, _ option: Int32, to value: Int32, _ optionName: String
  ) throws(TransportError) {
    try set(level, option, to: value, as: optionName)
  }

  /// Sets an option that is a C structure or number; `optionName` is for the error.
  borrowing func set<Value: BitwiseCopyable>(
    _ level: Int32, _ option: Int32, to value: Value, as optionName: String
  ) throws(TransportError) {
    let number = number
    _ = try retrying("setsockopt \(optionName)") { () in
      unsafe withUnsafeBytes(of: value) {
        unsafe setsockopt(number, level, option, $0.baseAddress, socklen_t($0.count))
      }
    }
  }

  /// The value of an option that is a C `int`; `optionName` is for the error.
  borrowing func option(
    _ level: Int32, _ option: Int32, _ optionName: String
  ) throws(TransportError) -> Int32 {
    let number = number
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    _ = try retrying("getsockopt \(optionName)") { () in
      unsafe getsockopt(number, level, option, &value, &size)
    }
    return value
  }

  /// Sets SO_RCVTIMEO; `nil` is no limit.
  borrowing func setReceiveTimeout(_ timeout: Duration?) throws(TransportError) {
    try set(SOL_SOCKET, SO_RCVTIMEO, to: timeValue(timeout), as: "SO_RCVTIMEO")
  }

  /// The address that the socket is bound to.
  borrowing func boundAddress() throws(TransportError) -> Address {
    let number = number
    var name = RawAddress()
    _ = try retrying("getsockname") { () in
      unsafe name.fill { unsafe getsockname(number, $0, $1) }
    }
    guard let address = name.address else {
      throw .systemCall("getsockname", code: EAFNOSUPPORT)
    }
    return address
  }
}

/// Ends one direction, or both, of a connected socket.
///
/// The only error a connected socket can give is ENOTCONN: the peer was faster, and all is done.
func shutDown(_ number: Int32, _ direction: Socket.Direction) {
  switch direction {
  case .receiving: _ = shutdown(number, Int32(SHUT_RD))
  case .sending: _ = shutdown(number, Int32(SHUT_WR))
  case .both: _ = shutdown(number, Int32(SHUT_RDWR))
  }
}

/// A time limit as SO_RCVTIMEO wants it, where zero means none (socket(7)).
func timeValue(_ timeout: Duration?) -> timeval {
  guard let timeout else { return timeval() }
  let microseconds = max(1, timeout.inNanoseconds / 1000)
  return timeval(
    tv_sec: time_t(microseconds / 1_000_000),
    tv_usec: suseconds_t(microseconds % 1_000_000))
}
