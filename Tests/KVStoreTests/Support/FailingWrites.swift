// A disk that takes no more, as SQLite sees it.

import CSQLite
import Glibc

/// Runs `body` while every write of SQLite's, in the whole process, fails with `code`.
///
/// SQLite lets its system calls be replaced for such tests. It writes with one of two calls,
/// depending on how it was built.
func withFailingWrites(_ code: Int32, _ body: () throws -> Void) throws {
  unsafe failure = code
  setWrites(unsafe unsafeBitCast(failingWrite, to: sqlite3_syscall_ptr.self))
  defer { setWrites(nil) }  // back to the system's own
  try body()
}

private typealias Write = @convention(c) (Int32, UnsafeRawPointer?, Int, Int) -> Int

private let failingWrite: Write = { _, _, _, _ in
  errno = unsafe failure
  return -1
}

// For the child processes of exit tests alone, where one thread writes.
nonisolated(unsafe) private var failure: Int32 = 0

private func setWrites(_ call: sqlite3_syscall_ptr?) {
  let system = unsafe sqlite3_vfs_find(nil)!
  for name in ["pwrite", "pwrite64"] {
    _ = unsafe system.pointee.xSetSystemCall(system, name, call)
  }
}
