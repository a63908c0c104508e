// Who may connect to a Unix domain socket: its file's permissions and owners.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A user or a group of this machine: `"www-data"` or `33`.
public enum Account: Hashable, Sendable {
  /// By its number, whether anybody has it or not.
  case id(UInt32)
  /// By its name, looked up when the listener opens.
  case name(String)
}

extension Account: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  /// An account by its number.
  public init(integerLiteral id: UInt32) { self = .id(id) }

  /// An account by its name.
  public init(stringLiteral name: String) { self = .name(name) }
}

/// What is asked of a socket file; what is `nil` stays as the system makes it.
struct SocketFileAccess: Hashable, Sendable {
  var permissions: UInt16?
  var user: Account?
  var group: Account?

  /// The same with names looked up, which can fail before anything is made.
  func resolved() throws(TransportError) -> Resolved {
    Resolved(
      permissions: permissions.map { mode_t($0) },
      user: try user.map { (user) throws(TransportError) in try user.userID() },
      group: try group.map { (group) throws(TransportError) in try group.groupID() })
  }

  /// What is asked of a socket file, in the system's terms.
  struct Resolved {
    let permissions: mode_t?
    let user: uid_t?
    let group: gid_t?

    /// Sets the permissions and the owners of the file itself, never of what a link points to.
    ///
    /// The permissions come first: who has given a file away may not be allowed to change them.
    func apply(to path: String) throws(TransportError) {
      if let permissions {
        _ = try retrying("chmod \(onOneLine(path))") { () in
          unsafe fchmodat(AT_FDCWD, path, permissions, AT_SYMLINK_NOFOLLOW)
        }
      }
      if user != nil || group != nil {
        // chown(2): -1 leaves an owner as it is.
        let (user, group) = (user ?? uid_t.max, group ?? gid_t.max)
        _ = try retrying("chown \(onOneLine(path))") { () in
          unsafe fchownat(AT_FDCWD, path, user, group, AT_SYMLINK_NOFOLLOW)
        }
      }
    }

    /// Whether a file is as it was asked to be.
    func holds(for status: stat) -> Bool {
      (permissions ?? status.st_mode & 0o777) == status.st_mode & 0o777
        && (user ?? status.st_uid) == status.st_uid
        && (group ?? status.st_gid) == status.st_gid
    }
  }
}

extension Account {
  /// - Throws: ``TransportError/noSuchUser(_:)``.
  func userID() throws(TransportError) -> uid_t {
    switch self {
    case .id(let id):
      guard id != .max else { throw .noSuchUser(self) }
      return id
    case .name(let name):
      // The system would see the name only up to there.
      guard !name.utf8.contains(0) else { throw .noSuchUser(self) }
      let id = try unsafe lookUp("getpwnam_r") { (room) -> (Int32, uid_t?) in
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        let code = unsafe getpwnam_r(name, &entry, room.baseAddress!, room.count, &found)
        return unsafe (code, found?.pointee.pw_uid)
      }
      guard let id else { throw .noSuchUser(self) }
      return id
    }
  }

  /// - Throws: ``TransportError/noSuchGroup(_:)``.
  func groupID() throws(TransportError) -> gid_t {
    switch self {
    case .id(let id):
      guard id != .max else { throw .noSuchGroup(self) }
      return id
    case .name(let name):
      guard !name.utf8.contains(0) else { throw .noSuchGroup(self) }
      let id = try unsafe lookUp("getgrnam_r") { (room) -> (Int32, gid_t?) in
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        let code = unsafe getgrnam_r(name, &entry, room.baseAddress!, room.count, &found)
        return unsafe (code, found?.pointee.gr_gid)
      }
      guard let id else { throw .noSuchGroup(self) }
      return id
    }
  }
}

extension Account: CustomStringConvertible {
  /// The name, or the number.
  public var description: String {
    switch self {
    case .id(let id): "\(id)"
    case .name(let name): "\"\(onOneLine(name))\""
    }
  }
}

/// Asks one of the databases of getpwnam(3) and getgrnam(3), with more room while it says ERANGE.
///
/// - Returns: What was found; `nil` if there is no such entry.
private func lookUp<ID>(
  _ call: String, _ ask: (UnsafeMutableBufferPointer<CChar>) -> (Int32, ID?)
) throws(TransportError) -> ID? {
  // A group with ten thousand members needs some of the largest; past it something is wrong.
  for size in [1 << 12, 1 << 16, 1 << 20] {
    let (code, id) = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) {
      unsafe ask($0)
    }
    switch code {
    case 0, ENOENT, ESRCH: return id
    case ERANGE: continue
    default: throw .systemCall(call, code: code)
    }
  }
  throw .systemCall(call, code: ERANGE)
}
