// SwiftNIO's own HTTP/1 pipeline with one handler behind it, an event loop a core: no framework above it.

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

@main
struct NIOServer {
  static func main() throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
    let channel = try ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline(withErrorHandling: true).flatMapThrowing {
          try channel.pipeline.syncOperations.addHandler(Hello())
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    print("Listening on 127.0.0.1:\(channel.localAddress!.port!)")
    fflush(nil)
    try channel.closeFuture.wait()
  }
}

/// Answers each request when it is complete; head, body and end go out in one flush.
final class Hello: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private static let text = ByteBuffer(string: "Hello world!")
  private static let fields: HTTPHeaders = [
    "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(text.readableBytes)",
  ]
  private var isKeptAlive = true

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): isKeptAlive = head.isKeepAlive
    case .body: break
    case .end: answer(context)
    }
  }

  private func answer(_ context: ChannelHandlerContext) {
    var fields = Self.fields
    if !isKeptAlive { fields.add(name: "Connection", value: "close") }
    let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: fields)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(Self.text))), promise: nil)
    let end = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if !isKeptAlive { end.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
  }
}
