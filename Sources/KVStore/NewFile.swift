// The file of a new database: nobody but its owner may read it, whatever the umask.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Makes an empty file if there is none. What is in the way, SQLite tells when it opens the file.
///
/// SQLite would make it with 0644 less the umask. The files beside it get its permissions.
func makeFileIfMissing(at path: String) {
  var path = path
  // As many links as the system follows.
  for _ in 0..<40 {
    guard !makeFile(at: path), errno == EEXIST, FileStatus(path) == nil else { return }
    // A link to a file that is not there.
    guard let target = target(ofLink: path) else { return }
    path = target
  }
}

/// Makes a file; false, with `errno`, if it was not made.
private func makeFile(at path: String) -> Bool {
  #if !canImport(Darwin)
    // Without a descriptor. To close one would take the locks from a connection of this process that another thread
    // opens meanwhile. Darwin lets only the superuser do this.
    if unsafe mknod(path, S_IFREG | 0o600, 0) == 0 { return true }
    if errno == EEXIST { return false }
  #endif
  let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
  if descriptor >= 0 { close(descriptor) }
  return descriptor >= 0
}

private func target(ofLink path: String) -> String? {
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = unsafe bytes.withUnsafeMutableBytes { bytes in
    unsafe readlink(path, bytes.bindMemory(to: CChar.self).baseAddress!, bytes.count)
  }
  guard count > 0 else { return nil }
  let target = String(decoding: bytes[..<count], as: UTF8.self)
  return target.hasPrefix("/") ? target : "\(directory(of: path))/\(target)"
}
