// The system calls that Linux and Darwin spell differently, and the retry after EINTR.

#if canImport(Darwin)
  import Darwin

  let streamType = SOCK_STREAM
  let datagramType = SOCK_DGRAM
  let tcpLevel = IPPROTO_TCP
  let ipv6Level = IPPROTO_IPV6
  /// Darwin has no such flag: ``prepare(_:)`` sets SO_NOSIGPIPE on each socket instead.
  let noSignal: Int32 = 0
  /// A receive heeds it; a send does not when there is no room: ``prepare(_:)`` sets SO_SNDTIMEO for that.
  let dontWait = MSG_DONTWAIT
#else
  import Glibc

  let streamType = Int32(SOCK_STREAM.rawValue)
  let datagramType = Int32(SOCK_DGRAM.rawValue)
  let tcpLevel = Int32(IPPROTO_TCP)
  let ipv6Level = Int32(IPPROTO_IPV6)
  /// send(2): a peer that is gone gives EPIPE, not a signal that ends the process.
  let noSignal = Int32(MSG_NOSIGNAL)
  /// send(2): EAGAIN instead of a wait.
  let dontWait = Int32(MSG_DONTWAIT)
#endif

/// Makes a system call, again while signals interrupt it.
///
/// - Returns: What the call gave, never negative.
/// - Throws: What `errno` said, in the words of ``TransportError/init(systemCall:code:)``.
@inline(__always)
func retrying<Count: FixedWidthInteger>(
  _ name: @autoclosure () -> String, _ call: () -> Count
) throws(TransportError) -> Count {
  while true {
    let result = call()
    if result >= 0 { return result }
    let code = errno
    if code != EINTR { throw TransportError(systemCall: name(), code: code) }
  }
}

/// A socket, closed in programs that this process may start.
func makeSocket(
  family: Int32, type: Int32 = streamType, nonBlocking: Bool = false
) throws(TransportError) -> FileDescriptor {
  #if canImport(Darwin)
    let descriptor = FileDescriptor(
      try retrying("socket") { () in Darwin.socket(family, type, 0) })
    try prepare(descriptor)
    if nonBlocking { try setNonBlocking(descriptor, true) }
    return descriptor
  #else
    let flags = SOCK_CLOEXEC.rawValue | (nonBlocking ? SOCK_NONBLOCK.rawValue : 0)
    return FileDescriptor(
      try retrying("socket") { () in Glibc.socket(family, type | Int32(flags), 0) })
  #endif
}

/// connect(2): 0, or the value of `errno`.
func connectSocket(_ descriptor: borrowing FileDescriptor, to name: RawAddress) -> Int32 {
  let number = descriptor.number
  return unsafe name.read { unsafe connect(number, $0, $1) } == 0 ? 0 : errno
}

/// bind(2): 0, or the value of `errno`.
func bindSocket(_ descriptor: borrowing FileDescriptor, to name: RawAddress) -> Int32 {
  let number = descriptor.number
  return unsafe name.read { unsafe bind(number, $0, $1) } == 0 ? 0 : errno
}

/// A pipe, closed in programs that this process may start.
struct Pipe: ~Copyable, Sendable {
  let reading: FileDescriptor
  let writing: FileDescriptor

  init() throws(TransportError) {
    var ends: [2 of Int32] = [-1, -1]
    _ = try retrying("pipe") { () in
      unsafe withUnsafeMutableBytes(of: &ends) { raw in
        let numbers = unsafe raw.assumingMemoryBound(to: Int32.self).baseAddress!
        #if canImport(Darwin)
          return unsafe pipe(numbers)
        #else
          return unsafe pipe2(numbers, O_CLOEXEC)
        #endif
      }
    }
    reading = FileDescriptor(ends[0])
    writing = FileDescriptor(ends[1])
    #if canImport(Darwin)
      try setCloseOnExec(reading)
      try setCloseOnExec(writing)
    #endif
  }

  /// Makes the reading end readable.
  ///
  /// Called once, so the pipe is never full.
  borrowing func signal() {
    var byte: UInt8 = 1
    let number = writing.number
    _ = try? retrying("write") { () in unsafe write(number, &byte, 1) }
  }
}

/// Takes one connection that waits, without waiting for one.
///
/// - Returns: A blocking socket, or the value of `errno`.
func acceptOne(_ listening: Int32) -> AcceptResult {
  var name = RawAddress()
  #if canImport(Darwin)
    let number = unsafe name.fill { unsafe accept(listening, $0, $1) }
    guard number >= 0 else { return .failed(code: errno) }
    let descriptor = FileDescriptor(number)
    do throws(TransportError) {
      try prepare(descriptor)
      try setNonBlocking(descriptor, false)  // Darwin hands the listener's mode on
    } catch {
      return .failed(code: ECONNABORTED)  // only a connection that ended already refuses these
    }
    return .accepted(descriptor, name)
  #else
    let number = unsafe name.fill {
      unsafe accept4(listening, $0, $1, Int32(SOCK_CLOEXEC.rawValue))
    }
    guard number >= 0 else { return .failed(code: errno) }
    return .accepted(FileDescriptor(number), name)
  #endif
}

/// What ``acceptOne(_:)`` found.
enum AcceptResult: ~Copyable {
  case accepted(FileDescriptor, RawAddress)
  case failed(code: Int32)
}

#if canImport(Darwin)
  private func prepare(_ descriptor: borrowing FileDescriptor) throws(TransportError) {
    try setCloseOnExec(descriptor)
    try descriptor.set(SOL_SOCKET, SO_NOSIGPIPE, to: 1, "SO_NOSIGPIPE")
    // The shortest there is: a send that finds no room comes back at the next tick.
    try descriptor.set(SOL_SOCKET, SO_SNDTIMEO, to: timeValue(.zero), as: "SO_SNDTIMEO")
  }

  private func setCloseOnExec(_ descriptor: borrowing FileDescriptor) throws(TransportError) {
    let number = descriptor.number
    _ = try retrying("fcntl") { () in fcntl(number, F_SETFD, FD_CLOEXEC) }
  }
#endif

/// Sets O_NONBLOCK, which all copies of the descriptor share, also those in other processes.
func setNonBlocking(
  _ descriptor: borrowing FileDescriptor, _ on: Bool
) throws(TransportError) {
  let number = descriptor.number
  let flags = try retrying("fcntl") { () in fcntl(number, F_GETFL) }
  let wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
  _ = try retrying("fcntl") { () in fcntl(number, F_SETFL, wanted) }
}
