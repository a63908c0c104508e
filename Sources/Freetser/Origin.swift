// Where a connection's requests come from.

import HTTPCore
import Logging
import Transport

/// What the connection itself tells of where its requests come from.
struct Origin {
  /// The other end of the socket.
  let peer: Address
  private(set) var peerCredentials: PeerCredentials?

  /// All that is known before anything was asked.
  init(peer: Address) {
    self.peer = peer
  }

  /// Asks the system.
  init(of connection: borrowing AcceptedConnection) throws(TransportError) {
    self.init(peer: connection.peer)
    peerCredentials = try connection.socket.peerCredentials
  }

  /// A request that came over the connection, with what the proxies before us say of its client.
  func request(
    _ head: RequestHead, body: [UInt8], _ configuration: ServerConfiguration
  ) -> Request {
    var forwarding = Forwarding(client: peer)
    do throws(MalformedForwarding) {
      forwarding = try configuration.proxies.forwarding(of: head.fields, from: peer)
    } catch {
      configuration.logger.debug("Ignored what \(peer) says of a request's client: malformed")
    }
    return Request(
      head: head, body: body, peer: peer, peerCredentials: peerCredentials,
      client: forwarding.client, scheme: forwarding.scheme ?? .http)
  }
}
