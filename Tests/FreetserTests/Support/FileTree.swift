// A directory of files for one test.

import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Makes a fresh directory with files of these paths and texts, and the directories that they are in.
///
/// - Returns: Its path.
func makeFileTree(_ files: KeyValuePairs<String, String>) throws -> String {
  let base = String(try makeTemporaryPath(suffix: "").dropLast(2))
  for (path, text) in files {
    var directory = base
    for name in path.split(separator: "/").dropLast() {
      directory += "/\(name)"
      try #require(unsafe mkdir(directory, 0o755) == 0 || errno == EEXIST)
    }
    try write(Array(text.utf8), to: "\(base)/\(path)")
  }
  return base
}
