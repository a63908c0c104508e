// A file that is being written, and stays only if that is said.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A new file with a name that nobody can guess, which nobody but the program's user may read or write.
///
/// It is deleted with this object unless it is kept.
package final class NewFile {
  /// The path of the directory, and the name.
  package let path: String
  /// How many bytes were written.
  package private(set) var size = 0
  /// `nil` once it is closed.
  private var descriptor: Int32?
  private var isKept = false

  /// Makes a file, empty.
  ///
  /// - Throws: ``FileError``.
  package init(in directory: String) throws(FileError) {
    precondition(!directory.isEmpty, "a directory has a path")
    let name = String(UInt128.random(in: 0...UInt128.max), radix: 36)
    path = directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    guard !path.utf8.contains(0) else { throw FileError(path: path, .pathContainsNUL) }
    repeat {
      let number = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if number >= 0 { descriptor = number }
      if number < 0, errno != EINTR { throw FileError(path: path, .cannotCreate(code: errno)) }
    } while descriptor == nil
  }

  deinit {
    if let descriptor { _ = systemClose(descriptor) }
    if !isKept { unsafe unlink(path) }
  }

  /// Writes bytes behind those that are there.
  ///
  /// - Throws: ``FileError``; some of them may have been written then.
  package func write(_ bytes: Span<UInt8>) throws(FileError) {
    guard let descriptor else { preconditionFailure("what is closed is not written") }
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe systemWrite(descriptor, $0) }
      if count < 0, errno != EINTR { throw FileError(path: path, .cannotWrite(code: errno)) }
      rest = rest.extracting(droppingFirst: max(0, count))
      size += max(0, count)
    }
  }

  /// Closes it: some file systems tell only now that there is no room.
  ///
  /// - Throws: ``FileError``.
  package func close() throws(FileError) {
    guard let descriptor else { return }
    self.descriptor = nil
    // The number is free whatever this says, also after EINTR (close(2)).
    guard systemClose(descriptor) == 0 || errno == EINTR else {
      throw FileError(path: path, .cannotWrite(code: errno))
    }
  }

  /// Lets it stay.
  package func keep() { isKept = true }
}

/// close(2) and write(2), by names that no method here has.
private func systemClose(_ number: Int32) -> Int32 { close(number) }

private func systemWrite(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  unsafe write(number, bytes.baseAddress, bytes.count)
}
