// A client and a server that talk to each other without a network.

import HTTPCore

struct ConnectionPair {
  var client = Connection(role: .client)
  var server = Connection(role: .server)

  /// Sends from one end and reads everything at the other.
  mutating func send(_ events: OutgoingEvent..., from role: Role) throws -> Reading {
    var wire: [UInt8] = []
    for event in events {
      if role == .client {
        try client.send(event, into: &wire)
      } else {
        try server.send(event, into: &wire)
      }
    }
    let (reading, receiver) = read(
      [wire], with: role == .client ? server : client, ended: events.last == .connectionClosed)
    if role == .client { server = receiver } else { client = receiver }
    return reading
  }

  /// Client and server as each end sees them; both ends must agree.
  var states: [PeerState] {
    precondition(client.ourState == server.peerState && client.peerState == server.ourState)
    return [client.ourState, server.ourState]
  }
}
