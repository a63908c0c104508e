// Sockets for tests: none of them waits for ever.

import Testing
import Threads

@testable import Transport

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Far longer than anything here takes on a machine that is busy with something else; only a test that has failed waits
/// so long.
let patience: Duration = .seconds(120)

/// A loopback address that no other test uses, where the system has more than one.
#if canImport(Darwin)
  let quietHost = "127.0.0.1"
#else
  let quietHost = "127.0.0.2"
#endif

/// A listener on a port of the system's choice.
func loopbackListener(options: ListenerOptions = ListenerOptions()) throws -> Listener {
  try Listener(.tcp(port: 0), options: options)
}

/// Connects, with time limits.
func connect(to address: Address) throws -> Socket {
  let socket = try Socket.connect(to: address)
  try socket.setReceiveTimeout(patience)
  return socket
}

extension Listener {
  /// The next connection; the macros of Testing take no noncopyable value.
  func next() throws -> Socket {
    guard let socket = try accept() else { throw ListenerIsClosed() }
    return socket
  }

  /// Whether the listener gives no connection any more.
  func isClosed() throws -> Bool { try accept() == nil }
}

struct ListenerIsClosed: Error {}

/// Two ends of one connection; `~Copyable` values go in no tuple.
struct SocketPair: ~Copyable {
  let client: Socket
  let server: Socket

  /// Through a listener, as TCP has it.
  static func tcp() throws -> SocketPair {
    let listener = try loopbackListener()
    defer { listener.close() }
    let client = try connect(to: listener.boundAddress)
    let server = try listener.next()
    try server.setReceiveTimeout(patience)
    return SocketPair(client: client, server: server)
  }

  /// Through a listener at a path.
  static func unix(_ path: String) throws -> SocketPair {
    let listener = try Listener(.unix(path: path))
    defer { listener.close() }
    let client = try connect(to: listener.boundAddress)
    let server = try listener.next()
    try server.setReceiveTimeout(patience)
    return SocketPair(client: client, server: server)
  }

  /// The two ends, where each goes its own way.
  consuming func split(_ body: (consuming Socket, consuming Socket) throws -> Void) rethrows {
    try body(client, server)
  }
}

extension Socket {
  /// What arrives until the peer ends its half.
  func receiveToEnd() throws(TransportError) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      var count = 0
      try all.append(addingCapacity: 65_536) { (output) throws(TransportError) in
        count = try receive(into: &output)
      }
      if count == 0 { return all }
    }
  }

  /// Exactly `count` bytes, or fewer if the peer ends its half before.
  func receive(exactly count: Int) throws(TransportError) -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count {
      var received = 0
      try all.append(addingCapacity: count - all.count) { (output) throws(TransportError) in
        received = try receive(into: &output)
      }
      if received == 0 { break }
    }
    return all
  }

  func send(_ text: String) throws(TransportError) {
    let bytes = Array(text.utf8)
    try send(bytes.span, within: patience)
  }

  /// An option whose value is a C `int`.
  func option(_ level: Int32, _ option: Int32) -> Int32? {
    var value: Int32 = -1
    var size = socklen_t(MemoryLayout<Int32>.size)
    let result = unsafe getsockopt(descriptor.number, level, option, &value, &size)
    return result == 0 ? value : nil
  }
}

/// Bytes that differ from their neighbours, so that a shift or a gap shows.
func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  // The standard library writes the count of an empty array too, into the one that all share, and
  // ThreadSanitizer sees a race there.
  if count == 0 { return [] }
  return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    for i in 0..<count {
      unsafe buffer[i] = UInt8(truncatingIfNeeded: (i &+ seed) &* 31 &+ (i >> 8))
    }
    filled = count
  }
}

/// Runs `body` on a thread, and hands back what it gave or threw.
struct Background<Value: Sendable>: ~Copyable {
  private let thread: Thread
  private let result = Monitor<Result<Value, any Error>?>(nil)

  init(_ body: @escaping @Sendable () throws -> Value) throws {
    let result = result
    thread = try Thread.start(name: "background") {
      let value = Result(catching: body)
      result.withLock { $0 = value }
    }
  }

  /// Lends a socket, which is closed when `body` has ended.
  init(
    with socket: consuming Socket, _ body: @escaping @Sendable (borrowing Socket) throws -> Value
  ) throws {
    let handoff = Handoff(socket)
    try self.init {
      guard let socket = handoff.take() else { preconditionFailure("taken once") }
      return try body(socket)
    }
  }

  /// Waits for the thread's end.
  consuming func value() throws -> Value {
    let result = result
    thread.join()
    return try #require(result.withLock { $0 }).get()
  }
}
