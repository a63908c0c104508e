// What SwiftNIO's decoder and encoder take: nanoseconds a message, and a checksum.
//
//     nio-codec request FILE COUNT
//     nio-codec response FILE COUNT
//     nio-codec write COUNT

import NIOCore
import NIOEmbedded
import NIOHTTP1

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct NIOCodec {
  static func main() throws {
    let arguments = CommandLine.arguments
    let count = Int(arguments[arguments.count - 1])!
    let channel = EmbeddedChannel()
    var sum = 0
    var time = Duration.zero
    switch arguments[1] {
    case "request":
      let message = try ByteBuffer(bytes: contents(of: arguments[2]))
      try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
      time = try ContinuousClock().measure {
        for _ in 0..<count { sum &+= try readRequest(message, on: channel) }
      }
    case "response":
      let message = try ByteBuffer(bytes: contents(of: arguments[2]))
      try channel.pipeline.syncOperations.addHandlers(
        HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()))
      for _ in 0..<count {
        try askForResponse(on: channel)
        time += try ContinuousClock().measure { sum &+= try readResponse(message, on: channel) }
      }
    default:
      try channel.pipeline.syncOperations.addHandler(HTTPResponseEncoder())
      time = try ContinuousClock().measure {
        for _ in 0..<count { sum &+= try write(on: channel) }
      }
    }
    print(time / .nanoseconds(1) / Double(count), sum)
  }

  private static func readRequest(_ message: ByteBuffer, on channel: EmbeddedChannel) throws -> Int
  {
    var sum = 0
    try channel.writeInbound(message)
    while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
      switch part {
      case .head(let head): sum &+= head.headers.count
      case .body(let bytes): sum &+= bytes.readableBytes
      case .end: break
      }
    }
    return sum
  }

  /// The decoder must know which request is answered.
  private static func askForResponse(on channel: EmbeddedChannel) throws {
    let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
    try channel.writeOutbound(HTTPClientRequestPart.head(request))
    while try channel.readOutbound(as: IOData.self) != nil {}
  }

  private static func readResponse(_ message: ByteBuffer, on channel: EmbeddedChannel) throws -> Int
  {
    var sum = 0
    try channel.writeInbound(message)
    while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
      if case .head(let head) = part { sum &+= head.headers.count }
    }
    return sum
  }

  private static let body = ByteBuffer(string: "Hello world!")

  private static func write(on channel: EmbeddedChannel) throws -> Int {
    let fields: HTTPHeaders = [
      "Content-Type": "text/plain; charset=utf-8", "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
      "Content-Length": "12",
    ]
    let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)
    try channel.writeOutbound(HTTPServerResponsePart.head(head))
    try channel.writeOutbound(HTTPServerResponsePart.body(.byteBuffer(body)))
    try channel.writeOutbound(HTTPServerResponsePart.end(nil))
    var sum = 0
    while let bytes = try channel.readOutbound(as: IOData.self) { sum &+= bytes.readableBytes }
    return sum
  }

  private static func contents(of path: String) throws -> [UInt8] {
    let capacity = 2 << 20
    let file = open(path, O_RDONLY)
    defer { close(file) }
    var filled = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      while filled < capacity {
        let received = read(file, buffer.baseAddress! + filled, capacity - filled)
        if received <= 0 { break }
        filled += received
      }
      count = filled
    }
    guard filled > 0 else { throw Failure() }
    return bytes
  }

  struct Failure: Error {}
}
