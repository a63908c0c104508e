// Responses that go on for as long as their page is open.

import HTTPTypes
public import KVStore
import Threads

extension Response {
  /// A stream of events, for as long as the closure writes.
  ///
  /// ```swift
  /// .events { body in
  ///   repeat { try body.send(ServerSentEvent(data: "tick")) } while try body.wait(for: .seconds(1)) == .timeOver
  /// }
  /// ```
  ///
  /// It keeps a thread. A closure that waits for something else than ``ResponseBody/wait(for:)`` looks at
  /// ``ResponseBody/isStopping`` now and then.
  ///
  /// - Parameters:
  ///   - fields: Further fields. That nobody is to store or gather it is said here.
  ///   - write: Sends events, on the connection's thread.
  public static func events(
    fields: ResponseFields = [:], _ write: @escaping @Sendable (inout ResponseBody) throws -> Void
  ) -> Response {
    var fields = fields
    if fields[.cacheControl] == nil { fields.append(.cacheControl, "no-store") }
    // nginx would gather events to pieces of 4 KiB.
    fields[.init("X-Accel-Buffering")!] = "no"
    return stream("text/event-stream", fields: fields) { body in
      // The page is told at once that it is connected.
      try body.sendHeartbeat()
      try write(&body)
    }
  }

  /// What is stored, as events, as it is stored.
  ///
  /// ```swift
  /// routes.get("/events") { request, _ in
  ///   .events(try store.changes(in: "notes", after: request.lastEventID)) { change in
  ///     ServerSentEvent(id: "\(change.sequence)", data: change.key)
  ///   }
  /// }
  /// ```
  ///
  /// A client that connects again gets what came meanwhile. If that is not known any more, it gets an event named `missed`,
  /// after which it should read everything anew. The stream ends when the client goes, the server stops or the store
  /// closes, within a second.
  ///
  /// - Parameters:
  ///   - changes: The changes of a store.
  ///   - heartbeat: After how long without an event a comment is sent. 15 s by default: proxies cut what is silent for a
  ///     minute.
  ///   - event: What is sent for a change; `nil` for nothing. Its id should be the change's sequence number.
  public static func events(
    _ changes: Changes, heartbeat: Duration = .seconds(15),
    _ event: @escaping @Sendable (Change) throws -> ServerSentEvent?
  ) -> Response {
    require(heartbeat > .zero, "a heartbeat comes after some time")
    return events { body in
      var changes = changes
      let pause = min(heartbeat, .seconds(1))
      var (sent, looked) = (MonotonicTime.now(), MonotonicTime.now())
      while true {
        switch try changes.nextUnlessClosed(within: pause) {
        case .event(.change(let change)):
          if let event = try event(change) {
            try body.send(event)
            sent = .now()
          }
        case .event(.missed(let sequence)):
          try body.send(ServerSentEvent(id: "\(sequence)", event: "missed", data: ""))
          sent = .now()
        case .none: break
        case .closed: return
        }
        // Also while changes come without a pause, of which nothing need be sent.
        let now = MonotonicTime.now()
        guard now - looked >= pause else { continue }
        looked = now
        guard try body.wait(for: .zero) == .timeOver else { return }
        if now - sent >= heartbeat {
          try body.sendHeartbeat()
          sent = now
        }
      }
    }
  }
}

extension Request {
  /// The id of the last event that the client got of a stream that was cut, to go on after it; `nil` if there was none.
  ///
  /// 0 if it is no whole number, which is before every change of a store: the client is told that it missed some.
  public var lastEventID: Int64? { fields["Last-Event-ID"].map { Int64($0) ?? 0 } }
}

private enum NextChange {
  case event(ChangeEvent)
  case none
  case closed
}

extension Changes {
  fileprivate mutating func nextUnlessClosed(within limit: Duration) throws(StoreError)
    -> NextChange
  {
    do throws(StoreError) {
      return try next(within: limit).map { .event($0) } ?? .none
    } catch .closed {
      return .closed
    }
  }
}
