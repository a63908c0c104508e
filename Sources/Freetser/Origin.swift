// Where a connection's requests come from.

import HTTPCore
import Logging
import Transport

/// What the connection itself tells of where its requests come from.
struct Origin {
  /// The other end of the socket.
  let peer: Address
  private(set) var peerCredentials: PeerCredentials?

  /// Whom the peer speaks for, as far as the connection tells; otherwise the peer itself.
  private(set) var client: Address
  /// Whether fields may tell more: not where a proxy said that it knows no more, as it then hands on what the client
  /// sent.
  private var isClientKnown = true

  /// All that is known before anything was asked.
  init(peer: Address) {
    self.peer = peer
    client = peer
  }

  /// Asks the system, and where the endpoint says so waits for the proxy to tell.
  ///
  /// A proxy that has nothing to tell, as it ends the connection, is one that went away.
  init(
    of connection: borrowing AcceptedConnection, _ proxies: Proxies, input: inout ReceiveBuffer
  ) throws(TransportError) {
    self.init(peer: connection.peer)
    peerCredentials = try connection.socket.peerCredentials
    guard connection.endpoint.proxyProtocol, proxies.trusted.contains(peer) else { return }
    let header = try connection.socket.receiveProxyHeader(
      into: &input, within: proxies.headerTimeout, limitInBytes: proxies.maximumHeaderSize)
    switch header {
    case .relayed(let source, _): client = source
    case .local, .unknown: isClientKnown = false
    case nil: throw .peerGone(code: 0)
    }
    // A stop ends the input of connections that are idle, and here a request has begun to come.
    if !input.isEmpty { connection.markBusy() }
  }

  /// A request that came over the connection, with what the proxies before us say of its client.
  func request(
    _ head: RequestHead, body: [UInt8], _ configuration: ServerConfiguration
  ) -> Request {
    var forwarding = Forwarding(client: client)
    do throws(MalformedForwarding) {
      if isClientKnown {
        forwarding = try configuration.proxies.forwarding(of: head.fields, from: client)
      }
    } catch {
      configuration.logger.debug("Ignored what \(client) says of a request's client: malformed")
    }
    return Request(
      head: head, body: body, peer: peer, peerCredentials: peerCredentials,
      client: forwarding.client, scheme: forwarding.scheme ?? .http)
  }
}
