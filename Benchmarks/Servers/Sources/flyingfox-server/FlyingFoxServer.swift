// FlyingFox with a route for each page.

import FlyingFox
import FlyingSocks
import Foundation

struct Order: Decodable {
  var name: String
  var numbers: [Int]
  var active: Bool
}

struct Summary: Encodable {
  var name: String
  var sum: Int
  var active: Bool
}

@main
struct FlyingFoxServer {
  static func main() async throws {
    let file = URL(fileURLWithPath: CommandLine.arguments[1])
    let small = Data(repeating: UInt8(ascii: "x"), count: 64 << 10)
    let large = Data(repeating: UInt8(ascii: "x"), count: 10 << 20)

    let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: 0), logger: .disabled)
    await server.appendRoute("GET /") { _ in text("Hello world!") }
    await server.appendRoute("GET /64k") { _ in answer(small, "application/octet-stream") }
    await server.appendRoute("GET /10m") { _ in answer(large, "application/octet-stream") }
    await server.appendRoute(
      "GET /file", to: FileHTTPHandler(path: file, contentType: "application/octet-stream"))
    await server.appendRoute("POST /upload") { request in
      text("\(try await request.bodyData.count)")
    }
    await server.appendRoute("POST /json") { request in
      let order = try JSONDecoder().decode(Order.self, from: await request.bodyData)
      let summary = Summary(
        name: order.name, sum: order.numbers.reduce(0, +), active: !order.active)
      return answer(try JSONEncoder().encode(summary), "application/json")
    }

    async let running: Void = server.run()
    try await server.waitUntilListening()
    if case .ip4(_, let port) = await server.listeningAddress {
      print("Listening on 127.0.0.1:\(port)")
      fflush(nil)
    }
    try await running
  }

  static func text(_ text: String) -> HTTPResponse {
    answer(Data(text.utf8), "text/plain; charset=utf-8")
  }

  static func answer(_ body: Data, _ type: String) -> HTTPResponse {
    HTTPResponse(statusCode: .ok, headers: [.contentType: type], body: body)
  }
}
