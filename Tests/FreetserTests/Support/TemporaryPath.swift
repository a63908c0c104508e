import Testing
import Threads

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A path in a fresh directory that nobody else uses, and that is removed when this process ends.
func makeTemporaryPath(in parent: String = "/tmp", suffix: String) throws -> String {
  // mkdtemp(3) replaces the six letters at the end by some that make a new name, and lets nobody else in. In /tmp and not
  // where TMPDIR says, as the path of a socket has room for some hundred bytes only.
  var template = Array("\(parent)/freetser-XXXXXX".utf8CString)
  try #require(unsafe mkdtemp(&template) != nil)
  let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  temporaryDirectories.withLock { $0.append(directory) }
  return directory + "/x" + suffix
}

private let temporaryDirectories: Monitor<[String]> = {
  atexit { removeAll(temporaryDirectories.withLock { $0 }) }
  return Monitor([])
}()

private func removeAll(_ directories: [String]) {
  var arguments = unsafe (["rm", "-rf"] + directories).map { unsafe strdup($0) } + [nil]
  defer { unsafe arguments.forEach { unsafe free($0) } }
  var id = pid_t()
  if unsafe posix_spawnp(&id, "rm", nil, nil, &arguments, [nil]) == 0 { waitpid(id, nil, 0) }
}
