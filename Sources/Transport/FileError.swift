// What can go wrong with a file that is to be sent, or written.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Why a file could not be opened, read or written.
public struct FileError: Error, Hashable, Sendable {
  /// The path, as it was given.
  public var path: String
  /// What was wrong.
  public var reason: Reason

  /// What was wrong with a file. A `code` is a value of `errno`.
  public enum Reason: Hashable, Sendable {
    /// The path has a character U+0000, at which the system would cut it off.
    case pathContainsNUL
    /// A name in the path is empty, `.` or `..`, or has a slash in it: it is nobody's name in a directory.
    case notAName
    /// There is a symbolic link, where none is followed.
    case symbolicLink
    /// The system did not open it.
    case cannotOpen(code: Int32)
    /// There is something else: a directory, a pipe, a device, a socket.
    case notAFile
    /// The system opened it and does not read it.
    case cannotRead(code: Int32)
    /// It ends before the byte that was wanted next, at this place, counted from 0: it has become shorter.
    case endsEarly(at: Int)
    /// The system did not make it.
    case cannotCreate(code: Int32)
    /// The system made it and does not write all of it: the disk may be full.
    case cannotWrite(code: Int32)
  }

  /// Makes an error, for tests of what handles it.
  public init(path: String, _ reason: Reason) {
    self.path = path
    self.reason = reason
  }

  /// Whether there is no file at the path, as opposed to one that cannot be read.
  public var isMissing: Bool {
    switch reason {
    case .pathContainsNUL, .notAName, .symbolicLink, .notAFile: true
    case .cannotOpen(let code): [ENOENT, ENOTDIR, ENAMETOOLONG].contains(code)
    case .cannotRead, .endsEarly, .cannotCreate, .cannotWrite: false
    }
  }
}

extension FileError: CustomStringConvertible {
  /// One line for a log, beginning in lower case.
  public var description: String {
    let path = onOneLine(path)
    return switch reason {
    case .pathContainsNUL: "cannot open \(path): a path holds no character U+0000"
    case .notAName: "cannot open \(path): a part of it is not the name of a file"
    case .symbolicLink: "cannot open \(path): symbolic links are not followed"
    case .cannotOpen(let code): "cannot open \(path): \(explain(code))"
    case .notAFile: "cannot open \(path): it is not a file"
    case .cannotRead(let code): "cannot read \(path): \(explain(code))"
    case .endsEarly(let place): "cannot read \(path): it has become shorter than \(place + 1) bytes"
    case .cannotCreate(let code): "cannot create \(path): \(explain(code))"
    case .cannotWrite(let code): "cannot write \(path): \(explain(code))"
    }
  }
}
