// Where a connection's requests come from.

import HTTPCore
import Logging
import Threads
import Transport

/// Where a request comes from.
///
/// An object, as it is large, and mostly the same for all requests of a connection.
final class RequestOrigin: Sendable {
  let peer: Address
  let peerCredentials: PeerCredentials?
  let client: Address
  let scheme: Request.Scheme
  /// The connection's number, which no other has.
  let connection: UInt64
  /// The id that a proxy gave the request.
  let requestID: String?

  init(
    peer: Address, peerCredentials: PeerCredentials?, client: Address, scheme: Request.Scheme,
    connection: UInt64, requestID: String? = nil
  ) {
    self.connection = connection
    self.requestID = requestID
    self.peer = peer
    self.peerCredentials = peerCredentials
    self.client = client
    self.scheme = scheme
  }
}

/// What the connection itself tells of where its requests come from.
struct Origin {
  /// What holds for requests that tell no more. The client is whom the peer speaks for, as far as the connection
  /// tells; otherwise the peer itself.
  private let known: RequestOrigin
  /// Whether fields may tell more: not where a proxy said that it knows no more, as it then hands on what the client
  /// sent.
  private let isClientKnown: Bool

  /// Asks the system, and where the endpoint says so waits for the proxy to tell.
  ///
  /// A proxy that has nothing to tell, as it ends the connection, is one that went away.
  init(
    of stream: any ServedStream, _ proxies: Proxies, number: UInt64, input: inout ReceiveBuffer
  ) throws(TransportError) {
    var client = stream.peer
    var isClientKnown = true
    if stream.endpoint.proxyProtocol, proxies.trusted.contains(stream.peer) {
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
    self.isClientKnown = isClientKnown
    known = RequestOrigin(
      peer: stream.peer, peerCredentials: try stream.peerCredentials, client: client, scheme: .http,
      connection: number)
  }

  /// Where a request comes from, with what the proxies before us say of it.
  func origin(of head: RequestHead, _ service: Service) -> RequestOrigin {
    // Most servers have no proxy that tells.
    guard isClientKnown, service.configuration.proxies.readsFields else { return known }
    let forwarding = forwarding(of: head, service)
    return RequestOrigin(
      peer: known.peer, peerCredentials: known.peerCredentials, client: forwarding.client,
      scheme: forwarding.scheme ?? .http, connection: known.connection,
      requestID: service.configuration.proxies.requestID(of: head.fields, from: known.client))
  }

  private func forwarding(of head: RequestHead, _ service: Service) -> Forwarding {
    do throws(MalformedForwarding) {
      return try service.configuration.proxies.forwarding(of: head.fields, from: known.client)
    } catch {
      service.configuration.logger.debug(
        "Ignored what \(known.client) says of a request's client: malformed")
      return Forwarding(client: known.client)
    }
  }
}
