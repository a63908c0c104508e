// Who is at the other end of a Unix domain socket, as the system knows it.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The process at the other end of a Unix domain socket, and for whom it runs.
///
/// The system recorded them when the connection was made, so the peer cannot choose them. The
/// process may have given its end to another since, or have ended: take user and group to decide
/// what a peer may do, and the process's number for logs.
public struct PeerCredentials: Hashable, Sendable {
  /// The process's number; `nil` where the system does not tell, as for a process in a container
  /// that ours cannot see into.
  public var process: Int32?
  /// The number of the effective user.
  public var user: UInt32
  /// The number of the effective group.
  public var group: UInt32

  /// Makes credentials, for tests of what decides by them.
  public init(process: Int32?, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }
}

extension Socket {
  /// Who made the connection to a Unix domain socket; `nil` for TCP.
  ///
  /// - Throws: ``TransportError/systemCall(_:code:)``, ``TransportError/peerGone(code:)``.
  public var peerCredentials: PeerCredentials? {
    get throws(TransportError) {
      guard case .unix = peer else { return nil }
      let number = descriptor.number
      #if canImport(Darwin)
        var (user, group) = (uid_t.max, gid_t.max)
        _ = try retrying("getpeereid") { () in unsafe getpeereid(number, &user, &group) }
        var process: pid_t = 0
        var size = socklen_t(MemoryLayout<pid_t>.size)
        // It fails once the peer has closed, which changes nothing about its user.
        let code = unsafe getsockopt(number, SOL_LOCAL, LOCAL_PEERPID, &process, &size)
        return PeerCredentials(
          process: code == 0 && process > 0 ? process : nil, user: user, group: group)
      #else
        var credentials = ucred()
        var size = socklen_t(MemoryLayout<ucred>.size)
        _ = try retrying("getsockopt SO_PEERCRED") { () in
          unsafe getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
        }
        // unix(7); 0 stands for a process in another process namespace (pid_namespaces(7)).
        return PeerCredentials(
          process: credentials.pid > 0 ? credentials.pid : nil,
          user: credentials.uid, group: credentials.gid)
      #endif
    }
  }
}
