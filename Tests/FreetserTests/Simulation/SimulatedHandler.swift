// The handler of a simulated life: it does what the plan says and notes what it sees.

import Freetser
import HTTPTypes
import StreamSimulation
import Threads

final class SimulatedHandler: Sendable {
  private let plan: LifePlan
  private let wire: SimulatedWire
  private let seen = Monitor(Seen())

  struct Seen {
    /// The requests it was called for, in order.
    var calls: [Int] = []
    /// How long it has waited for its client on its own account.
    var waited = Duration.zero
  }

  struct Failure: Error {}

  init(_ plan: LifePlan, _ wire: SimulatedWire) {
    self.plan = plan
    self.wire = wire
  }

  var calls: [Int] { seen.withLock { $0.calls } }
  var waited: Duration { seen.withLock { $0.waited } }

  func answer(_ request: Request) throws -> Response {
    let planned = note(request)
    check(request.body, planned, isWhole: true)
    return try respond(planned)
  }

  func answer(_ request: Request, _ body: inout RequestBody) throws -> Response {
    let planned = note(request)
    switch planned.reading {
    case .nothing, .late: break
    case .whole: try check(body.readAll(), planned, isWhole: true)
    case .pieces(let count):
      var read: [UInt8] = []
      for _ in 0..<count {
        guard let piece = try body.read() else { break }
        read += piece
      }
      check(read, planned, isWhole: false)
    case .careless: _ = try? body.readAll()
    }
    return try respond(planned)
  }

  private func note(_ request: Request) -> PlannedRequest {
    let id = request.fields["X-Id"].flatMap { Int($0) } ?? -1
    seen.withLock { $0.calls.append(id) }
    guard plan.requests.indices.contains(id) else {
      wire.report("the handler was called for a request that there is not: \(request.head)")
      return PlannedRequest(id: id)
    }
    wire.work(for: .milliseconds(id % 3))
    return plan.requests[id]
  }

  private func check(_ read: [UInt8], _ planned: PlannedRequest, isWhole: Bool) {
    let isRight = isWhole ? read == planned.content : planned.content.starts(with: read)
    if !isRight { wire.report("the handler of \(planned.id) got another body") }
  }

  private func respond(_ planned: PlannedRequest) throws -> Response {
    let fields: ResponseFields = [.xID: "\(planned.id)"]
    switch planned.answer {
    case .bytes(let count):
      return .bytes(PlannedRequest.pattern(planned.id + 100, count), fields: fields)
    case .bodiless(let status): return .bytes([1, 2], status: .init(code: status), fields: fields)
    case .throwing: throw Failure()
    case .badField: return .text("never", fields: [.server: "a\r\nb"])
    case .stream(let stream):
      return .stream("a/b", length: stream.length, fields: fields) { [self] body in
        try write(stream, of: planned, to: &body)
      }
    case .takeOver(let kind):
      let use: @Sendable (inout RawStream) throws -> Void = { [self] stream in
        try speak(kind, planned, on: &stream)
      }
      return planned.method == "CONNECT"
        ? .connected(fields: fields, use) : .switchingProtocols(to: "talk", fields: fields, use)
    }
  }

  private func write(
    _ stream: PlannedRequest.Stream, of planned: PlannedRequest, to body: inout ResponseBody
  ) throws {
    if plan.streams, planned.reading == .late {
      check(try body.request.readAll(), planned, isWhole: true)
    }
    let content = PlannedRequest.pattern(planned.id + 100, stream.count)
    var written = 0
    for (number, piece) in stream.pieces.enumerated() {
      if number == stream.throwsAfter { throw Failure() }
      if stream.waits > 0 {
        let time = Duration.seconds(stream.waits)
        seen.withLock { $0.waited += time }
        _ = try body.wait(for: time)
      }
      try body.write(Array(content[written..<(written + piece)]))
      written += piece
      if stream.flushes { try body.flush() }
    }
    if stream.throwsAfter != nil { throw Failure() }
    if stream.hasTrailers { try body.end(trailers: [.xID: "\(planned.id)"]) }
  }

  private func speak(
    _ kind: PlannedRequest.TakeOver, _ planned: PlannedRequest, on stream: inout RawStream
  ) throws {
    switch kind {
    case .says(let count): try stream.send(PlannedRequest.pattern(planned.id + 100, count))
    case .echo:
      while true {
        let limit = Duration.seconds(20)
        seen.withLock { $0.waited += limit }
        let bytes = try stream.receive(atMost: 100, within: limit)
        if bytes.isEmpty { return }
        try stream.send(bytes)
      }
    }
  }
}

extension HTTPField.Name {
  static let xID = HTTPField.Name("X-Id")!
}
