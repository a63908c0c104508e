// Where a connection's requests come from.

import HTTPCore
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

  /// A request that came over the connection.
  func request(_ head: RequestHead, body: [UInt8]) -> Request {
    Request(head: head, body: body, peer: peer, peerCredentials: peerCredentials)
  }
}
