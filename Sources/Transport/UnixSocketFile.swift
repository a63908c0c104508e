// The file of a Unix domain socket: who may take a path, and who removes it.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The socket file that a bind of ours made.
struct UnixSocketFile: Sendable {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  /// Remembers the file that has just been bound to.
  init(boundTo path: String) throws(TransportError) {
    let status = try UnixSocketFile.status(of: path)
    self.path = path
    (device, inode) = (status.st_dev, status.st_ino)
  }

  /// Gives the file owners and permissions.
  ///
  /// - Throws: ``TransportError/systemCall(_:code:)``; ESTALE if the path holds another file by now.
  func set(_ access: SocketFileAccess.Resolved) throws(TransportError) {
    try access.apply(to: path)
    let status = try UnixSocketFile.status(of: path)
    guard status.st_dev == device, status.st_ino == inode, access.holds(for: status) else {
      throw .systemCall("set access of \(onOneLine(path))", code: ESTALE)
    }
  }

  /// Removes the file if it is still ours; another server may have put its own there.
  ///
  /// Call it while our socket is open: the system keeps the inode of a bound socket, so that no new
  /// file can have the same number.
  func remove() {
    guard let status = try? UnixSocketFile.status(of: path),
      status.st_dev == device, status.st_ino == inode
    else { return }
    _ = unsafe unlink(path)
  }

  /// Removes a socket file that nobody listens at, and nothing else.
  ///
  /// Call it when a bind said EADDRINUSE. Two servers that start on one stale path within the same
  /// moment may both find it stale; the later bind then has the path. A supervisor that starts one
  /// server at a time rules that out.
  ///
  /// - Throws: ``TransportError/notASocket(path:)``, ``TransportError/addressInUse(_:)``.
  static func removeIfStale(_ path: String) throws(TransportError) {
    do throws(TransportError) {
      guard try status(of: path).st_mode & S_IFMT == S_IFSOCK else {
        throw .notASocket(path: path)
      }
    } catch .systemCall(_, ENOENT) {
      return  // it has just gone
    }
    guard try refusesConnections(path) else { throw .addressInUse(.unix(path: path)) }
    _ = unsafe unlink(path)
  }

  /// Whether the socket at the path belongs to nobody (connect(2): ECONNREFUSED).
  ///
  /// Any other answer is from somebody alive: a full queue, another type of socket, no permission.
  /// (Darwin says ECONNREFUSED for a full queue as well; there a server must keep up to be seen.)
  private static func refusesConnections(_ path: String) throws(TransportError) -> Bool {
    let name = try RawAddress(.unix(path: path))
    let probe = try makeSocket(family: AF_UNIX, nonBlocking: true)
    return connectSocket(probe, to: name) == ECONNREFUSED
  }

  /// The file itself, not what a symbolic link points to.
  private static func status(of path: String) throws(TransportError) -> stat {
    var status = stat()
    _ = try retrying("lstat") { () in unsafe lstat(path, &status) }
    return status
  }
}
