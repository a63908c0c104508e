// Exchanges for tests of observers, made without a server.

import HTTPCore
import HTTPTypes

@testable import Freetser

extension Exchange {
  /// What came of a request.
  init(
    _ request: Request?, status: Int?, bodySize: Int = 0, after duration: Duration = .zero,
    isComplete: Bool = true
  ) {
    self.init(
      request, from: .ipv4(octets: [127, 0, 0, 1], port: 1),
      Outcome(
        status: status.map { HTTPResponse.Status(code: $0) }, bodySize: bodySize,
        timeToResponse: status == nil ? nil : duration, duration: duration,
        isComplete: isComplete,
        end: CivilTime.Moment(seconds: 1_795_717_013, milliseconds: 123)))
  }
}

/// The request that a server makes of these bytes, in which each line feed stands for CR LF.
func request(
  of text: [UInt8], from peer: Address = .ipv4(octets: [192, 0, 2, 1], port: 80)
) throws -> Request {
  let wire = text.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
  var machine = Connection(role: .server)
  guard case .event(.request(let head), _) = try machine.step(wire.span) else {
    throw ProtocolError(.invalidMethod, by: .us)
  }
  return Request(head: head, peer: peer)
}
