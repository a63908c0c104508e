// How connections are refused: what they are sent, and that it can be read.
//
// A socket that is closed while it holds bytes that nobody received, or to which bytes still come, answers with a
// reset, and a reset can destroy what was sent before. Clients mostly send their request at the same time as they
// are refused. So a refused connection ends our half and is kept for a while, in which its request comes and stays
// unread; then what came is thrown away, and it is closed. Nobody waits for it, and how many are kept is bounded: what
// is promised is a second for each client to read, and less only while more than ``capacity`` a second are refused, and
// at a stop, which waits for none of them.

import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Connections that were refused and are not closed yet, and a descriptor for when there is none left.
///
/// It belongs to one thread that accepts.
struct RefusedConnections: ~Copyable {
  /// How many are kept: each takes a descriptor from those that are served.
  static let capacity = 32
  /// Long enough for a client to read across the world, and for a lost segment to be sent again.
  private static let time: Duration = .seconds(1)

  private let farewell: [UInt8]
  /// The one that was refused first stands first.
  private var kept: [Refused] = []
  /// Given up for a connection to be accepted when there is no other; what is kept serves as well, so that it is
  /// had again only when nothing is kept.
  private var spare: FileDescriptor?

  /// - Parameter farewell: What each is sent; it must fit into a new socket's queue.
  init(farewell: [UInt8]) {
    self.farewell = farewell
  }

  /// When ``closeOld(_:)`` has something to do.
  var deadline: MonotonicTime { kept.first?.end ?? .distantFuture }

  /// Sends the farewell and closes later.
  mutating func add(_ socket: consuming Socket) {
    // It is gone already, or a socket without room for a single message.
    try? socket.send(farewell.span, within: .zero)
    socket.shutdown(.sending)
    if kept.count == Self.capacity { kept.removeFirst() }
    kept.append(Refused(socket, until: .now() + Self.time))
  }

  /// Closes what was kept for long enough, and has a spare descriptor again if it can.
  mutating func closeOld(_ now: MonotonicTime) {
    while let first = kept.first, first.end <= now { kept.removeFirst() }
    if kept.isEmpty, spare == nil { spare = try? makeSocket(family: AF_UNIX) }
  }

  /// Closes something, so that one connection can be accepted.
  ///
  /// - Returns: `false` if there is nothing to close.
  mutating func freeDescriptor() -> Bool {
    if !kept.isEmpty {
      kept.removeFirst()
      return true
    }
    return spare.take() != nil
  }
}

/// One of them; dropping it closes the connection.
private final class Refused: Sendable {
  let end: MonotonicTime
  private let socket: Socket

  init(_ socket: consuming Socket, until end: MonotonicTime) {
    self.socket = socket
    self.end = end
  }

  deinit {
    socket.throwAwayInput()
  }
}

extension Socket {
  /// Receives what is there, as far as it is not more than a request's head has a right to be.
  fileprivate borrowing func throwAwayInput() {
    for _ in 0..<16 {
      let count = unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) {
        unsafe recv(descriptor.number, $0.baseAddress!, $0.count, dontWait)
      }
      if count <= 0 { return }
    }
  }

  /// A second descriptor of the same socket: the connection ends when both are closed.
  borrowing func duplicate() throws(TransportError) -> Socket {
    let number = descriptor.number
    let copy = try retrying("fcntl") { () in fcntl(number, F_DUPFD_CLOEXEC, 0) }
    return Socket(FileDescriptor(copy), peer: peer)
  }
}
