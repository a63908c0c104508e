// Hummingbird with a route for each page, as its documentation has them.

import Foundation
import Hummingbird

struct Order: Decodable {
  var name: String
  var numbers: [Int]
  var active: Bool
}

struct Summary: ResponseEncodable {
  var name: String
  var sum: Int
  var active: Bool
}

@main
struct HummingbirdServer {
  static func main() async throws {
    let path = CommandLine.arguments[1]
    let small = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 << 10)
    let large = ByteBuffer(repeating: UInt8(ascii: "x"), count: 10 << 20)
    let files = FileIO()

    let router = Router()
    router.get("/") { _, _ in "Hello world!" }
    router.get("/64k") { _, _ in small }
    router.get("/10m") { _, _ in large }
    router.get("/file") { _, context in
      Response(
        status: .ok, headers: [.contentType: "application/octet-stream"],
        body: try await files.loadFile(path: path, context: context))
    }
    router.post("/upload") { request, context in
      let body = try await request.body.collect(upTo: context.maxUploadSize)
      return "\(body.readableBytes)"
    }
    router.post("/json") { request, context in
      let order = try await request.decode(as: Order.self, context: context)
      return Summary(name: order.name, sum: order.numbers.reduce(0, +), active: !order.active)
    }

    let application = Application(
      router: router,
      configuration: .init(address: .hostname("127.0.0.1", port: 0), backlog: 1024),
      onServerRunning: { channel in
        print("Listening on 127.0.0.1:\(channel.localAddress!.port!)")
        fflush(nil)
      })
    try await application.runService()
  }
}
