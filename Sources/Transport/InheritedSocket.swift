// A listening socket that this process was started with, and what it must be.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A descriptor that listens. It stays open for as long as the process lives.
struct InheritedSocket: Hashable, Sendable {
  private let number: Int32
  let isUnix: Bool
  /// Where it listens. In writing: errors have endpoints in them, and must not be aligned as addresses are.
  let address: String

  /// Checks the descriptor, and has it closed in programs that this process starts.
  ///
  /// - Throws: ``TransportError/cannotInherit(_:)``, ``TransportError/systemCall(_:code:)``.
  init(_ number: Int32) throws(TransportError) {
    let bound: Address
    do throws(TransportError) {
      bound = try listeningAddress(of: number)
    } catch .systemCall(_, let code) where code == EBADF || code == ENOTSOCK {
      throw .cannotInherit(.notASocket(descriptor: number, code: code))
    }
    self.number = number
    isUnix = if case .unix = bound { true } else { false }
    address = bound.description
    _ = try retrying("fcntl") { () in fcntl(number, F_SETFD, FD_CLOEXEC) }
  }

  /// Another descriptor of the same socket, to be closed by whoever asked for it.
  func duplicate() throws(TransportError) -> FileDescriptor {
    try duplicateDescriptor(number)
  }
}

private func listeningAddress(of number: Int32) throws(TransportError) -> Address {
  let socket = try duplicateDescriptor(number)
  guard try socket.option(SOL_SOCKET, SO_TYPE, "SO_TYPE") == streamType else {
    throw .cannotInherit(.notAStream(descriptor: number))
  }
  guard try socket.option(SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN") != 0 else {
    throw .cannotInherit(.notListening(descriptor: number))
  }
  return try socket.boundAddress()
}

private func duplicateDescriptor(_ number: Int32) throws(TransportError) -> FileDescriptor {
  FileDescriptor(try retrying("dup") { () in fcntl(number, F_DUPFD_CLOEXEC, 0) })
}
