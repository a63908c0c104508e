// What SwiftNIO's decoder takes for a head: nio-heads FILE COUNT prints nanoseconds and a checksum.

import NIOCore
import NIOEmbedded
import NIOHTTP1

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@main
struct NIOHeads {
  static func main() throws {
    let head = try ByteBuffer(bytes: contents(of: CommandLine.arguments[1]))
    let count = Int(CommandLine.arguments[2])!
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
    var sum = 0
    let time = try ContinuousClock().measure {
      for _ in 0..<count {
        try channel.writeInbound(head)
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
          if case .head(let head) = part { sum &+= head.headers.count }
        }
      }
    }
    print(time / .nanoseconds(1) / Double(count), sum)
  }

  private static func contents(of path: String) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let file = open(path, O_RDONLY)
    let count = read(file, &bytes, 65_536)
    close(file)
    guard count > 0 else { throw Failure() }
    return Array(bytes[..<count])
  }

  struct Failure: Error {}
}
