// A listening socket that outlives the servers that accept from it.

@testable import Transport

/// Held by a test as systemd holds the sockets of a socket unit.
final class HeldListener: Sendable {
  private let socket: ListeningSocket
  /// Where clients connect.
  let endpoint: Endpoint
  /// `nil` for a Unix domain socket.
  let port: UInt16?

  init(_ endpoint: Endpoint = .tcp(port: 0)) throws {
    socket = try ListeningSocket.open(endpoint, ListenerOptions())
    let address = try socket.descriptor.boundAddress()
    port = address.port
    if case .tcp(let host, _, _) = endpoint.place, let port {
      self.endpoint = .tcp(host: host, port: port)
    } else {
      self.endpoint = endpoint
    }
  }

  /// To be passed on; made blocking, as systemd does it before it starts a program.
  var number: Int32 {
    get throws {
      try setNonBlocking(socket.descriptor, false)
      return socket.descriptor.number
    }
  }
}
