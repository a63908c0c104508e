// What may be opened to be sent, and what is known of it.

import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct FileTests {
  @Test("a file tells what fstat tells, and is closed in other programs")
  func facts() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/file"
    try write(pattern(1000), to: path)
    var times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: -5, tv_nsec: 123_456_789)]
    try #require(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
    var status = stat()
    try #require(unsafe lstat(path, &status) == 0)
    let file = try File(path)
    #expect(file.path == path)
    #expect(file.size == 1000)
    #expect(file.modified == File.Time(timespec(tv_sec: -5, tv_nsec: 123_456_789)))
    #expect(file.inode == UInt64(status.st_ino))
    #if !canImport(Darwin)
      #expect(file.changed == File.Time(status.st_ctim))
    #endif
    #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
  }

  @Test("a link is followed")
  func link() throws {
    let directory = TemporaryDirectory()
    try write(pattern(10), to: "\(directory.path)/file")
    try #require(unsafe symlink("file", "\(directory.path)/link") == 0)
    let file = try File("\(directory.path)/link")
    #expect(file.size == 10)
  }

  @Test("what is no file is refused, with its path and the reason, and nobody waits for it")
  func refusals() throws {
    let directory = TemporaryDirectory()
    let base = directory.path
    try write([], to: "\(base)/file")
    try #require(unsafe mkfifo("\(base)/pipe", 0o600) == 0)
    try #require(unsafe symlink("loop", "\(base)/loop") == 0)
    let listener = try Listener(.unix(path: "\(base)/socket"))
    defer { listener.close() }
    let long = String(repeating: "x", count: 300)
    let rows: [(path: String, reason: FileError.Reason, isMissing: Bool, text: String)] = [
      ("\(base)/none", .cannotOpen(code: ENOENT), true, "no such file or directory"),
      ("", .cannotOpen(code: ENOENT), true, "no such file or directory"),
      ("\(base)/file/x", .cannotOpen(code: ENOTDIR), true, "not a directory"),
      ("\(base)/\(long)", .cannotOpen(code: ENAMETOOLONG), true, "file name too long"),
      ("\(base)/loop", .cannotOpen(code: ELOOP), false, "too many levels of symbolic links"),
      (base, .notAFile, true, "it is not a file"),
      ("\(base)/pipe", .notAFile, true, "it is not a file"),
      ("\(base)/socket", .notAFile, true, "it is not a file"),
      ("/dev/null", .notAFile, true, "it is not a file"),
      ("\(base)/file\0", .pathContainsNUL, true, "a path holds no character U+0000"),
    ]
    for row in rows {
      let error = FileError(path: row.path, row.reason)
      #expect(throws: error, "\(row.path)") { try File(row.path) }
      #expect(error.isMissing == row.isMissing, "\(row.path)")
      #expect("\(error)" == "cannot open \(onOneLine(row.path)): \(row.text)")
    }
  }

  @Test("parts are read, and none beyond the end")
  func reading() throws {
    let directory = TemporaryDirectory()
    let bytes = pattern(1000)
    try write(bytes, to: "\(directory.path)/file")
    let file = try File("\(directory.path)/file")
    var output = pattern(3)
    try file.read(10..<20, into: &output)
    try file.read(500..<500, into: &output)
    try file.read(990..<1000, into: &output)
    #expect(output == pattern(3) + bytes[10..<20] + bytes[990...])
    let early = FileError(path: file.path, .endsEarly(at: 1000))
    #expect(throws: early) { try file.read(990..<1001, into: &output) }
    #expect("\(early)" == "cannot read \(file.path): it has become shorter than 1001 bytes")
  }
}
