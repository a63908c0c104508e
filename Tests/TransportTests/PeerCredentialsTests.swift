import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct PeerCredentialsTests {
  @Test("the peer of a Unix domain socket is this process, its user and its group")
  func ourselves() throws {
    let directory = TemporaryDirectory()
    let listener = try Listener(.unix(path: "\(directory.path)/socket"))
    defer { listener.close() }
    let client = try connect(to: listener.boundAddress)
    let server = try listener.next()
    let expected = PeerCredentials(process: getpid(), user: geteuid(), group: getegid())
    #expect(try server.peerCredentials == expected)
    #expect(try client.peerCredentials == expected)
  }

  @Test("a peer over TCP has none")
  func tcp() throws {
    let pair = try SocketPair.tcp()
    #expect(try pair.server.peerCredentials == nil)
  }

  @Test("a peer that closed is known all the same, by whom it was when it connected")
  func closed() throws {
    let directory = TemporaryDirectory()
    let listener = try Listener(.unix(path: "\(directory.path)/socket"))
    defer { listener.close() }
    try connect(to: listener.boundAddress).close()
    #expect(try listener.next().peerCredentials?.user == geteuid())
  }

  @Test(
    "another user is told from ours", .enabled(if: geteuid() == 0, "needs a privileged user"))
  func another() async {
    await #expect(processExitsWith: .success) {
      let directory = TemporaryDirectory()
      precondition(unsafe chmod(directory.path, 0o755) == 0)
      let listener = try Listener(.unix(path: "\(directory.path)/socket", permissions: 0o666))
      precondition(setegid(65_533) == 0 && seteuid(65_534) == 0)
      let client = try connect(to: listener.boundAddress)
      precondition(seteuid(0) == 0)
      let credentials = try listener.next().peerCredentials
      precondition(
        credentials == PeerCredentials(process: getpid(), user: 65_534, group: 65_533))
      client.close()
      listener.close()
    }
  }
}
