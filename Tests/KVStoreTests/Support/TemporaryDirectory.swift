// A directory that goes away with the test.

import Glibc

/// A new, empty directory, deleted with the files in it when the last reference goes.
///
/// Optimised code lets a local variable go as soon as nobody needs it, though its path may be needed still: where that
/// is so, `withExtendedLifetime` keeps it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    // mkdtemp(3) replaces the six letters at the end by some that make a new name, and lets nobody else in. In /tmp, as a
    // test may compare the path with what SQLite says, which has no links in it.
    var template = Array("/tmp/kvstore-XXXXXX".utf8CString)
    path = unsafe template.withUnsafeMutableBufferPointer { template in
      guard let made = unsafe mkdtemp(template.baseAddress!) else {
        fatalError("no temporary directory (errno \(errno))")
      }
      return unsafe String(cString: made)
    }
  }

  deinit {
    for name in names { unsafe unlink(file(name)) }
    unsafe rmdir(path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// The files in it.
  var names: [String] {
    var names: [String] = []
    guard let directory = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(directory) }
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
