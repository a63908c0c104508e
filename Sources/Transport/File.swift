// A file that is open to be sent: what it was when it was opened, and its bytes.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A regular file, open to be read.
///
/// It is closed when nobody holds it any more. Several threads may send it at once: it has no position.
public final class File: Sendable {
  /// The path that it was opened by.
  public let path: String
  /// In bytes, when it was opened.
  public let size: Int
  /// When its bytes were last changed, or were said to be: programs that copy files set it.
  public let modified: Time
  /// When anything about it was last changed, its bytes included; nobody but the system sets it.
  public let changed: Time
  /// Tells the files of one file system apart, while they exist.
  public let inode: UInt64

  private let descriptor: FileDescriptor

  /// A moment by the file system's clock.
  public struct Time: Hashable, Sendable {
    /// Whole seconds since the beginning of 1970; negative before.
    public let seconds: Int
    /// Nanoseconds after that, from 0 to 999,999,999.
    public let nanoseconds: Int

    init(_ time: timespec) {
      (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec)
    }
  }

  /// Opens a file.
  ///
  /// - Parameter path: From the working directory if it does not begin with `/`. Symbolic links are followed.
  /// - Throws: ``FileError``; also if there is something else than a regular file.
  public convenience init(_ path: String) throws(FileError) {
    guard !path.utf8.contains(0) else { throw FileError(path: path, .pathContainsNUL) }
    let descriptor = FileDescriptor(try openToRead(path, path: path))
    let status = try status(of: descriptor.number, path)
    try self.init(descriptor, status, path: path)
  }

  /// Takes over what is open already, and has this status.
  init(
    _ descriptor: consuming FileDescriptor, _ status: stat, path: String
  ) throws(FileError) {
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path: path, .notAFile) }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
    inode = UInt64(status.st_ino)
    #if canImport(Darwin)
      (modified, changed) = (Time(status.st_mtimespec), Time(status.st_ctimespec))
    #else
      (modified, changed) = (Time(status.st_mtim), Time(status.st_ctim))
    #endif
  }

  /// Its number, for as long as somebody holds the file.
  var number: Int32 { descriptor.number }

  /// Reads a part of the file.
  ///
  /// - Parameters:
  ///   - range: Which bytes, all of which must be there.
  ///   - output: Gets them at its end; some of them if this throws.
  package func read(_ range: Range<Int>, into output: inout [UInt8]) throws(FileError) {
    guard !range.isEmpty else { return }
    var next = range.lowerBound
    try output.append(addingCapacity: range.count) { (output) throws(FileError) in
      while next < range.upperBound {
        let count = readOnce(from: next, into: &output)
        if count > 0 { next += count }
        if count == 0 { throw FileError(path: path, .endsEarly(at: next)) }
        if count < 0, errno != EINTR { throw FileError(path: path, .cannotRead(code: errno)) }
      }
    }
  }

  /// pread(2) into all the room that there is.
  private func readOnce(from place: Int, into output: inout OutputSpan<UInt8>) -> Int {
    let number = number
    return unsafe output.withUnsafeMutableBufferPointer { room, filled in
      let (start, free) = unsafe (room.baseAddress! + filled, room.count - filled)
      let count = unsafe pread(number, start, free, off_t(place))
      filled += max(0, count)
      return count
    }
  }
}

/// openat(2), without waiting for whoever writes to a pipe of that name.
///
/// - Parameters:
///   - name: From the directory on, or from the working directory.
///   - flags: Further flags.
///   - path: What errors say.
func openToRead(
  _ name: String, below directory: Int32 = AT_FDCWD, flags: Int32 = 0, path: String
) throws(FileError) -> Int32 {
  let flags = flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
  while true {
    let number = unsafe openat(directory, name, flags)
    if number >= 0 { return number }
    switch errno {
    case EINTR: continue
    case ENXIO: throw FileError(path: path, .notAFile)  // a socket, or a device that is not there
    case ELOOP where flags & O_NOFOLLOW != 0: throw FileError(path: path, .symbolicLink)
    case let code: throw FileError(path: path, .cannotOpen(code: code))
    }
  }
}

func status(of number: Int32, _ path: String) throws(FileError) -> stat {
  var status = stat()
  guard unsafe fstat(number, &status) == 0 else {
    throw FileError(path: path, .cannotRead(code: errno))
  }
  return status
}
