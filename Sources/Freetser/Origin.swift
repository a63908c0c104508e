// Where a connection's requests come from.

import HTTPCore
import Logging
import Threads
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
    of stream: any ServedStream, _ proxies: Proxies, input: inout ReceiveBuffer
  ) throws(TransportError) {
    self.init(peer: stream.peer)
    peerCredentials = try stream.peerCredentials
    guard stream.endpoint.proxyProtocol, proxies.trusted.contains(peer) else { return }
    let deadline = stream.now() + proxies.headerTimeout
    let header = try input.receiveProxyHeader(limitInBytes: proxies.maximumHeaderSize) {
      (output) throws(TransportError) in try stream.receiveSome(into: &output, by: deadline)
    }
    switch header {
    case .relayed(let source, _): client = source
    case .local, .unknown: isClientKnown = false
    case nil: throw .peerGone(code: 0)
    }
    // A stop ends the input of connections that are idle, and here a request has begun to come.
    if !input.isEmpty { stream.markBusy() }
  }

  /// A request that came over the connection, with what the proxies before us say of its client.
  func request(_ head: RequestHead, _ service: Service) -> Request {
    var forwarding = Forwarding(client: client)
    do throws(MalformedForwarding) {
      if isClientKnown {
        forwarding = try service.configuration.proxies.forwarding(of: head.fields, from: client)
      }
    } catch {
      service.configuration.logger.debug(
        "Ignored what \(client) says of a request's client: malformed")
    }
    return Request(
      head: head, peer: peer, peerCredentials: peerCredentials,
      client: forwarding.client, scheme: forwarding.scheme ?? .http)
  }
}
