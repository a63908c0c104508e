// Files, read and written without the store.

import Glibc

/// Appends bytes to a file, in one system call, as the last act before a process may die.
func append(_ bytes: [UInt8], to path: String) {
  let fd = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
  precondition(fd >= 0, "cannot open \(path)")
  let written = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(fd, $0.baseAddress, $0.count) }
  precondition(written == bytes.count, "cannot write \(path)")
  Glibc.close(fd)
}

/// The bytes of a file; none if there is no such file.
func contents(of path: String) -> [UInt8] {
  let fd = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard fd >= 0 else { return [] }
  defer { Glibc.close(fd) }
  return readToEnd(of: fd)
}

/// Everything that comes out of a descriptor.
func readToEnd(of fd: Int32) -> [UInt8] {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(fd, $0.baseAddress, $0.count) }
    if count > 0 { bytes += chunk[..<count] }
    if count == 0 || (count < 0 && errno != EINTR) { return bytes }
  }
}

/// The files in a directory that this process has open, as often as it has.
func openFiles(in directory: TemporaryDirectory) -> [String] {
  openDescriptors(in: directory).map(\.path)
}

/// The descriptors that this process has of files in a directory.
func openDescriptors(in directory: TemporaryDirectory) -> [(descriptor: Int32, path: String)] {
  (Int32(0)..<1_000).compactMap { descriptor in
    var target = [CChar](repeating: 0, count: 4096)
    let length = unsafe readlink("/proc/self/fd/\(descriptor)", &target, target.count)
    let path = String(
      decoding: target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.hasPrefix(directory.path + "/") ? (descriptor, path) : nil
  }
}

/// Makes nonsense of all pages of a database but the first ones, which say what tables there are.
func overwritePages(of path: String, from first: Int) {
  let fd = unsafe open(path, O_RDWR | O_CLOEXEC)
  defer { Glibc.close(fd) }
  let size = lseek(fd, 0, SEEK_END)
  let nonsense = [UInt8](repeating: 0xee, count: size - first * 4096)
  let written = unsafe nonsense.withUnsafeBytes {
    unsafe pwrite(fd, $0.baseAddress, $0.count, first * 4096)
  }
  precondition(written == nonsense.count)
}
