// SwiftNIO's own HTTP/1 pipeline with one handler behind it, an event loop a core: no framework
// above it.

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

@main
struct NIOServer {
  static func main() throws {
    let path = CommandLine.arguments[1]
    let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
    let channel = try ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline(withErrorHandling: true).flatMapThrowing {
          try channel.pipeline.syncOperations.addHandler(Pages(file: path))
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    print("Listening on 127.0.0.1:\(channel.localAddress!.port!)")
    fflush(nil)
    try channel.closeFuture.wait()
  }
}
