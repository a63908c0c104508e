import Testing

@testable import HTTPCore

/// Fields and heads against what was put into them, however they were made and copied.
@Suite("Fields against a model")
struct FieldsModelTests {
  private typealias Line = (name: String, value: String)

  private func read(_ text: String) throws -> RequestHead {
    let wire = [UInt8](wire: text)
    var server = Connection(role: .server)
    guard case .event(.request(let head), _) = try server.step(wire.span) else {
      throw ProtocolError(.closedInsideMessage, by: .peer)
    }
    return head
  }

  @Test("Made, read, copied and appended to: always sent as they are", arguments: 0..<40)
  func random(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var pool: [(fields: Fields, model: [Line])] = [(Fields(), [])]
    for step in 0..<60 {
      var (fields, model) = pool.randomElement(using: &random)!
      switch Int.random(in: 0..<8, using: &random) {
      case 0...2:
        let line = (name: "n\(step)", value: step % 3 == 0 ? "" : "v\(step)")
        try fields.append(line.name, line.value)
        model.append(line)
      case 3:
        #expect(throws: ProtocolError.self) { try fields.append("bad name", "x") }
      case 4:
        fields.removeAll(keepingCapacity: Bool.random(using: &random))
        model = []
      case 5:
        fields = try RequestHead(method: "GET", target: "/\(step)", fields: fields).fields
      case 6:
        fields = try ResponseHead(status: 200, reason: "Reason", fields: fields).fields
      default:
        let lines = model.map { "\($0.name):\($0.value) \n" }.joined()
        fields = try read("GET / HTTP/1.0\n" + lines + "\n").fields
      }
      pool.append((fields, model))
      for (fields, model) in pool {
        #expect(fields.map(\.name) == model.map(\.name))
        #expect(fields.map(\.value) == model.map(\.value))
      }
      let made = try Fields(model.map { ($0.name, $0.value) })
      #expect(fields == made)
      var server = Connection(role: .server)
      let request = [UInt8](wire: "GET / HTTP/1.1\nHost: a\n\n")
      _ = try server.step(request.span)
      var output: [UInt8] = []
      try server.send(
        .response(ResponseHead(status: 204, reason: "No", fields: fields)), into: &output)
      let lines = model.map { "\($0.name): \($0.value)\n" }.joined()
      #expect(output == [UInt8](wire: "HTTP/1.1 204 No\n" + lines + "\n"))
    }
  }

  @Test("Room is made for all of it")
  func reserveCapacity() throws {
    let names = (0..<100).map { "n\($0)" }
    var fields = Fields()
    fields.reserveCapacity(lines: 100, bytes: names.reduce(0) { $0 + $1.utf8.count + 1 })
    let before = fields.storage.capacity
    for name in names { try fields.append(name, "v") }
    #expect(fields.storage.capacity == before)
  }

  @Test("Heads that are kept stay as they are, whatever is read after them", arguments: 0..<40)
  func reuse(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var server = Connection(role: .server)
    var kept: [(head: RequestHead, target: String, model: [Line])] = []
    for round in 0..<40 {
      let model: [Line] =
        [("Host", "h\(round)")]
        + (0..<Int.random(in: 0..<40, using: &random)).map {
          ("f\($0)", String(repeating: "x", count: Int.random(in: 0..<60, using: &random)))
        }
      let lines = model.map { "\($0.name): \($0.value)\n" }.joined()
      let wire = [UInt8](wire: "GET /\(round) HTTP/1.1\n" + lines + "\n")
      let part = Array(wire[..<Int.random(in: 0...wire.count, using: &random)])
      var step = try server.step(part.span)
      if step == .needMoreInput { step = try server.step(wire.span) }
      guard case .event(.request(let head), wire.count) = step else {
        Issue.record("\(step)")
        return
      }
      // Nothing of an earlier head is left behind this one.
      #expect(head.fields.storage == wire)
      if Bool.random(using: &random) { kept.append((head, "/\(round)", model)) }

      let nothing: [UInt8] = []
      _ = try server.step(nothing.span)
      var output: [UInt8] = []
      try server.send(.response(ResponseHead(status: 204)), into: &output)
      try server.send(.endOfMessage(), into: &output)
      var fork = server
      try server.startNextExchange()
      try fork.startNextExchange()
      let other = [UInt8](wire: "GET /zzzzzzzzzzzzzzzz HTTP/1.1\nHost: zzzzzzzz\n\n")
      _ = try fork.step(other.span)
      for (head, target, model) in kept {
        #expect(head.target == target)
        #expect(head.fields.map(\.name) == model.map(\.name))
        #expect(head.fields.map(\.value) == model.map(\.value))
      }
    }
  }
}
