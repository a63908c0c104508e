// The pages, and how they are sent.

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

private struct Order: Decodable {
  var name: String
  var numbers: [Int]
  var active: Bool
}

private struct Summary: Encodable {
  var name: String
  var sum: Int
  var active: Bool
}

private let hello = ByteBuffer(string: "Hello world!")
private let small = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 << 10)
private let large = ByteBuffer(repeating: UInt8(ascii: "x"), count: 10 << 20)
private let text = "text/plain; charset=utf-8"
private let binary = "application/octet-stream"
private let files = NonBlockingFileIO(threadPool: .singleton)

/// Answers each request when it is complete; head, body and end go out in one flush.
final class Pages: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let file: String
  private var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
  private var body = ByteBuffer()

  init(file: String) { self.file = file }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body.clear()
    case .body(var piece): body.writeBuffer(&piece)
    case .end: answer(context)
    }
  }

  private func answer(_ context: ChannelHandlerContext) {
    switch (head.method, head.uri) {
    case (.GET, "/"): send(context, hello, text)
    case (.GET, "/64k"): send(context, small, binary)
    case (.GET, "/10m"): send(context, large, binary)
    case (.GET, "/file"): sendFile(context)
    case (.POST, "/upload"): send(context, ByteBuffer(string: "\(body.readableBytes)"), text)
    case (.POST, "/json"):
      if let answer = try? sum() {
        send(context, answer, "application/json")
      } else {
        send(context, ByteBuffer(string: "Not an order!"), text, status: .badRequest)
      }
    default: send(context, ByteBuffer(string: "Not found!"), text, status: .notFound)
    }
  }

  private func sum() throws -> ByteBuffer {
    let order = try JSONDecoder().decode(Order.self, from: Data(body.readableBytesView))
    let summary = Summary(
      name: order.name, sum: order.numbers.reduce(0, +), active: !order.active)
    return ByteBuffer(bytes: try JSONEncoder().encode(summary))
  }

  /// The system sends the file (sendfile). It is opened on a thread that may wait for the disk.
  private func sendFile(_ context: ChannelHandlerContext) {
    files.openFile(_deprecatedPath: file, eventLoop: context.eventLoop).assumeIsolated()
      .whenComplete { opened in
        switch opened {
        case .success((let handle, let region)):
          self.send(context, .fileRegion(region), region.readableBytes, binary).assumeIsolated()
            .whenComplete { _ in try? handle.close() }
        case .failure:
          self.send(context, ByteBuffer(string: "Not found!"), text, status: .notFound)
        }
      }
  }

  private func send(
    _ context: ChannelHandlerContext, _ body: ByteBuffer, _ type: String,
    status: HTTPResponseStatus = .ok
  ) {
    _ = send(context, .byteBuffer(body), body.readableBytes, type, status: status)
  }

  private func send(
    _ context: ChannelHandlerContext, _ body: IOData, _ length: Int, _ type: String,
    status: HTTPResponseStatus = .ok
  ) -> EventLoopFuture<Void> {
    var fields: HTTPHeaders = ["Content-Type": type, "Content-Length": "\(length)"]
    let isKeptAlive = head.isKeepAlive
    if !isKeptAlive { fields.add(name: "Connection", value: "close") }
    let head = HTTPResponseHead(version: .http1_1, status: status, headers: fields)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(body)), promise: nil)
    let end = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if !isKeptAlive { end.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
    return end
  }
}
