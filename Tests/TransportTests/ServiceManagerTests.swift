import Testing

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@Suite(.serialized, .onOwnThread) struct ServiceManagerTests {
  @Test("a notification is one datagram, sent to a path")
  func path() throws {
    let directory = TemporaryDirectory()
    let name = "\(directory.path)/notify"
    let manager = try boundSocket(.unix(path: name))
    try ServiceManager.notify("READY=1", at: name)
    try ServiceManager.notify("STATUS=a\nSTOPPING=1", at: name)
    #expect(try nextMessage(at: manager) == "READY=1")
    #expect(try nextMessage(at: manager) == "STATUS=a\nSTOPPING=1")
  }

  #if !canImport(Darwin)
    @Test("or to a name in the abstract space")
    func abstract() throws {
      let name = "freetser-\(getpid())-notify"
      let manager = try boundSocket(.unix(path: "\0\(name)"))
      try ServiceManager.notify("READY=1", at: "@\(name)")
      #expect(try nextMessage(at: manager) == "READY=1")
    }
  #endif

  @Test("a manager that is not there, or that speaks otherwise, is an error")
  func errors() throws {
    let directory = TemporaryDirectory()
    for (name, error) in [
      ("\(directory.path)/notify", TransportError.systemCall("sendto NOTIFY_SOCKET", code: ENOENT)),
      ("vsock:2:1", .systemCall("NOTIFY_SOCKET", code: EAFNOSUPPORT)),
      ("", .systemCall("NOTIFY_SOCKET", code: EAFNOSUPPORT)),
      (
        "/" + String(repeating: "x", count: 200),
        .pathTooLong(
          path: "/" + String(repeating: "x", count: 200), limitInBytes: RawAddress.pathLimit)
      ),
    ] {
      #expect(throws: error) { try ServiceManager.notify("READY=1", at: name) }
    }
  }

  @Test("without a manager that asks, nobody is told")
  func nobody() async {
    await #expect(processExitsWith: .success) {
      unsafe unsetenv("NOTIFY_SOCKET")
      let isTold = try ServiceManager.notify("READY=1")
      precondition(!isTold)
    }
  }
}

private func boundSocket(_ address: Address) throws -> FileDescriptor {
  let socket = try makeSocket(family: AF_UNIX, type: datagramType)
  #expect(bindSocket(socket, to: try RawAddress(address)) == 0)
  try socket.setReceiveTimeout(patience)
  return socket
}

private func nextMessage(at socket: borrowing FileDescriptor) throws -> String {
  var bytes = [UInt8](repeating: 0, count: 4096)
  let (number, capacity) = (socket.number, bytes.count)
  let count = try retrying("recv") { () in unsafe recv(number, &bytes, capacity, 0) }
  return String(decoding: bytes[..<count], as: UTF8.self)
}
