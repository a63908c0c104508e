import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A path in a fresh directory that nobody else uses.
func makeTemporaryPath(in parent: String = "/tmp", suffix: String) throws -> String {
  // mkdtemp(3) replaces the six letters at the end by some that make a new name, and lets nobody else in. In /tmp and not
  // where TMPDIR says, as the path of a socket has room for some hundred bytes only.
  var template = Array("\(parent)/freetser-XXXXXX".utf8CString)
  try #require(unsafe mkdtemp(&template) != nil)
  return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) + "/x"
    + suffix
}
