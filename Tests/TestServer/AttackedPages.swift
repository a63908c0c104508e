// The pages that Tests/Soak attacks: one for each way in which a handler reads, writes and waits.

import Foundation
import Freetser

#if os(Linux)
  import CHeap
#endif

/// The answer of the page that was asked for; `nil` if there is none.
func answerAttacked(_ request: Request, _ body: inout RequestBody) throws -> Response? {
  switch (request.method, request.path) {
  case (.get, "/target"):
    return .text(request.target)
  case (.post, "/whole"):
    return .text("\(try body.readAll().count)")
  case (.post, "/pieces"):
    while try body.read() != nil {}
    return .text("\(body.count)")
  case (.post, "/unread"):
    return .text("unread")
  case (.post, "/json"):
    return try decodeNested(Data(body.readAll()))
  case (.get, "/bytes"):
    return .bytes(Array(repeating: 120, count: Int(request.query ?? "") ?? 0))
  case (.get, "/file"):
    // This program: a file that is large, is there, and stays as it is.
    return try .file(at: CommandLine.arguments[0], for: request)
  case (.get, "/endless"):
    return .stream("text/plain") { body in
      let piece = [UInt8](repeating: 120, count: 65_536)
      while !body.isStopping { try body.write(piece) }
    }
  case (.get, "/events"):
    return .stream("text/event-stream") { body in
      try body.write(": here it begins\n\n")
      while try body.wait(for: .seconds(60)) == .timeOver { try body.write(": still here\n\n") }
    }
  case (.get, "/echo"):
    return .switchingProtocols(to: "echo") { stream in
      while case let bytes = try stream.receive(), !bytes.isEmpty { try stream.send(bytes) }
    }
  #if os(Linux)
    case (.get, "/heap"):
      // Memory that is free goes back to the system, so that what the process still has is held.
      malloc_trim(0)
      let heap = mallinfo2()
      return .text("\(heap.uordblks + heap.hblkhd)")
  #endif
  default:
    return nil
  }
}

/// A value that is decoded as deep as it is nested.
private struct Nested: Decodable {
  var depth: Int

  init(from decoder: any Decoder) throws {
    var array = try decoder.unkeyedContainer()
    depth = 1
    while !array.isAtEnd { depth = try max(depth, 1 + array.decode(Nested.self).depth) }
  }
}

private func decodeNested(_ json: Data) throws -> Response {
  do {
    return .text("\(try JSONDecoder().decode(Nested.self, from: json).depth)")
  } catch let error as DecodingError {
    return .text("\(error)", status: .badRequest)
  }
}
