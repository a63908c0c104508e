import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// An environment as a manager makes it, and what it says to process 7.
struct EnvironmentRow: CustomTestStringConvertible {
  var variables: [String: String]
  /// Asked for by this name.
  var name: String?
  var numbers: [Int32] = []
  var flaw: InheritanceFlaw?

  var testDescription: String { "\(variables) \(name ?? "all")" }
}

private let environments: [EnvironmentRow] = [
  EnvironmentRow(variables: ["LISTEN_FDS": "1", "LISTEN_PID": "7"], numbers: [3]),
  EnvironmentRow(variables: ["LISTEN_FDS": "3", "LISTEN_PID": "7"], numbers: [3, 4, 5]),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "3", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http:admin:http"],
    numbers: [3, 4, 5]),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "3", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http:admin:http"],
    name: "http", numbers: [3, 5]),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "2", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http:"],
    name: "", numbers: [4]),
  EnvironmentRow(variables: [:], flaw: .nothingPassed),
  EnvironmentRow(variables: ["LISTEN_PID": "7"], flaw: .nothingPassed),
  EnvironmentRow(variables: ["LISTEN_FDS": "0", "LISTEN_PID": "7"], flaw: .nothingPassed),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "1", "LISTEN_PID": "8"], flaw: .passedToAnother(process: 8, this: 7)),
  EnvironmentRow(variables: ["LISTEN_FDS": "1"], flaw: .malformedVariable("LISTEN_PID")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "1", "LISTEN_PID": ""], flaw: .malformedVariable("LISTEN_PID")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "one", "LISTEN_PID": "7"], flaw: .malformedVariable("LISTEN_FDS")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "-1", "LISTEN_PID": "7"], flaw: .malformedVariable("LISTEN_FDS")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "2147483647", "LISTEN_PID": "7"],
    flaw: .malformedVariable("LISTEN_FDS")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "2", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http"],
    flaw: .malformedVariable("LISTEN_FDNAMES")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http"], name: "admin",
    flaw: .noneNamed("admin")),
  EnvironmentRow(
    variables: ["LISTEN_FDS": "1", "LISTEN_PID": "7"], name: "http", flaw: .noneNamed("http")),
]

@Suite(.serialized, .onOwnThread) struct InheritedSocketTests {
  @Test("sd_listen_fds(3): what the environment says", arguments: environments)
  func environment(row: EnvironmentRow) throws {
    func read() throws(TransportError) -> [Int32] {
      try PassedDescriptors(processID: 7) { row.variables[$0] }.numbers(named: row.name)
    }
    if let flaw = row.flaw {
      #expect(throws: TransportError.cannotInherit(flaw)) { try read() }
    } else {
      #expect(try read() == row.numbers)
    }
  }

  @Test("nothing was passed to these tests")
  func nothing() {
    #expect(throws: TransportError.cannotInherit(.nothingPassed)) { try Endpoint.inherited() }
  }

  @Test("an endpoint is written as where its socket listens, and the descriptor is closed on exec")
  func listening() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let tcp = try HeldListener(.tcp(port: 0))
    let unix = try HeldListener(.unix(path: path))
    #expect(try tcp.endpoint.description == tcp.address.description)
    #expect(try unix.endpoint.description == "unix:\(path)")
    #expect(try unix.endpoint.resolve() == [.unix(path: path)])
    for held in [tcp, unix] {
      #expect(fcntl(held.number, F_SETFD, 0) == 0)
      _ = try held.endpoint
      #expect(fcntl(held.number, F_GETFD) & FD_CLOEXEC != 0)
    }
  }

  @Test("what does not listen is refused, each kind by its name")
  func refused() throws {
    func flaw(of number: Int32) throws -> InheritanceFlaw? {
      let error = #expect(throws: TransportError.self) { try InheritedSocket(number) }
      guard case .cannotInherit(let flaw) = error else { return nil }
      return flaw
    }
    let pipe = try Pipe()
    let (file, closed) = (pipe.reading.number, Int32(4_000_000))
    #expect(try flaw(of: file) == .notASocket(descriptor: file, code: ENOTSOCK))
    #expect(try flaw(of: closed) == .notASocket(descriptor: closed, code: EBADF))

    let datagram = try makeSocket(family: AF_UNIX, type: datagramType)
    #expect(try flaw(of: datagram.number) == .notAStream(descriptor: datagram.number))

    let connected = try SocketPair.tcp()
    let number = connected.server.descriptor.number
    #expect(try flaw(of: number) == .notListening(descriptor: number))
    let bound = try ListeningSocket.bound(to: .tcp(port: 0), ListenerOptions())
    #expect(
      try flaw(of: bound.descriptor.number) == .notListening(descriptor: bound.descriptor.number))
  }

  @Test("flaws read as a line of a log")
  func text() {
    let lines: [(InheritanceFlaw, String)] = [
      (.nothingPassed, "LISTEN_FDS says that there are none"),
      (
        .passedToAnother(process: 8, this: 7),
        "LISTEN_PID says that they are for process 8, and this is 7"
      ),
      (.malformedVariable("LISTEN_FDS"), "the variable LISTEN_FDS is missing or malformed"),
      (.noneNamed("a\nb"), "LISTEN_FDNAMES has none named \"a\\nb\""),
      (.notASocket(descriptor: 4, code: EBADF), "descriptor 4: bad file descriptor"),
      (.notAStream(descriptor: 3), "descriptor 3 is not a stream socket"),
      (.notListening(descriptor: 3), "descriptor 3 is not a listening socket"),
    ]
    for (flaw, line) in lines {
      #expect(TransportError.cannotInherit(flaw).description == "cannot inherit sockets: \(line)")
    }
  }

  @Test("what waits when a listener closes is there for the next one, and a file stays")
  func successor() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    for endpoint in [Endpoint.tcp(port: 0), .unix(path: path)] {
      let held = try HeldListener(endpoint)
      for round in 1...3 {
        let listener = try Listener(held.endpoint)
        #expect(listener.boundAddress == held.address)
        let first = try connect(to: held.address)
        let waiting = try connect(to: held.address)
        try first.send("\(round)")
        #expect(try listener.next().receive(exactly: 1) == Array("\(round)".utf8))
        listener.close()
        #expect(try listener.isClosed())

        try waiting.send("?")
        let next = try Listener(held.endpoint)
        let server = try next.next()
        #expect(try server.receive(exactly: 1) == Array("?".utf8))
        next.close()
      }
    }
    #expect(fileType(path) == nil, "whoever made the file removes it")
  }

  @Test("a file of a Unix domain socket that was inherited is not ours to remove")
  func file() throws {
    let directory = TemporaryDirectory()
    let path = "\(directory.path)/socket"
    let held = try HeldListener(.unix(path: path))
    try Listener(held.endpoint).close()
    #expect(fileType(path) == S_IFSOCK)
  }

  @Test("two accept from one socket, and each connection reaches one of them")
  func shared() throws {
    let held = try HeldListener(.tcp(port: 0))
    let first = try Listener(held.endpoint)
    let second = try Listener(held.endpoint)
    let firstCount = try Background { try greetAll(of: first) }
    let secondCount = try Background { try greetAll(of: second) }
    for _ in 0..<100 {
      #expect(try connect(to: held.address).receiveToEnd() == Array("hello".utf8))
    }
    first.close()
    second.close()
    #expect(try firstCount.value() + secondCount.value() == 100)
  }

  @Test("a close wakes who accepts, though another process made the socket blocking")
  func closeWakes() throws {
    let held = try HeldListener(.tcp(port: 0))
    let listener = try Listener(held.endpoint)
    let flags = fcntl(held.number, F_GETFL)
    #expect(flags & O_NONBLOCK != 0)
    #expect(fcntl(held.number, F_SETFL, flags & ~O_NONBLOCK) == 0)
    let hasClosed = try Background {
      _ = try listener.next()
      return try listener.isClosed()
    }
    _ = try connect(to: held.address)
    listener.close()
    // The close may have come before the connection was taken: then that is what ended the wait.
    do {
      #expect(try hasClosed.value())
    } catch is ListenerIsClosed {}
  }

  @Test("options reach the accepted sockets, those who waited too; the port is the manager's")
  func options() throws {
    let held = try HeldListener(.tcp(port: 0), plain)
    var options = ListenerOptions()
    options.reusePort = true
    options.deferAccept = true
    options.keepAlive?.probes = 4
    options.receiveTimeout = .milliseconds(30)
    let waiting = try connect(to: held.address)
    let listener = try Listener(held.endpoint, options: options)
    defer { listener.close() }
    listener.deferAccept { $0.foundWaiting(.now()) }
    #if !canImport(Darwin)
      #expect(try held.deferAccept == 0)
    #endif
    let later = try connect(to: held.address)
    for _ in 1...2 {
      let server = try listener.next()
      #expect(server.option(tcpLevel, TCP_NODELAY) != 0)
      #expect(server.option(SOL_SOCKET, SO_KEEPALIVE) != 0)
      #expect(server.option(tcpLevel, TCP_KEEPCNT) == 4)
      #if !canImport(Darwin)
        #expect(server.option(tcpLevel, TCP_USER_TIMEOUT) == 90_000)
      #endif
      #expect(server.option(SOL_SOCKET, SO_REUSEPORT) == 0)
      #expect(server.time(SO_SNDTIMEO) > .zero)
      try #require(server.time(SO_RCVTIMEO) > .zero)
      #expect(throws: TransportError.timedOut) { try server.receive(exactly: 1) }
    }
    waiting.close()
    later.close()
  }

  /// What a manager's sockets have: no option at all.
  private var plain: ListenerOptions {
    var options = ListenerOptions()
    (options.noDelay, options.keepAlive, options.userTimeout) = (false, nil, .zero)
    return options
  }

  @Test("a server with an inherited socket leaves no descriptor, and can be made again")
  func descriptors() async {
    await #expect(processExitsWith: .success) {
      let held = try HeldListener(.tcp(port: 0))
      let endpoint = try held.endpoint
      let before = openDescriptors()
      for _ in 1...3 {
        let server = try echoServer([try Listener(endpoint)])
        let client = try connect(to: held.address)
        try exchange("hello", with: client)
        precondition(server.stop(within: patience).endedInTime)
        client.close()
        requireDescriptors(before)
      }
    }
  }
}

/// Greets each connection, until the listener is closed.
///
/// - Returns: How many there were.
private func greetAll(of listener: Listener) throws -> Int {
  var count = 0
  while let socket = try listener.accept() {
    try socket.send("hello")
    count += 1
  }
  return count
}

/// A listening socket that a test holds, as a service manager does.
private final class HeldListener: Sendable {
  private let socket: ListeningSocket
  let address: Address

  init(_ endpoint: Endpoint, _ options: ListenerOptions = ListenerOptions()) throws {
    socket = try ListeningSocket.open(endpoint, options)
    address = try socket.descriptor.boundAddress()
  }

  var number: Int32 { socket.descriptor.number }

  #if !canImport(Darwin)
    var deferAccept: Int32 {
      get throws { try socket.descriptor.option(tcpLevel, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT") }
    }
  #endif

  /// What a process that inherits it makes of it.
  var endpoint: Endpoint {
    get throws { Endpoint(place: .inherited(try InheritedSocket(number))) }
  }
}

extension Socket {
  /// SO_RCVTIMEO or SO_SNDTIMEO; zero is no limit.
  fileprivate func time(_ option: Int32) -> Duration {
    var value = timeval()
    var size = socklen_t(MemoryLayout<timeval>.size)
    unsafe getsockopt(descriptor.number, SOL_SOCKET, option, &value, &size)
    return .seconds(value.tv_sec) + .microseconds(Int64(value.tv_usec))
  }
}
