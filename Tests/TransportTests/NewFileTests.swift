// Files that are written: who may read them, and when they are there.

import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct NewFileTests {
  private func status(of path: String) -> stat? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status : nil
  }

  @Test("a file that is kept has what was written, and is its user's alone")
  func kept() throws {
    let directory = TemporaryDirectory()
    let bytes = pattern(200_000)
    var file: NewFile? = try NewFile(in: directory.path)
    let path = try #require(file?.path)
    #expect(path.hasPrefix("\(directory.path)/"))
    try file?.write(Span())
    try file?.write(bytes.span.extracting(first: 1))
    try file?.write(bytes.span.extracting(1...))
    #expect(file?.size == 200_000)
    try file?.close()
    try file?.close()
    file?.keep()
    file = nil
    #expect(status(of: path)?.st_mode == S_IFREG | 0o600)
    var read: [UInt8] = []
    try File(path).read(0..<200_000, into: &read)
    #expect(read == bytes)
  }

  @Test("one that is not kept is gone, closed or not", arguments: [false, true])
  func dropped(_ closes: Bool) throws {
    let directory = TemporaryDirectory()
    var file: NewFile? = try NewFile(in: "\(directory.path)/")
    let path = try #require(file?.path)
    #expect(!path.contains("//"))
    let bytes = pattern(10)
    try file?.write(bytes.span)
    if closes { try file?.close() }
    #expect(status(of: path) != nil)
    file = nil
    #expect(status(of: path) == nil)
  }

  @Test("each has a name of its own, and is closed in other programs")
  func names() throws {
    let directory = TemporaryDirectory()
    let files = try (0..<100).map { _ in try NewFile(in: directory.path) }
    #expect(Set(files.map(\.path)).count == 100)
  }

  @Test("where none can be made the error says where and why")
  func refusals() throws {
    let directory = TemporaryDirectory()
    try write([], to: "\(directory.path)/file")
    let rows: [(directory: String, reason: FileError.Reason)] = [
      ("\(directory.path)/none", .cannotCreate(code: ENOENT)),
      ("\(directory.path)/file", .cannotCreate(code: ENOTDIR)),
      ("\(directory.path)\0", .pathContainsNUL),
    ]
    for row in rows {
      let error = #expect(throws: FileError.self) { _ = try NewFile(in: row.directory) }
      #expect(error?.reason == row.reason && error?.path.hasPrefix(row.directory) == true)
    }
    let error = FileError(path: "a\n", .cannotCreate(code: ENOENT))
    #expect(!error.isMissing && "\(error)" == "cannot create a\\n: no such file or directory")
    let full = FileError(path: "a", .cannotWrite(code: ENOSPC))
    #expect(!full.isMissing && "\(full)" == "cannot write a: no space left on device")
  }

  @Test("a disk that is full is told, and leaves nothing")
  func full() async {
    // The largest file that the process may write stands for it.
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
      #if canImport(Darwin)
        let isLimited = unsafe setrlimit(RLIMIT_FSIZE, &limit) == 0
      #else
        let isLimited = unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0
      #endif
      try #require(isLimited)
      unsafe signal(SIGXFSZ, SIG_IGN)
      var file: NewFile? = try NewFile(in: directory.path)
      let path = try #require(file?.path)
      let bytes = pattern(100_001)
      let error = #expect(throws: FileError.self) { try file?.write(bytes.span) }
      #expect(error?.reason == .cannotWrite(code: EFBIG) && file?.size == 100_000)
      file = nil
      #expect(unsafe access(path, F_OK) != 0)
    }
  }
}
