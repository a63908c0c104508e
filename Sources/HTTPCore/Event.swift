// What a conversation is made of: what `step` reports, what `send` takes.

/// The end of the connection that one plays.
public enum Role: Equatable, Sendable {
  /// Sends requests.
  case client
  /// Sends responses.
  case server

  /// The other end.
  @inlinable public var peer: Role { self == .client ? .server : .client }
}

/// Something the peer sent, whole and checked.
public enum Event: Equatable, Sendable {
  /// A request's head (to a server).
  case request(RequestHead)
  /// An interim response's head, 1xx (to a client).
  case interimResponse(ResponseHead)
  /// The final response's head (to a client).
  case response(ResponseHead)
  /// Content: where it stands in the input given to this call of ``Connection/step(_:inputEnded:)``.
  case content(Range<Int>)
  /// The message is complete. Trailers come with chunked content only.
  case endOfMessage(trailers: Fields)
  /// The peer closed its half of the connection, between messages.
  case connectionClosed
}

/// What ``Connection/step(_:inputEnded:)`` found.
public enum Step: Equatable, Sendable {
  /// An event and how many bytes it took from the front of the input. Drop them and call again.
  case event(Event, consumed: Int)
  /// No event is complete. Receive more, keep what there is, and call again.
  case needMoreInput
  /// This half has said all it may for now. What input there is belongs to the next exchange, or to the
  /// protocol switched to: ``Connection/startNextExchange()`` goes on, or the connection is closed. To a client nothing
  /// may come behind a response: if something does, the connection does not persist.
  case paused
}

/// Something to send.
public enum OutgoingEvent: Equatable, Sendable {
  /// A request's head (as a client).
  case request(RequestHead)
  /// An interim response's head, 1xx (as a server).
  case interimResponse(ResponseHead)
  /// The final response's head (as a server).
  case response(ResponseHead)
  /// Content, framed and copied to the output.
  case content([UInt8])
  /// Content of so many bytes that the caller itself writes right after this output, without a copy here.
  ///
  /// Under chunked framing what must stand behind it is put before whatever is sent next. In answer to HEAD it is
  /// refused, unlike ``content(_:)``, which is dropped: what the caller is about to write cannot be taken back.
  case contentFollows(count: Int)
  /// The message is complete.
  case endOfMessage(trailers: Fields = Fields())
  /// Our half of the connection is about to be closed; nothing is written.
  case connectionClosed
}

/// An event without what it carries: the alphabet of the state machine.
public enum EventKind: Equatable, Sendable, CaseIterable {
  /// A request's head.
  case requestHead
  /// An interim response's head other than the one that accepts a switch.
  case interimResponseHead
  /// The final response's head other than the one that accepts a switch.
  case finalResponseHead
  /// A 101, or a 2xx to CONNECT: from here on the bytes are another protocol's.
  case switchAccepted
  /// A piece of content.
  case content
  /// The end of a message.
  case endOfMessage
  /// The end of one direction of the connection.
  case connectionClosed

  /// The kind in words, for messages.
  var words: String {
    switch self {
    case .requestHead: "a request"
    case .interimResponseHead: "an interim response"
    case .finalResponseHead: "a response"
    case .switchAccepted: "a protocol switch"
    case .content: "content"
    case .endOfMessage: "the end of a message"
    case .connectionClosed: "closing"
    }
  }
}
