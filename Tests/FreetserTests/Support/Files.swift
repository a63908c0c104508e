// Files for tests: written, and made shorter or longer.

import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Writes bytes into a file, from a place on; the file is made if it is not there, and has a hole where nothing was
/// written.
func write(_ bytes: [UInt8], to path: String, at place: Int = 0) throws {
  let number = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
  try #require(number >= 0)
  defer { close(number) }
  try #require(unsafe pwrite(number, bytes, bytes.count, off_t(place)) == bytes.count)
}

/// Makes a file so long: shorter, or longer by a hole; one that is not there is all hole.
func setSize(of path: String, to size: Int) throws {
  let number = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
  try #require(number >= 0)
  defer { close(number) }
  try #require(ftruncate(number, off_t(size)) == 0)
}
