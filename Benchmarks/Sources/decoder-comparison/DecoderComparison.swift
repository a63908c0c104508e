// Reads cases as core-cases does, and writes what SwiftNIO's HTTP/1 decoder makes of each.

import Cases
import Glibc
import NIOCore
import NIOEmbedded
import NIOHTTP1

@main
struct DecoderComparison {
  static func main() throws {
    while let line = readLine() {
      guard case .read(let reading) = Case(line) else { fatalError("not a case to read: \(line)") }
      var first: Outcome?
      var split: String?
      for pieces in reading.pieces {
        let outcome = try read(pieces, of: reading)
        if let first, outcome != first, split == nil { split = outcome.json() }
        first = first ?? outcome
      }
      print((first ?? Outcome()).json(split: split))
      // Whoever sent the case may wait for this before it sends another.
      fflush(nil)
    }
  }

  private static func read(
    _ pieces: [ArraySlice<UInt8>], of reading: Case.Reading
  ) throws -> Outcome {
    let channel = EmbeddedChannel()
    if reading.isServer {
      try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
    } else {
      let decoder = HTTPResponseDecoder(informationalResponseStrategy: .forward)
      try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(decoder))
      try sendRequests(reading.mode, on: channel)
    }
    var outcome = Outcome()
    do {
      for piece in pieces {
        try channel.writeInbound(ByteBuffer(bytes: piece))
        try outcome.takeParts(from: channel, isServer: reading.isServer)
      }
      if reading.ends {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        try channel.throwIfErrorCaught()
      }
    } catch {
      outcome.error = "\(error)"
    }
    try outcome.takeParts(from: channel, isServer: reading.isServer)
    _ = try? channel.finish(acceptAlreadyClosed: true)
    return outcome
  }

  /// The decoder wants to have seen the requests; more than any case has responses.
  private static func sendRequests(_ mode: String, on channel: EmbeddedChannel) throws {
    let method = mode == "UPGRADE" ? "GET" : mode
    for _ in 0..<16 {
      let head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: "/")
      try channel.writeOutbound(HTTPClientRequestPart.head(head))
    }
  }
}

extension Outcome {
  fileprivate mutating func takeParts(from channel: EmbeddedChannel, isServer: Bool) throws {
    if isServer {
      while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
        switch part {
        case .head(let head):
          note(
            .request(
              method: Array(head.method.rawValue.utf8), target: Array(head.uri.utf8),
              version: head.version.text, fields: head.headers.cases))
        case .body(let bytes): note(.content(Array(bytes.readableBytesView)))
        case .end(let trailers): note(.end(trailers?.cases ?? []))
        }
      }
    } else {
      while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
        switch part {
        case .head(let head):
          note(
            .response(
              status: Int(head.status.code), reason: [], version: head.version.text,
              fields: head.headers.cases))
        case .body(let bytes): note(.content(Array(bytes.readableBytesView)))
        case .end(let trailers): note(.end(trailers?.cases ?? []))
        }
      }
    }
  }
}

extension HTTPVersion {
  fileprivate var text: String { "\(major).\(minor)" }
}

extension HTTPHeaders {
  fileprivate var cases: [Outcome.Field] {
    map { Outcome.Field($0.name.utf8, $0.value.utf8) }
  }
}
