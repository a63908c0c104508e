import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Only a privileged process can give files away, or become somebody else to try a connection.
private let isPrivileged = geteuid() == 0

@Suite(.serialized, .onOwnThread) struct SocketFileAccessTests {
  @Test("the file has the permissions asked for", arguments: [0o600, 0o660, 0o666, 0o777, 0])
  func permissions(_ permissions: UInt16) throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let listener = try Listener(.unix(path: path, permissions: permissions))
    defer { listener.close() }
    #expect(try #require(fileStatus(path)).st_mode & 0o7777 == mode_t(permissions))
  }

  @Test("permissions hold whatever the umask is, and without them the umask decides")
  func umask() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      setUmask(0o077)
      let asked = try Listener(.unix(path: "\(directory.path)/a", permissions: 0o666))
      let plain = try Listener(.unix(path: "\(directory.path)/b"))
      precondition(fileStatus("\(directory.path)/a")!.st_mode & 0o777 == 0o666)
      precondition(fileStatus("\(directory.path)/b")!.st_mode & 0o777 == 0o700)
      asked.close()
      plain.close()
    }
  }

  @Test(
    "user and group, by number and by name",
    .enabled(if: isPrivileged, "needs a privileged user"))
  func owners() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    for endpoint: Endpoint in [
      .unix(path: path, permissions: 0o640, user: "daemon", group: "daemon"),
      .unix(path: path, permissions: 0o640, user: 1, group: 1),
    ] {
      let listener = try Listener(endpoint)
      let status = try #require(fileStatus(path))
      #expect(status.st_uid == 1 && status.st_gid == 1 && status.st_mode & 0o777 == 0o640)
      listener.close()
    }
    let listener = try Listener(.unix(path: path, group: "daemon"))
    defer { listener.close() }
    let status = try #require(fileStatus(path))
    #expect(status.st_uid == geteuid() && status.st_gid == 1)
  }

  @Test("an unprivileged process keeps its own user and group, by number and by name")
  func ownAccount() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let listener = try Listener(.unix(path: path, user: .id(geteuid()), group: .id(getegid())))
    defer { listener.close() }
    let status = try #require(fileStatus(path))
    #expect(status.st_uid == geteuid() && status.st_gid == getegid())
  }

  @Test("until the socket listens, with its permissions set, connections are refused")
  func beforeListening() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let socket = try ListeningSocket.bound(
      to: .unix(path: path, permissions: 0o606), ListenerOptions())
    #expect(try #require(fileStatus(path)).st_mode & 0o777 == 0o606)
    #expect(
      throws: TransportError.cannotConnect(to: .unix(path: path), code: ECONNREFUSED)
    ) { try connectAndClose(path) }
    socket.close()
    #expect(fileType(path) == nil)
  }

  @Test(
    "who may not write to the file cannot connect",
    .enabled(if: isPrivileged, "needs a privileged user"))
  func refusesOthers() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      precondition(unsafe chmod(directory.path, 0o755) == 0)
      let closed = "\(directory.path)/closed"
      let open = "\(directory.path)/open"
      let listeners = try Listener.open([
        .unix(path: closed, permissions: 0o600), .unix(path: open, permissions: 0o666),
      ])
      precondition(seteuid(65_534) == 0)
      do {
        try connectAndClose(closed)
        fatalError("connected")
      } catch let error as TransportError {
        precondition(error == .cannotConnect(to: .unix(path: closed), code: EACCES), "\(error)")
      }
      try connectAndClose(open)
      precondition(seteuid(0) == 0)
      for listener in listeners { listener.close() }
    }
  }

  @Test("who may not give files away is told so, and no file stays")
  func notPermitted() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      let path = "\(directory.path)/socket"
      if geteuid() == 0 {
        precondition(unsafe chmod(directory.path, 0o777) == 0)
        precondition(seteuid(65_534) == 0)
      }
      do {
        _ = try Listener(.unix(path: path, user: 0))
        fatalError("listens")
      } catch let error as TransportError {
        precondition(error == .systemCall("chown \(path)", code: EPERM), "\(error)")
      }
      precondition(fileType(path) == nil)
      _ = seteuid(0)
    }
  }

  @Test("accounts that are not there are errors that name them, and nothing is made")
  func unknown() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let error = #expect(throws: TransportError.self) {
      try Listener(.unix(path: path, user: "no such user"))
    }
    #expect(error == .noSuchUser("no such user"))
    #expect(error?.description == "there is no user \"no such user\"")
    #expect(throws: TransportError.noSuchGroup("nobody's")) {
      try Listener(.unix(path: path, group: "nobody's"))
    }
    #expect(throws: TransportError.noSuchGroup("daemon\0")) {
      try Listener(.unix(path: path, group: "daemon\0"))
    }
    // To chown(2) these would mean: leave it.
    #expect(throws: TransportError.noSuchUser(.id(.max))) {
      try Listener(.unix(path: path, user: .id(.max)))
    }
    #expect(throws: TransportError.noSuchGroup(.id(.max))) {
      try Listener(.unix(path: path, group: .id(.max)))
    }
    #expect(fileNames(in: directory.path) == [])
    #expect(TransportError.noSuchGroup(7).description == "there is no group 7")
  }

  @Test("a file that was put in our file's place is found out, and a link is not followed")
  func replaced() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let victim = "\(directory.path)/victim"
    // Open to the end, so that no other file can have its number.
    let listener = try Listener(.unix(path: path))
    defer { listener.close() }
    let file = try UnixSocketFile(boundTo: path)
    try #require(unsafe unlink(path) == 0)
    close(unsafe open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
    let asked = try SocketFileAccess(permissions: 0o666).resolved()

    try #require(unsafe symlink(victim, path) == 0)
    #expect(throws: TransportError.self) { try file.set(asked) }
    #expect(try #require(fileStatus(victim)).st_mode & 0o777 == 0o600)

    try #require(unsafe unlink(path) == 0)
    let other = try Listener(.unix(path: path))
    defer { other.close() }
    #expect(throws: TransportError.systemCall("set access of \(path)", code: ESTALE)) {
      try file.set(asked)
    }
  }

  @Test("permissions are at most 0o777")
  func tooMuch() async {
    await #expect(processExitsWith: .failure) {
      _ = Endpoint.unix(path: "/tmp/never", permissions: 0o1777)
    }
  }
}

private func fileStatus(_ path: String) -> stat? {
  var status = stat()
  return unsafe lstat(path, &status) == 0 ? status : nil
}

private func connectAndClose(_ path: String) throws {
  _ = try Socket.connect(to: .unix(path: path))
}

/// umask(2), which the tests' own names would hide.
private func setUmask(_ mask: mode_t) {
  _ = umask(mask)
}
