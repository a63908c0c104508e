// Who may write to a file: one store at a time, in whatever process, and who wants to is told who that is.
//
// SQLite's own locks let programs take turns. So two servers that were started on one file by mistake would share it, each
// waiting for the other now and then, and nobody would notice. Here the second is refused.
//
// The lock is flock(2) on a file beside the database. It is never the database itself that is opened for it: to close a
// descriptor of that would take from this process the locks that SQLite has on it (fcntl(2)). The system gives the lock
// back when the process ends, however it ends; a file that is left then locks nobody out.

import CSQLite
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The right to write to a database, given back when this goes.
final class WriterLock {
  private let path: String
  private let descriptor: Int32

  /// Takes the lock, waiting for it if need be.
  ///
  /// - Parameters:
  ///   - database: Where the database is as SQLite says it, so that all links to it lead to one lock.
  ///   - patience: How long to wait for whoever has it.
  /// - Throws: `.openElsewhere`; `.cannotOpen` if the lock's file cannot be made.
  init(for database: String, waitingFor patience: Duration) throws(StoreError) {
    path = database + "-lock"
    let deadline = MonotonicTime.now() + patience
    while true {
      if let descriptor = try takeLock(at: path, for: database) {
        self.descriptor = descriptor
        break
      }
      guard MonotonicTime.now() < deadline else {
        throw .openElsewhere(path: database, processID: holder(of: path))
      }
      sqlite3_sleep(5)
    }
    pathsHeldHere.withLock { _ = $0.insert(path) }
    writeProcessID(to: descriptor)
  }

  deinit {
    pathsHeldHere.withLock { _ = $0.remove(path) }
    // While it is locked: so it is nobody else's. Whoever has opened it meanwhile will find that it is gone.
    if FileStatus(of: descriptor)?.isSame(as: FileStatus(path)) == true { unsafe unlink(path) }
    close(descriptor)
  }
}

extension SQLiteConnection {
  /// Makes this connection the one that writes, until it is closed.
  ///
  /// - Throws: As ``WriterLock/init(for:waitingFor:)``.
  func takeWriterLock(waitingFor patience: Duration) throws(StoreError) {
    let path = path
    if !path.isEmpty { writerLock = try WriterLock(for: path, waitingFor: patience) }
  }
}

/// The locks of this process. A process id alone does not tell: in another container it may be that of another process.
private let pathsHeldHere = Monitor(Set<String>())

/// - Returns: A descriptor of the file, locked; `nil` if somebody else has locked it.
private func takeLock(at path: String, for database: String) throws(StoreError) -> Int32? {
  let original = FileStatus(database)
  while true {
    let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
    let descriptor = unsafe open(path, flags, original?.permissions ?? 0o600)
    guard descriptor >= 0 else { throw cannotLock(database) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let isTaken = errno == EWOULDBLOCK
      let error = cannotLock(database)
      close(descriptor)
      if isTaken { return nil }
      throw error
    }
    // Whoever had it may have deleted the file between the two: then this locks nothing.
    if let own = FileStatus(of: descriptor), own.isSame(as: FileStatus(path)) {
      if let original { makeOpenable(descriptor, own, as: original) }
      return descriptor
    }
    close(descriptor)
  }
}

private func cannotLock(_ database: String) -> StoreError {
  .cannotOpen(path: database, message: "its lock file cannot be used: \(errorMessage())")
}

/// Lets all who may write to the database use the lock's file too, whatever the umask and whoever we are, as SQLite does
/// with its own files. Where that fails, those have to wait until it is deleted, which is when it is given back.
private func makeOpenable(_ descriptor: Int32, _ own: FileStatus, as original: FileStatus) {
  if own.permissions != original.permissions { fchmod(descriptor, original.permissions) }
  if geteuid() == 0 { fchown(descriptor, original.owner, original.group) }
}

/// A disk that has no room for it is no reason to refuse: the holder then has no name.
private func writeProcessID(to descriptor: Int32) {
  let text = Array("\(getpid())\n".utf8)
  ftruncate(descriptor, 0)
  _ = unsafe text.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
}

/// The process that has written its id there; `nil` if it cannot be told.
private func holder(of path: String) -> Int32? {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 16)
  let count = unsafe bytes.withUnsafeMutableBytes {
    unsafe read(descriptor, $0.baseAddress, $0.count)
  }
  let text = String(
    decoding: bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  guard let id = Int32(text) else { return nil }
  return id != getpid() || pathsHeldHere.withLock { $0.contains(path) } ? id : nil
}
