// A file that gets its name only when it is whole.

import CSQLite

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A new file beside the one it is to become. It is deleted unless it is moved into place.
///
/// Its name begins with that of the other, goes on with a number that nobody else has, and ends in `.partial`.
final class PartialFile {
  let path: String
  private let destination: String
  private let replacing: Bool
  private var isInPlace = false

  /// Makes the file, empty.
  ///
  /// - Parameters:
  ///   - destination: Where it goes.
  ///   - replacing: Whether it may go there where a file is already.
  ///   - source: The database that is copied, whose permissions it gets; empty for one in memory.
  /// - Throws: `.fileExists`; `.cannotOpen` if it cannot be made.
  init(for destination: String, replacing: Bool, source: String) throws(StoreError) {
    self.destination = destination
    self.replacing = replacing
    let number = String(UInt64.random(in: .min ... .max), radix: 16)
    path = "\(destination).\(number).partial"
    let original = FileStatus(source)
    if let existing = FileStatus(destination), !replacing || existing.isSame(as: original) {
      throw .fileExists(path: destination)
    }
    // SQLite would take them for those of the new file.
    for part in ["-wal", "-journal"] where FileStatus(destination + part) != nil {
      throw .fileExists(path: destination + part)
    }
    // It holds what the source does, so nobody else may read it.
    let permissions = original?.permissions ?? 0o600
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
    guard descriptor >= 0 else { throw .cannotOpen(path: path, message: errorMessage()) }
    close(descriptor)
  }

  deinit {
    guard !isInPlace else { return }
    for part in ["", "-wal", "-shm", "-journal"] { unsafe unlink(path + part) }
  }

  /// Brings it to the disk and gives it its name. No connection may have it open any more.
  func moveIntoPlace() throws(StoreError) {
    try sync(path)
    try rename()
    isInPlace = true
    try sync(directory(of: destination))
  }

  private func rename() throws(StoreError) {
    // Unlike rename(2), link(2) replaces nothing; some file systems have none.
    if !replacing, unsafe link(path, destination) == 0 {
      unsafe unlink(path)
    } else if !replacing, errno == EEXIST {
      throw .fileExists(path: destination)
    } else if Self.move(path, destination) != 0 {
      throw .ioError(code: SQLITE_IOERR, message: "cannot rename \(path): \(errorMessage())")
    }
  }

  /// rename(2), by a name that no method here has.
  private static func move(_ path: String, _ destination: String) -> Int32 {
    #if canImport(Darwin)
      unsafe Darwin.rename(path, destination)
    #else
      unsafe Glibc.rename(path, destination)
    #endif
  }
}

/// What the system says of a file.
struct FileStatus {
  private let device: UInt64
  private let number: UInt64
  /// Who may read and write it.
  let permissions: mode_t
  /// Whose it is.
  let owner: uid_t
  /// Its group.
  let group: gid_t
  /// Its length in bytes.
  let size: Int

  /// `nil` if there is no such file.
  ///
  /// It does not open it: to close a database would take the locks of this process's connections from it.
  init?(_ path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  /// The same of a file that is open.
  init?(of descriptor: Int32) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    number = UInt64(status.st_ino)
    permissions = status.st_mode & 0o777
    owner = status.st_uid
    group = status.st_gid
    size = Int(status.st_size)
  }

  /// Whether both are one file, under whatever names.
  func isSame(as other: FileStatus?) -> Bool {
    device == other?.device && number == other?.number
  }
}

/// Waits until the disk has a file, or what is in a directory.
private func sync(_ path: String) throws(StoreError) {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .cannotOpen(path: path, message: errorMessage()) }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else {
    // SQLITE_IOERR_FSYNC and what it means: the disk has not confirmed it.
    throw .ioError(code: SQLITE_IOERR | 4 << 8, message: "cannot sync \(path): \(errorMessage())")
  }
}

func directory(of path: String) -> String {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// What the last system call failed at.
func errorMessage() -> String { unsafe String(cString: strerror(errno)) }
