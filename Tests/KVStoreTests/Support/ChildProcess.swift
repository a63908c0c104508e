// Other programs that tests compare with: python3, swiftc.

import Glibc

/// A program on the search path.
struct Tool {
  let path: String

  /// `nil` if the system does not have it.
  init?(_ name: String) {
    let searchPath = unsafe String(cString: getenv("PATH"))
    let candidates = searchPath.split(separator: ":").map { "\($0)/\(name)" }
    guard let path = candidates.first(where: { unsafe access($0, X_OK) == 0 }) else { return nil }
    self.path = path
  }

  static let python = Tool("python3")
  static let swiftc = Tool("swiftc")

  /// Runs it and waits for its end.
  ///
  /// - Returns: Its exit status, or 128 plus the signal that ended it; and all that it printed.
  func run(_ arguments: [String]) -> (status: Int32, output: String) {
    var ends: [Int32] = [0, 0]
    unsafe pipe2(&ends, O_CLOEXEC)
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 2)

    var argv = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe argv.forEach { unsafe free($0) } }
    var child = pid_t()
    let code = unsafe posix_spawn(&child, path, &actions, nil, &argv, environ)
    precondition(code == 0, "cannot start \(path) (errno \(code))")
    close(ends[1])
    let output = readToEnd(of: ends[0])
    close(ends[0])
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
    let exited = status & 0x7f == 0
    return (
      exited ? (status >> 8) & 0xff : 128 + status & 0x7f, String(decoding: output, as: UTF8.self)
    )
  }
}
