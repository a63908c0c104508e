// A fresh directory for the sockets and files of one test.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Removed, with all that is in it, when dropped.
struct TemporaryDirectory: ~Copyable {
  let path: String

  init() {
    // mkdtemp(3) replaces the six letters at the end by some that make a new name, and lets nobody else in. In /tmp and not
    // where TMPDIR says, as the path of a socket has room for some hundred bytes only.
    var template = Array("/tmp/freetser-XXXXXX".utf8CString)
    path = unsafe template.withUnsafeMutableBufferPointer {
      unsafe String(cString: mkdtemp($0.baseAddress!)!)
    }
  }

  deinit {
    removeDirectory(path)
  }
}

private func removeDirectory(_ path: String) {
  for name in fileNames(in: path) {
    let path = "\(path)/\(name)"
    if fileType(path) == S_IFDIR { removeDirectory(path) } else { _ = unsafe unlink(path) }
  }
  _ = unsafe rmdir(path)
}

/// The names in a directory, without `.` and `..`, in order.
func fileNames(in directory: String) -> [String] {
  guard let stream = unsafe opendir(directory) else { return [] }
  defer { unsafe closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

/// Whether something is at the path, and of which kind (`S_IFREG`, `S_IFSOCK`).
func fileType(_ path: String) -> mode_t? {
  var status = stat()
  return unsafe lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
}
