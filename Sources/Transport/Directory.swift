// A directory that is open: what is below it can be opened, and nothing else, whatever the path.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A directory, open for the files below it, for paths that others have chosen.
///
/// ```swift
/// let uploads = try Directory("Uploads")
/// let file = try uploads.file([user, name])  // never outside, whatever the names are
/// ```
///
/// It is the same directory for as long as somebody holds it, also if it gets another name or another gets its name. Several
/// threads may use it at once.
public final class Directory: Sendable {
  /// The path that it was opened by.
  public let path: String

  private let descriptor: FileDescriptor

  /// What there is at a path below a directory.
  public enum Found: Sendable {
    /// A file, open.
    case file(File)
    /// A directory.
    case directory
  }

  /// Opens a directory.
  ///
  /// - Parameter path: From the working directory if it does not begin with `/`. Symbolic links are followed.
  /// - Throws: ``FileError``; also if there is something else than a directory.
  public init(_ path: String) throws(FileError) {
    guard !path.utf8.contains(0) else { throw FileError(path: path, .pathContainsNUL) }
    self.path = path
    descriptor = FileDescriptor(try openToRead(path, flags: O_DIRECTORY, path: path))
  }

  /// Opens what is at a path below the directory.
  ///
  /// From name to name, each in the directory that the one before it opened, so that it makes no difference what is moved
  /// meanwhile. Only the names of files and directories lead on: `.` and `..` do not, nor do symbolic links, wherever they
  /// point. Hard links and mounted file systems do: nothing tells them from what else is in a directory.
  ///
  /// - Parameter names: Any text. None at all is the directory itself.
  /// - Throws: ``FileError``; ``FileError/isMissing`` says whether there is neither a file nor a directory.
  public func open(_ names: [String]) throws(FileError) -> Found {
    guard let last = names.last else { return .directory }
    let path = path(names)
    for name in names { try check(name, path) }
    var parent: FileDescriptor?
    for name in names.dropLast() {
      let below = parent?.number ?? descriptor.number
      parent = FileDescriptor(
        try openToRead(name, below: below, flags: O_DIRECTORY | O_NOFOLLOW, path: path))
    }
    let below = parent?.number ?? descriptor.number
    let found = FileDescriptor(try openToRead(last, below: below, flags: O_NOFOLLOW, path: path))
    let status = try status(of: found.number, path)
    if status.st_mode & S_IFMT == S_IFDIR { return .directory }
    return .file(try File(found, status, path: path))
  }

  /// Opens a file below the directory, as ``open(_:)`` does.
  ///
  /// - Parameter names: The names of directories, and that of the file at the end.
  /// - Throws: ``FileError``; also if there is something else than a regular file.
  public func file(_ names: [String]) throws(FileError) -> File {
    switch try open(names) {
    case .file(let file): return file
    case .directory: throw FileError(path: path(names), .notAFile)
    }
  }

  private func path(_ names: [String]) -> String {
    ([path] + names).joined(separator: "/")
  }

  private func check(_ name: String, _ path: String) throws(FileError) {
    // By bytes: in characters a slash may hide behind an accent.
    let bytes = name.utf8
    guard !bytes.contains(0) else { throw FileError(path: path, .pathContainsNUL) }
    guard !["", ".", ".."].contains(name), !bytes.contains(UInt8(ascii: "/")) else {
      throw FileError(path: path, .notAName)
    }
  }
}
