import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct UnixSocketFileTests {
  @Test("a Unix domain socket carries bytes; its client has no path")
  func bytes() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let listener = try Listener(.unix(path: path))
    defer { listener.close() }
    #expect(listener.boundAddress == .unix(path: path))
    let client = try connect(to: listener.boundAddress)
    let server = try listener.next()
    #expect(server.peer == .unix(path: nil))
    #expect(try server.local == .unix(path: path))
    try client.send("hello")
    #expect(try server.receive(exactly: 5) == Array("hello".utf8))
  }

  @Test("the file goes when the listener closes, and when it is dropped")
  func removed() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let listener = try Listener(.unix(path: path))
    #expect(fileType(path) == S_IFSOCK)
    listener.close()
    #expect(fileType(path) == nil)
    _ = try Listener(.unix(path: path))
    #expect(fileType(path) == nil)
  }

  @Test("a file that is not a socket is refused and left as it is")
  func regularFile() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/notes.txt"
    try save("precious", to: path)
    let error = #expect(throws: TransportError.self) { try Listener(.unix(path: path)) }
    #expect(error == .notASocket(path: path))
    #expect(contents(path) == "precious")
  }

  @Test("a directory and a link are no sockets either")
  func otherFiles() throws {
    let directory = TemporaryDirectory()
    #expect(throws: TransportError.notASocket(path: directory.path)) {
      try Listener(.unix(path: directory.path))
    }
    let target = "\(directory.path)/socket"
    let listener = try Listener(.unix(path: target))
    defer { listener.close() }
    let link = "\(directory.path)/link"
    try #require(unsafe symlink(target, link) == 0)
    #expect(throws: TransportError.notASocket(path: link)) { try Listener(.unix(path: link)) }
    #expect(fileType(link) == S_IFLNK)
  }

  @Test("a socket file that nobody listens at is replaced")
  func stale() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    do {  // what a killed server leaves: a bound socket that was closed, its file still there
      let name = try RawAddress(.unix(path: path))
      let socket = try makeSocket(family: AF_UNIX)
      try #require(bindSocket(socket, to: name) == 0)
    }
    #expect(fileType(path) == S_IFSOCK)
    let listener = try Listener(.unix(path: path))
    defer { listener.close() }
    _ = try connect(to: listener.boundAddress)
    _ = try listener.next()
  }

  @Test("a path where somebody listens is in use, and stays theirs")
  func live() throws {
    let directory = TemporaryDirectory()
    let endpoint = Endpoint.unix(path: "\(directory.path)/socket")
    let first = try Listener(endpoint)
    defer { first.close() }
    let error = #expect(throws: TransportError.self) { try Listener(endpoint) }
    #expect(error == .addressInUse(endpoint))
    #expect(error?.description == "cannot listen on \(endpoint): address already in use")

    _ = try first.next()  // the question itself came as a connection
    let client = try connect(to: first.boundAddress)
    let server = try first.next()
    try client.send("x")
    #expect(try server.receive(exactly: 1) == Array("x".utf8))
  }

  @Test("a live socket whose queue is full is in use too")
  func fullQueue() throws {
    let directory = TemporaryDirectory()
    let endpoint = Endpoint.unix(path: "\(directory.path)/socket")
    var options = ListenerOptions()
    options.backlog = 0
    let first = try Listener(endpoint, options: options)
    defer { first.close() }
    _ = try connect(to: first.boundAddress)  // fills the queue of one
    #expect(throws: TransportError.addressInUse(endpoint)) { try Listener(endpoint) }
    #expect(throws: TransportError.addressInUse(endpoint)) { try Listener(endpoint) }
  }

  @Test("a file that took our path's place is not removed")
  func replaced() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let first = try Listener(.unix(path: path))
    try #require(unsafe unlink(path) == 0)
    let second = try Listener(.unix(path: path))
    defer { second.close() }
    first.close()
    #expect(fileType(path) == S_IFSOCK)
    _ = try connect(to: second.boundAddress)
    _ = try second.next()
  }

  @Test("a path that is no path is refused", arguments: ["", "\0abstract", "/tmp/a\0b"])
  func noPath(_ path: String) {
    let endpoint = Endpoint.unix(path: path)
    #expect(throws: TransportError.cannotListen(on: endpoint, code: EINVAL)) {
      try Listener(endpoint)
    }
  }

  @Test("a path that is too long says how long it may be")
  func tooLong() {
    let path = "/tmp/" + String(repeating: "x", count: 200)
    #expect(
      throws: TransportError.pathTooLong(path: path, limitInBytes: RawAddress.pathLimit)
    ) { try Listener(.unix(path: path)) }
  }

  @Test("a directory that is not there is the system's error")
  func noDirectory() {
    let endpoint = Endpoint.unix(path: "/tmp/freetser-no-such-directory/socket")
    #expect(throws: TransportError.cannotListen(on: endpoint, code: ENOENT)) {
      try Listener(endpoint)
    }
  }

  private func save(_ text: String, to path: String) throws {
    let file = FileDescriptor(unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
    let bytes = Array(text.utf8)
    try #require(unsafe write(file.number, bytes, bytes.count) == bytes.count)
  }

  private func contents(_ path: String) -> String? {
    let file = FileDescriptor(unsafe open(path, O_RDONLY | O_CLOEXEC))
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = unsafe read(file.number, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
