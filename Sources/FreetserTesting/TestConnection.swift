// One connection of a test to a server, in memory: the client's half of the protocol, and the server's thread.

import Freetser
import HTTPCore
import HTTPTypes
import Threads
import Transport

/// A connection on which one request follows the other.
///
/// What is sent is never waited for: the other end holds all of it, which is no more than the test holds anyway. A server
/// may therefore answer before it has read a request, and need not read it.
final class TestConnection {
  private let limits: TestLimits
  private let stream: MemoryStream
  /// Whether another request can be sent.
  private(set) var isOpen = true
  private var machine = HTTPCore.Connection(role: .client)
  private var input = ReceiveBuffer()
  private var inputEnded = false
  private let servingHasEnded = Monitor(false)

  init(to server: Server, from peer: Address, _ limits: TestLimits) throws(TestClientError) {
    self.limits = limits
    var endpoint = server.endpoints[0]
    // There is no proxy in between that would send a header first.
    endpoint.proxyProtocol = false
    let (serverEnd, clientEnd) = MemoryStream.pair(
      peer: peer, endpoint: endpoint, toServer: .max, toClient: 65_536)
    stream = clientEnd
    server.getReadyUnstarted()
    // The thread must not hold its end for longer than the server does, or it would not be closed.
    let handoff = Handoff(serverEnd)
    do throws(ThreadError) {
      try Thread.startDetached(
        name: "test-server", stackSize: server.configuration.stackSize
      ) { [servingHasEnded] in
        if let end = handoff.take() { server.serveUnaccepted(end) }
        servingHasEnded.withLock { $0 = true }
        servingHasEnded.wakeAll()
      }
    } catch {
      throw .cannotStartThread(code: error.code)
    }
  }

  /// Sends a request and waits for its response; the connection is closed then unless another may follow.
  func exchange(
    _ head: RequestHead, _ body: [UInt8]
  ) throws(TestClientError) -> ReceivedResponse {
    let deadline = stream.now() + limits.time
    let wire = try write(head, body)
    do throws(TransportError) {
      try stream.sendAll(wire.span, Span(), within: limits.time)
    } catch {
      // A server that has refused and closed has said why.
    }
    do throws(TestClientError) {
      let response = try receive(by: deadline)
      if !startNext() { close() }
      return response
    } catch {
      // Whoever did not answer in time is not waited for again.
      if case .timedOut = error { endStream() } else { close() }
      throw error
    }
  }

  /// Closes the connection, and waits until the server has noticed: until no handler works for it any more.
  func close() {
    endStream()
    _ = servingHasEnded.wait(until: .now() + limits.time) { $0 ? () : nil }
  }

  private func endStream() {
    isOpen = false
    stream.close()
  }

  /// The bytes of a request. If there is something wrong with it, the machine is left as it was.
  private func write(_ head: RequestHead, _ body: [UInt8]) throws(TestClientError) -> [UInt8] {
    var (next, wire) = (machine, [UInt8]())
    do throws(ProtocolError) {
      try next.send(.request(head), into: &wire)
      try next.send(.content(body), into: &wire)
      try next.send(.endOfMessage(), into: &wire)
    } catch {
      throw .unsendable(error)
    }
    machine = next
    return wire
  }

  private func startNext() -> Bool {
    do throws(ProtocolError) {
      try machine.startNextExchange()
      return true
    } catch {
      return false
    }
  }
}

// MARK: Receiving

extension TestConnection {
  private func receive(
    by deadline: MonotonicTime
  ) throws(TestClientError) -> ReceivedResponse {
    var response: ReceivedResponse?
    while true {
      let (step, content) = try step(after: response)
      switch step {
      case .event(.response(let head), _): response = ReceivedResponse(head)
      case .event(.interimResponse(let head), _) where machine.peerState == .switched:
        response = ReceivedResponse(head)
      case .event(.endOfMessage(let trailers), _):
        response?.trailers = trailers
        if let response { return response }
      case .event: try response?.append(content, limits)
      case .needMoreInput: try receiveMore(by: deadline)
      case .paused:
        // Only a response that was a switch leaves nothing to step over.
        guard var response else { throw .closedWithoutResponse }
        try receiveOther(into: &response, by: deadline)
        return response
      }
    }
  }

  /// What the machine makes of the input, and the content in it.
  private func step(
    after response: ReceivedResponse?
  ) throws(TestClientError) -> (Step, content: [UInt8]) {
    do throws(ProtocolError) {
      let found = try input.withUnread { (unread) throws(ProtocolError) in
        let step = try machine.step(unread, inputEnded: inputEnded)
        guard case .event(.content(let range), _) = step else { return (step, [UInt8]()) }
        return (step, [UInt8](copying: unread.extracting(range)))
      }
      if case .event(_, let consumed) = found.0 { input.consume(consumed) }
      return found
    } catch {
      guard inputEnded else { throw .malformed(error) }
      throw response.map { .cut($0) } ?? .closedWithoutResponse
    }
  }

  /// The other protocol, spoken by a client that listens and has nothing to say.
  private func receiveOther(
    into response: inout ReceivedResponse, by deadline: MonotonicTime
  ) throws(TestClientError) {
    stream.shutdown(.sending)
    while true {
      try response.append(input.withUnread { [UInt8](copying: $0) }, limits)
      input.consume(input.count)
      if inputEnded { return }
      try receiveMore(by: deadline)
    }
  }

  private func receiveMore(
    by deadline: MonotonicTime
  ) throws(TestClientError) {
    do throws(TransportError) {
      inputEnded =
        try input.fill { (output) throws(TransportError) in
          try stream.receiveSome(into: &output, by: deadline)
        } == 0
    } catch .timedOut {
      throw .timedOut(after: limits.time)
    } catch {
      // A reset: nothing follows.
      inputEnded = true
    }
  }
}

extension ReceivedResponse {
  fileprivate init(_ head: ResponseHead) {
    self.init(
      status: HTTPResponse.Status(code: head.status, reasonPhrase: head.reason),
      fields: head.fields)
  }

  fileprivate mutating func append(
    _ content: [UInt8], _ limits: TestLimits
  ) throws(TestClientError) {
    guard content.count <= limits.bodySize - body.count else {
      throw .tooLarge(limitInBytes: limits.bodySize)
    }
    body += content
  }
}
