// What may be opened below a directory, and that nothing else is.

import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite struct DirectoryTests {
  /// A file and a directory beside the one that is opened, and everything that could lead to them in it.
  private func makeTree(in base: String) throws -> Directory {
    for path in ["root", "root/sub", "root/sub/deep", "outside", "root/...", "root/.sub"] {
      try #require(unsafe mkdir("\(base)/\(path)", 0o700) == 0)
    }
    let files = [
      "root/file", "root/sub/file", "root/sub/deep/file", "root/.hidden", "root/.../file",
      "root/\\", "root/ä\u{301}\n", "root/~", "secret", "outside/secret",
    ]
    for path in files { try write(Array(path.utf8), to: "\(base)/\(path)") }
    let links = [
      "inside": "file", "sub/up": "..", "out": "../secret", "absolute": "\(base)/secret",
      "subLink": "sub", "outLink": "../outside", "self": ".", "loop": "loop", "root": "/",
      "hanging": "none",
    ]
    for (path, target) in links {
      try #require(unsafe symlink(target, "\(base)/root/\(path)") == 0)
    }
    try #require(unsafe mkfifo("\(base)/root/pipe", 0o600) == 0)
    return try Directory("\(base)/root")
  }

  @Test(
    "files are opened by their names, however deep and whatever the names, and directories are told"
  )
  func files() throws {
    let temporary = TemporaryDirectory()
    let directory = try makeTree(in: temporary.path)
    for names in [
      ["file"], ["sub", "file"], ["sub", "deep", "file"], [".hidden"], ["...", "file"], ["\\"],
      ["ä\u{301}\n"], ["~"],
    ] {
      let file = try directory.file(names)
      let path = names.joined(separator: "/")
      var bytes: [UInt8] = []
      try file.read(0..<file.size, into: &bytes)
      #expect(bytes == Array("root/\(path)".utf8))
      #expect(file.path == "\(temporary.path)/root/\(path)")
      #expect(fcntl(file.number, F_GETFD) == FD_CLOEXEC)
    }
    for names in [[], ["sub"], ["sub", "deep"], [".sub"]] {
      guard case .directory = try directory.open(names) else {
        Issue.record("\(names) is a directory")
        continue
      }
      #expect(throws: FileError.self) { try directory.file(names) }
    }
  }

  static let refusals: [(names: [String], reason: FileError.Reason)] = [
    // What is no name.
    ([""], .notAName), (["."], .notAName), ([".."], .notAName),
    (["..", "secret"], .notAName), (["sub", "..", "file"], .notAName),
    (["sub", ""], .notAName), (["", "file"], .notAName), (["sub", "", "file"], .notAName),
    (["sub", "."], .notAName), (["../secret"], .notAName), (["sub/file"], .notAName),
    (["/etc/passwd"], .notAName), (["file/"], .notAName), (["sub", "/"], .notAName),
    (["sub/\u{301}file"], .notAName), (["none", ".."], .notAName),
    (["file\0"], .pathContainsNUL), (["\0"], .pathContainsNUL),
    (["sub\0", "file"], .pathContainsNUL),
    // Links, wherever they point. In the middle the system says that they are no directories.
    (["inside"], .symbolicLink), (["out"], .symbolicLink), (["absolute"], .symbolicLink),
    (["subLink"], .symbolicLink), (["outLink"], .symbolicLink), (["self"], .symbolicLink),
    (["loop"], .symbolicLink), (["hanging"], .symbolicLink), (["sub", "up"], .symbolicLink),
    (["subLink", "file"], .cannotOpen(code: ENOTDIR)),
    (["outLink", "secret"], .cannotOpen(code: ENOTDIR)),
    (["self", "file"], .cannotOpen(code: ENOTDIR)),
    (["sub", "up", "file"], .cannotOpen(code: ENOTDIR)),
    (["root", "etc", "passwd"], .cannotOpen(code: ENOTDIR)),
    // What is not there.
    (["none"], .cannotOpen(code: ENOENT)), (["none", "file"], .cannotOpen(code: ENOENT)),
    (["file", "file"], .cannotOpen(code: ENOTDIR)),
    (["%2e%2e", "secret"], .cannotOpen(code: ENOENT)),
    (["..\\secret"], .cannotOpen(code: ENOENT)), (["file "], .cannotOpen(code: ENOENT)),
    ([String(repeating: "x", count: 300)], .cannotOpen(code: ENAMETOOLONG)),
    // Which nobody waits for.
    (["pipe"], .notAFile), (["pipe", "file"], .cannotOpen(code: ENOTDIR)),
  ]

  @Test("nothing else is, and it counts as missing", arguments: refusals)
  func refused(_ row: (names: [String], reason: FileError.Reason)) throws {
    let temporary = TemporaryDirectory()
    let directory = try makeTree(in: temporary.path)
    let path = "\(temporary.path)/root/\(row.names.joined(separator: "/"))"
    let error = FileError(path: path, row.reason)
    #expect(throws: error) { try directory.open(row.names) }
    #expect(throws: error) { try directory.file(row.names) }
    #expect(error.isMissing)
  }

  @Test("sockets and devices are no files")
  func special() throws {
    let temporary = TemporaryDirectory()
    let listener = try Listener(.unix(path: "\(temporary.path)/socket"))
    defer { listener.close() }
    let socket = FileError(path: "\(temporary.path)/socket", .notAFile)
    #expect(throws: socket) { try Directory(temporary.path).open(["socket"]) }
    for name in ["null", "zero"] {
      #expect(throws: FileError(path: "/dev/\(name)", .notAFile)) {
        try Directory("/dev").open([name])
      }
    }
  }

  @Test("the directory itself may be a link; what is none is refused with a sentence")
  func root() throws {
    let temporary = TemporaryDirectory()
    let base = temporary.path
    _ = try makeTree(in: base)
    let linked = try Directory("\(base)/root/outLink")
    #expect(linked.path == "\(base)/root/outLink")
    #expect(try linked.file(["secret"]).size == 14)
    for (path, reason, text) in [
      ("\(base)/none", FileError.Reason.cannotOpen(code: ENOENT), "no such file or directory"),
      ("\(base)/secret", .cannotOpen(code: ENOTDIR), "not a directory"),
      ("\(base)/root/pipe", .cannotOpen(code: ENOTDIR), "not a directory"),
      ("", .cannotOpen(code: ENOENT), "no such file or directory"),
      ("\(base)\0", .pathContainsNUL, "a path holds no character U+0000"),
    ] {
      let error = FileError(path: path, reason)
      #expect(throws: error) { try Directory(path) }
      #expect("\(error)" == "cannot open \(onOneLine(path)): \(text)")
    }
    #expect(
      "\(FileError(path: "p", .symbolicLink))" == "cannot open p: symbolic links are not followed")
    #expect(
      "\(FileError(path: "p/..", .notAName))"
        == "cannot open p/..: a part of it is not the name of a file")
  }

  @Test("it stays the directory that it was, whatever gets its name")
  func moved() throws {
    let temporary = TemporaryDirectory()
    let base = temporary.path
    let directory = try makeTree(in: base)
    try #require(unsafe rename("\(base)/root", "\(base)/moved") == 0)
    try #require(unsafe symlink("outside", "\(base)/root") == 0)
    #expect(try directory.file(["file"]).size == 9)
    #expect(throws: FileError.self) { try directory.file(["secret"]) }
  }

  @Test("descriptors are closed, whether something was found or not")
  func descriptors() async throws {
    let temporary = TemporaryDirectory()
    _ = try makeTree(in: temporary.path)
    await #expect(processExitsWith: .exitCode(0)) { [root = "\(temporary.path)/root" as String] in
      let directory = try Directory(root)
      limitDescriptors(to: 32)
      for _ in 1...100 {
        _ = try directory.file(["sub", "deep", "file"])
        _ = try directory.open(["sub", "deep"])
        for row in DirectoryTests.refusals {
          do throws(FileError) {
            _ = try directory.open(row.names)
            exit(1)
          } catch {
            guard error.isMissing else { exit(2) }
          }
        }
      }
      exit(0)
    }
  }
}
